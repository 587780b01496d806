"""Integers and numbers: which texts are one, as declared, and what Postgres shall read.

Numbers stay text from the file to Postgres, so that no digit is lost. Floats only compare with bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from medallion.spec.field import MAX_DIGITS, ContractField

MAX_LENGTH = 1000
"""Characters of a number: what Postgres can declare as digits."""
_SPACES = r"[ \u{A0}\u{2009}\u{202F}]"
_SEPARATED = r"^[+-]?[0-9]+[0-9.,'’\s]*[0-9]$"


@dataclass(frozen=True)
class Read:
    """The expressions of a numeric column, all of the clean text.

    Attributes:
        value: The number as Postgres reads it; null where the text is no number.
        checks: What may be wrong, worst reason first, each with its condition.
        rounded: Whether Postgres rounds the value; null if the column rounds nothing.
    """

    value: pl.Expr
    checks: tuple[tuple[str, pl.Expr], ...]
    rounded: pl.Expr | None = None


def read_integer(field: ContractField, text: pl.Expr) -> Read:
    """Read whole numbers of -2^63 to 2^63 - 1, written with no leading zero, point or exponent."""
    core = _core(field, text, _whole(field))
    value = _ungrouped(field, core).cast(pl.Int64, strict=False)
    large = ("is beyond the range of integers", core.is_not_null() & value.is_null())
    return Read(value, (_zeros(field, text), large, *_no_number(field, text, core, "whole number")))


def read_number(field: ContractField, text: pl.Expr) -> Read:
    """Read decimal numbers, as exact as they are written."""
    point = re.escape(field.decimal_char)
    shape = rf"(?:{_whole(field)}(?:{point}[0-9]*)?|[+-]?{point}[0-9]+)(?:[eE][+-]?[0-9]{{1,2}})?"
    core = _core(field, text, shape)
    value = _ungrouped(field, core)
    if field.decimal_char != ".":
        value = value.str.replace(field.decimal_char, ".", literal=True)
    value = value.map_batches(_without_exponents, return_dtype=pl.String)
    long = (f"has more than {MAX_LENGTH} digits", value.str.len_bytes() > MAX_LENGTH)
    rounded = None
    if field.decimals is not None:
        # One digit less than fits, as rounding may add one.
        most = MAX_DIGITS - 1 - field.decimals
        long = (f"has more than {most} digits before the point", value.str.contains(f"^[+-]?0*[0-9]{{{most + 1}}}"))
        rounded = value.str.contains(rf"\.[0-9]{{{field.decimals}}}[0-9]*[1-9]").fill_null(False)
    return Read(value, (_zeros(field, text), *_no_number(field, text, core, "number"), long), rounded)


def below(numbers: pl.Expr, bound: float) -> pl.Expr:
    """Tell which numbers, as text, are less than a bound. Floats decide, and decimals where floats are equal."""
    return numbers.map_batches(lambda texts: _compare(texts, bound, -1), return_dtype=pl.Boolean)


def above(numbers: pl.Expr, bound: float) -> pl.Expr:
    """Tell which numbers, as text, are greater than a bound."""
    return numbers.map_batches(lambda texts: _compare(texts, bound, 1), return_dtype=pl.Boolean)


def _compare(texts: pl.Series, bound: float, side: int) -> pl.Series:
    floats = texts.cast(pl.Float64, strict=False)
    beyond = floats < float(bound) if side < 0 else floats > float(bound)
    near = (floats == float(bound)).fill_null(False)
    exact = Decimal(str(bound))
    ties = [Decimal(text).compare(exact) == side for text in texts.filter(near)]
    return beyond.scatter(near.arg_true(), ties) if ties else beyond


def _whole(field: ContractField) -> str:
    plain = "(?:0|[1-9][0-9]*)"
    if field.group_char is None:
        return f"[+-]?{plain}"
    group = _group(field)
    return f"[+-]?(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|{plain})"


def _group(field: ContractField) -> str:
    return _SPACES if field.group_char == " " else re.escape(field.group_char or "")


def _core(field: ContractField, text: pl.Expr, shape: str) -> pl.Expr:
    """The number in a text; null where there is none."""
    around = ""
    if not field.bare_number:
        # No digit, sign or separator may be taken away: it would be a part of the number.
        around = (
            r"[^\p{N}\p{Pd}\x{2212}+().,'’" + re.escape(field.decimal_char + (field.group_char or "").strip()) + "]*"
        )
    return text.str.extract(f"^{around}({shape}){around}$", 1)


def _ungrouped(field: ContractField, core: pl.Expr) -> pl.Expr:
    return core if field.group_char is None else core.str.replace_all(_group(field), "")


def _zeros(field: ContractField, text: pl.Expr) -> tuple[str, pl.Expr]:
    return (f"has leading zeros, which {_a(field)} does not keep", text.str.contains("^[+-]?0[0-9]"))


def _no_number(
    field: ContractField, text: pl.Expr, core: pl.Expr, what: str
) -> tuple[tuple[str, pl.Expr], tuple[str, pl.Expr]]:
    wrong = text.is_not_null() & core.is_null()
    keys = "`groupChar`" if field.type == "integer" else "`groupChar` and `decimalChar`"
    separated = f"is not a {what}: its separators are not the ones that {keys} declare"
    fraction = text.str.contains(r"^[+-]?[0-9]+\.[0-9]*$") if field.type == "integer" else pl.lit(False)
    return (separated, wrong & text.str.contains(_SEPARATED) & ~fraction), (f"is not a {what}", wrong)


def _a(field: ContractField) -> str:
    return "an integer" if field.type == "integer" else "a number"


def _without_exponents(texts: pl.Series) -> pl.Series:
    powers = texts.str.contains("[eE]").fill_null(False)
    if not powers.any():
        return texts
    plain = [format(Decimal(text), "f") for text in texts.filter(powers)]
    return texts.clone().scatter(powers.arg_true(), pl.Series(plain, dtype=pl.String))
