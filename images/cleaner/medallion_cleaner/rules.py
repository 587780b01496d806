"""A contract compiled to polars expressions: for every field a clean value, and the checks that it must pass.

Numbers stay text from the file to Postgres, which rounds them as decimals; binary floats are used only to
compare with bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce

import polars as pl

from medallion.spec.contract import Case, Contract, ContractField, Replace, ReplacePattern, Rule

# Not \d, which takes the digits of every script: Postgres does not.
_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$"
_GROUPED = r"^[(+-]*[0-9]{1,3}(?:[,\s][0-9]{3})+(?:\.[0-9]*)?[)-]?$"
TEXT = "text"
_TOO_LARGE = 999_999_999_999
_FIRST_YEAR = 1000
"""Earlier years are years of two digits that were read as four."""


@dataclass(frozen=True)
class Check:
    """A condition that no row may meet: the field that it is about, and what is wrong with a row that does."""

    field: str
    reason: str
    broken: pl.Expr


@dataclass(frozen=True)
class Column:
    """A compiled field: its name, the position of its source in the file (None: not there), and its expressions.

    `text` makes the clean text of what is in the file; `value` and `checks` are of the column `TEXT` that holds it.
    """

    name: str
    position: int | None
    text: pl.Expr
    value: pl.Expr
    checks: tuple[Check, ...]


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
    clean = reduce(_apply, field.clean, raw)
    missing = field.missing_values if field.missing_values is not None else contract.missing_values
    clean = pl.when(clean.is_in(list(missing))).then(None).otherwise(clean) if missing else clean
    text = pl.col(TEXT)
    # A key without a value is no key, whether the contract says `required` or not.
    required = field.constraints.required or field.name in contract.primary_key
    absent = [Check(field.name, "is required and missing", text.is_null())] if required else []
    value, comparable, typed = _typed(field, text)
    checks = (*absent, *typed, *_constraints(field, text, comparable))
    return Column(field.name, position, clean.alias(TEXT), value.alias(field.name), checks)


def _apply(text: pl.Expr, rule: Rule) -> pl.Expr:
    if isinstance(rule, Case):
        changed = {"upper": text.str.to_uppercase, "lower": text.str.to_lowercase, "title": text.str.to_titlecase}
        return changed[rule.case]()
    if isinstance(rule, Replace):
        return text.replace(rule.replace)
    if isinstance(rule, ReplacePattern):
        return text.str.replace_all(rule.replace_pattern, rule.by)
    if rule == "trim":
        return text.str.strip_chars()
    if rule == "collapse_whitespace":
        return text.str.replace_all(r"\s+", " ")
    if rule == "fix_mojibake":
        # Its library takes a tenth of a second to import, which only those wait for who ask for it.
        from medallion_cleaner.mojibake import fix_mojibake

        return text.map_batches(fix_mojibake, return_dtype=pl.String)
    return text.map_batches(_amounts, return_dtype=pl.String)


def _amounts(texts: pl.Series) -> pl.Series:
    """Amounts as people write them, as plain numbers; what is no such amount stays as it is."""
    odd = ~texts.str.contains(_NUMBER).fill_null(True)
    if not odd.any():
        return texts
    bare = texts.filter(odd).str.replace(r"^\s*([(+-]*)[\p{Sc}\s]*", "${1}")
    bare = bare.str.replace(r"[\p{Sc}\s]*([)-]?)\s*$", "${1}")
    # Only groups of three make thousands: 12,50 is not 1250.
    grouped = bare.str.contains(_GROUPED)
    plain = bare.zip_with(~grouped, bare.str.replace_all(r"[,\s]", ""))
    return texts.clone().scatter(odd.arg_true(), plain.str.replace(r"^(?:\(([0-9.]+)\)|([0-9.]+)-)$", "-${1}${2}"))


def _typed(field: ContractField, text: pl.Expr) -> tuple[pl.Expr, pl.Expr, list[Check]]:
    """The value as Postgres shall read it, as something to compare, and the checks of its type."""
    if field.type == "integer":
        good = text.str.contains(_INTEGER)
        value = text.str.replace(r"\.0*$", "")
        return value, value.cast(pl.Int64, strict=False), [_not(field, text, "is not a whole number", good)]
    if field.type == "number":
        good = text.str.contains(_NUMBER)
        number = text.cast(pl.Float64, strict=False)
        too_large = Check(field.name, f"is too large (from {_TOO_LARGE} on)", number.abs() >= _TOO_LARGE)
        return text, number, [_not(field, text, "is not a number", good), too_large]
    if field.type == "boolean":
        yes, no = text.is_in(list(field.true_values)), text.is_in(list(field.false_values))
        value = pl.when(yes).then(pl.lit("true")).when(no).then(pl.lit("false"))
        known = ", ".join((*field.true_values, *field.false_values))
        return value, value, [_not(field, text, f"is none of {known}", yes | no)]
    if field.type in ("date", "datetime"):
        kind = pl.Date if field.type == "date" else pl.Datetime("us")
        parsed = pl.coalesce(text.str.strptime(kind, pattern, strict=False) for pattern in field.formats)
        written = " or ".join(field.formats)
        good = parsed.is_not_null() & parsed.dt.year().is_between(_FIRST_YEAR, 9999)
        return parsed.cast(pl.String), parsed, [_not(field, text, f"is not a {field.type} written as {written}", good)]
    return text, text, []


def _constraints(field: ContractField, text: pl.Expr, value: pl.Expr) -> Iterator[Check]:
    limits = field.constraints
    if limits.minimum is not None:
        yield Check(field.name, f"is below the minimum {_plain(limits.minimum)}", value < pl.lit(limits.minimum))
    if limits.maximum is not None:
        yield Check(field.name, f"is above the maximum {_plain(limits.maximum)}", value > pl.lit(limits.maximum))
    if limits.max_length is not None:
        longer = text.str.len_chars() > limits.max_length
        yield Check(field.name, f"is longer than {limits.max_length} characters", longer)
    if limits.pattern is not None:
        yield _not(field, text, f"does not match {limits.pattern}", text.str.contains(f"^(?:{limits.pattern})$"))
    if limits.enum is not None:
        yield _not(field, text, f"is none of {', '.join(limits.enum)}", text.is_in(list(limits.enum)))


def _not(field: ContractField, text: pl.Expr, reason: str, good: pl.Expr) -> Check:
    return Check(field.name, reason, text.is_not_null() & ~good)


def _plain(bound: float | date) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)
