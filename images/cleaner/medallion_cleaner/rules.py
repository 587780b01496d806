"""A contract compiled to polars expressions: for every field a clean value, and the checks that it must pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import reduce

import polars as pl

from medallion.spec.cleaning import apply
from medallion.spec.contract import Contract
from medallion.spec.field import ContractField
from medallion_cleaner.instants import read_instants
from medallion_cleaner.numbers import Read, above, below, read_integer, read_number

TEXT = "text"


@dataclass(frozen=True)
class Check:
    """A condition that no row may meet: the field that it is about, and what is wrong with a row that does."""

    field: str
    reason: str
    broken: pl.Expr


@dataclass(frozen=True)
class Column:
    """A compiled field: its name, the position of its source in the file (None: not there), and its expressions.

    `text` makes the clean text of what is in the file. `value`, `checks` and `rounded` (which values Postgres will
    round; None: none) are of the column `TEXT` that holds it.
    """

    name: str
    position: int | None
    text: pl.Expr
    value: pl.Expr
    checks: tuple[Check, ...]
    rounded: pl.Expr | None = None


def compile_contract(contract: Contract, header: list[str]) -> list[Column]:
    """Compiles every field that the file or a constant fills; products are computed by Postgres.

    Args:
        contract: The contract.
        header: The file's column names, trimmed.
    """
    positions = {name: index for index, name in enumerate(header)}
    return [
        _column(field, positions.get(field.header) if field.derive is None else None, contract)
        for field in contract.fields
        if field.derive is None or field.derive.multiply is None
    ]


def _column(field: ContractField, position: int | None, contract: Contract) -> Column:
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
    absent = [Check(field.name, "is required and missing", text.is_null())] if required else []
    read = _typed(field, text)
    typed = [Check(field.name, reason, broken) for reason, broken in read.checks]
    checks = (*absent, *typed, *_constraints(field, text, read.value))
    value = read.value if field.type in ("string", "number", "boolean") else read.value.cast(pl.String)
    return Column(field.name, position, clean.alias(TEXT), value.alias(field.name), checks, read.rounded)


def _typed(field: ContractField, text: pl.Expr) -> Read:
    """The value, and the checks of its type."""
    if field.type == "integer":
        return read_integer(field, text)
    if field.type == "number":
        return read_number(field, text)
    if field.type == "boolean":
        yes, no = text.is_in(list(field.true_values)), text.is_in(list(field.false_values))
        truth = pl.when(yes).then(pl.lit("true")).when(no).then(pl.lit("false"))
        known = ", ".join((*field.true_values, *field.false_values))
        return Read(truth, ((f"is none of {known}", text.is_not_null() & ~(yes | no)),))
    if field.type in ("date", "datetime"):
        value, doubtful = read_instants(field, text)
        wrong = f"is not a {field.type} written as {' or '.join(field.formats)}"
        unsure = f"is another {field.type} in each of {' and '.join(field.formats)}"
        return Read(value, ((unsure, doubtful), (wrong, text.is_not_null() & value.is_null())))
    return Read(text, ())


def _constraints(field: ContractField, text: pl.Expr, value: pl.Expr) -> Iterator[Check]:
    limits = field.constraints
    if limits.minimum is not None:
        yield Check(field.name, f"is below the minimum {limits.minimum}", _beyond(field, value, limits.minimum, -1))
    if limits.maximum is not None:
        yield Check(field.name, f"is above the maximum {limits.maximum}", _beyond(field, value, limits.maximum, 1))
    if limits.max_length is not None:
        longer = text.str.len_chars() > limits.max_length
        yield Check(field.name, f"is longer than {limits.max_length} characters", longer)
    if limits.pattern is not None:
        matches = text.str.contains(f"^(?:{limits.pattern})$")
        yield Check(field.name, f"does not match {limits.pattern}", text.is_not_null() & ~matches)
    if limits.enum is not None:
        known = text.is_in(list(limits.enum))
        yield Check(field.name, f"is none of {', '.join(limits.enum)}", text.is_not_null() & ~known)


def _beyond(field: ContractField, value: pl.Expr, bound: float | date | datetime, side: int) -> pl.Expr:
    if isinstance(bound, date):
        if isinstance(bound, datetime) and bound.tzinfo is not None:
            bound = bound.astimezone(timezone.utc).replace(tzinfo=None)
        return value < pl.lit(bound) if side < 0 else value > pl.lit(bound)
    number = value if field.type == "number" else value.cast(pl.String)
    return below(number, bound) if side < 0 else above(number, bound)
