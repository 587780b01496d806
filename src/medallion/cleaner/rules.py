"""A contract compiled to polars expressions: for every field a clean value, and the checks that it must pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import reduce

import polars as pl

from medallion.cleaner.instants import read_instants
from medallion.cleaner.numbers import Read, beyond, read_integer, read_number
from medallion.config.cleaning import ReplacePattern, apply
from medallion.config.contract import Contract
from medallion.config.field import ContractField
from medallion.errors import Misconfigured

TEXT, VALUE = "text", "value"


@dataclass(frozen=True)
class Check:
    """A condition that no row may meet, of the columns `TEXT` and `VALUE`: what is wrong with a row that does.

    A check of `unread` is only tried on texts that are no value of the field's type.
    """

    reason: str
    broken: pl.Expr
    unread: bool = False


@dataclass(frozen=True)
class Column:
    """A compiled field: its name, the position of its source in the file (None: not there), and its expressions.

    `text` makes the clean text of what is in the file, `value` makes of the column `TEXT` the value, and `rounded`
    (None: nothing is rounded) is true for each value of the column `VALUE` that Postgres will round. `is_text`: the
    values are any text.
    """

    name: str
    position: int | None
    text: pl.Expr
    value: pl.Expr
    checks: tuple[Check, ...]
    rounded: pl.Expr | None = None
    is_text: bool = False

    @property
    def refused(self) -> pl.Expr:
        """Which texts of the column `TEXT` are not values of the field's type."""
        return pl.col(TEXT).is_not_null() & self.value.is_null()


def compile_contract(contract: Contract, header: list[str]) -> list[Column]:
    """Compile every field that the file or a constant fills; products are computed by Postgres.

    Args:
        contract: The contract.
        header: The file's column names, trimmed.

    Raises:
        Misconfigured: A pattern is too large for the engine that runs it.
    """
    positions = {name: index for index, name in enumerate(header)}
    return [
        _column(field, positions.get(field.header) if field.derive is None else None, contract)
        for field in contract.fields
        if field.derive is None or field.derive.multiply is None
    ]


def _column(field: ContractField, position: int | None, contract: Contract) -> Column:
    _try_patterns(field)
    if position is None:
        constant = field.derive.constant if field.derive else None
        raw = pl.lit(constant, dtype=pl.String)
    else:
        raw = pl.col(str(position))
    clean: pl.Expr = reduce(apply, field.clean, raw)
    missing = field.missing_values if field.missing_values is not None else contract.missing_values
    if missing:
        clean = pl.when(~clean.is_in(list(missing))).then(clean)
    text = pl.col(TEXT)
    # A key without a value is no key, whether the contract says `required` or not.
    required = field.constraints.required or field.name in contract.primary_key
    absent = [Check("is required and missing", text.is_null())] if required else []
    read = _typed(field, text)
    typed = [Check(reason, broken, unread=True) for reason, broken in read.reasons]
    checks = (*absent, *typed, *_constraints(field))
    value, is_text = read.value.alias(VALUE), field.type == "string"
    return Column(field.name, position, clean.alias(TEXT), value, checks, read.rounded, is_text)


def _try_patterns(field: ContractField) -> None:
    patterns = [rule.replace_pattern for rule in field.clean if isinstance(rule, ReplacePattern)]
    for pattern in (*patterns, *filter(None, (field.constraints.pattern,))):
        try:
            pl.Series([""]).str.contains(f"^(?:{pattern})$")
        except pl.exceptions.ComputeError as error:
            why = next((line for line in str(error).splitlines() if "error: " in line or "limit" in line), str(error))
            message = f"the pattern {pattern[:100]!r} of {field.name} cannot be used: {why.strip()}"
            raise Misconfigured(message, "write a shorter pattern, or `maxLength` instead of a repetition") from error


def _typed(field: ContractField, text: pl.Expr) -> Read:
    """The value, and why a text may have no value."""
    if field.type == "integer":
        return read_integer(field, text)
    if field.type == "number":
        return read_number(field, text, pl.col(VALUE))
    if field.type == "boolean":
        yes, no = text.is_in(list(field.true_values)), text.is_in(list(field.false_values))
        truth = pl.when(yes).then(pl.lit("true")).when(no).then(pl.lit("false"))
        return Read(truth, ((f"is not one of {', '.join((*field.true_values, *field.false_values))}", pl.lit(True)),))
    if field.type in ("date", "datetime"):
        value, doubtful = read_instants(field, text)
        unsure = f"is another {field.type} in each of {' and '.join(field.formats)}"
        wrong = f"is not a {field.type} written as {' or '.join(field.formats)}"
        return Read(value, ((unsure, doubtful), (wrong, pl.lit(True))))
    return Read(text, ())


def _constraints(field: ContractField) -> Iterator[Check]:
    limits, text = field.constraints, pl.col(TEXT)
    if limits.minimum is not None:
        yield Check(f"is below the minimum {limits.minimum}", _beyond(limits.minimum, -1))
    if limits.maximum is not None:
        yield Check(f"is above the maximum {limits.maximum}", _beyond(limits.maximum, 1))
    if limits.max_length is not None:
        yield Check(f"is longer than {limits.max_length} characters", text.str.len_chars() > limits.max_length)
    if limits.pattern is not None:
        yield Check(f"does not match {limits.pattern}", ~text.str.contains(f"^(?:{limits.pattern})$"))
    if limits.enum is not None:
        yield Check(f"is not one of {', '.join(limits.enum)}", ~text.is_in(list(limits.enum)))


def _beyond(bound: float | date | datetime, side: int) -> pl.Expr:
    value = pl.col(VALUE)
    if isinstance(bound, date):
        if isinstance(bound, datetime) and bound.tzinfo is not None:
            bound = bound.astimezone(timezone.utc).replace(tzinfo=None)
        return value < pl.lit(bound) if side < 0 else value > pl.lit(bound)
    return beyond(value, bound, side)
