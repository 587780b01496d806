"""Integers and numbers: which texts are one, as declared, and what Postgres shall read.

Numbers stay text from the file to Postgres, so that no digit is lost. Floats only compare with bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from medallion.config.field import MAX_DIGITS, ContractField

MAX_LENGTH = 1000
"""Characters of a number: what Postgres can declare as digits."""
_MINUS = r"\x{AD}\x{B1}\x{207B}\x{208B}\x{2212}\x{2213}\x{2796}"
"""Signs that files have in place of a minus, apart from dashes: a soft hyphen, plus-minus, small and heavy ones."""
_SPACES = r"[ \u{A0}\u{2009}\u{202F}]"
_SEPARATED = r"^[+-]?[0-9]+[0-9.,'’\s]*[0-9]$"


@dataclass(frozen=True)
class Read:
    """How a column is read.

    Attributes:
        value: Makes of the clean text what Postgres reads; null where the text is no value.
        reasons: Why a text is no value, each with its condition of the text; the last one holds always.
        rounded: Whether Postgres rounds the value; None if the column rounds nothing.
    """

    value: pl.Expr
    reasons: tuple[tuple[str, pl.Expr], ...]
    rounded: pl.Expr | None = None


def read_integer(field: ContractField, text: pl.Expr) -> Read:
    """Read whole numbers of -2^63 to 2^63 - 1, written with no leading zero, point or exponent."""
    core = _core(field, text, _whole(field))
    large = ("is beyond the range of integers", core.is_not_null())
    value = _ungrouped(field, core).cast(pl.Int64, strict=False)
    return Read(value, (_zeros(field, text), large, *_no_number(field, text, "whole number")))


def read_number(field: ContractField, text: pl.Expr, value: pl.Expr) -> Read:
    """Read decimal numbers, as exact as they are written.

    Args:
        field: The field.
        text: The clean text.
        value: The column that holds the value.
    """
    point = re.escape(field.decimal_char)
    shape = rf"(?:{_whole(field)}(?:{point}[0-9]*)?|[+-]?{point}[0-9]+)(?:[eE][+-]?[0-9]{{1,2}})?"
    core = _core(field, text, shape)
    read = _ungrouped(field, core)
    if field.decimal_char != ".":
        read = read.str.replace(field.decimal_char, ".", literal=True)
    read = read.map_batches(lambda texts: _plain(texts, field.decimals), return_dtype=pl.String)
    long, rounded = f"has more than {MAX_LENGTH} digits", None
    if field.decimals is not None:
        long = f"has more than {most_digits(field.decimals)} digits before the point"
        rounded = value.str.contains(rf"\.[0-9]{{{field.decimals}}}[0-9]*[1-9]").fill_null(False)
    reasons = (_zeros(field, text), (long, core.is_not_null()), *_no_number(field, text, "number"))
    return Read(read, reasons, rounded)


def most_digits(decimals: int) -> int:
    """Return how many digits before the point fit: one less than Postgres has room for, as rounding may add one."""
    return MAX_DIGITS - 1 - decimals


def beyond(values: pl.Expr, bound: float, side: int) -> pl.Expr:
    """Return which numbers are less (side -1) or greater (side 1) than a bound, exactly."""
    return values.map_batches(lambda numbers: _beyond(numbers, bound, side), return_dtype=pl.Boolean)


def _beyond(numbers: pl.Series, bound: float, side: int) -> pl.Series:
    # Floats decide, and decimals where the floats are equal.
    floats = numbers.cast(pl.Float64, strict=False)
    found = floats < float(bound) if side < 0 else floats > float(bound)
    near = (floats == float(bound)).fill_null(False)
    if not near.any():
        return found
    exact = Decimal(str(bound))
    ties = numbers.filter(near)
    distinct = {number: Decimal(number).compare(exact) == side for number in ties.unique()}
    return found.scatter(near.arg_true(), [distinct[number] for number in ties])


def _whole(field: ContractField) -> str:
    plain = "(?:0|[1-9][0-9]*)"
    if field.group_char is None:
        return f"[+-]?{plain}"
    group = _group(field)
    return f"[+-]?(?:[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|{plain})"


def _group(field: ContractField) -> str:
    return _SPACES if field.group_char == " " else re.escape(field.group_char or "")


def _core(field: ContractField, text: pl.Expr, shape: str) -> pl.Expr:
    """The number in a text; null where the text has no number."""
    if not field.bare_number:
        # No digit, sign or separator may be taken away: it would be a part of the number.
        around = (
            rf"[^\p{{N}}\p{{Pd}}{_MINUS}+().,'’"
            + re.escape(field.decimal_char + (field.group_char or "").strip())
            + "]*"
        )
        return text.str.extract(f"^{around}({shape}){around}$", 1)
    return pl.when(text.str.contains(f"^{shape}$")).then(text)


def _ungrouped(field: ContractField, core: pl.Expr) -> pl.Expr:
    return core if field.group_char is None else core.str.replace_all(_group(field), "")


def _zeros(field: ContractField, text: pl.Expr) -> tuple[str, pl.Expr]:
    return (f"has leading zeros, which {_a(field)} does not keep", text.str.contains("^[+-]?0[0-9]"))


def _no_number(field: ContractField, text: pl.Expr, what: str) -> tuple[tuple[str, pl.Expr], ...]:
    keys = "`groupChar`" if field.type == "integer" else "`groupChar` and `decimalChar`"
    declared = f"is not a {what}: its separators are not the ones that {keys} declare"
    separated = text.str.contains(_SEPARATED)
    if field.type == "integer":
        separated &= ~text.str.contains(r"^[+-]?[0-9]+\.[0-9]*$")
    return (declared, separated), (f"is not a {what}", pl.lit(True))


def _a(field: ContractField) -> str:
    return "an integer" if field.type == "integer" else "a number"


def _plain(texts: pl.Series, decimals: int | None) -> pl.Series:
    """Numbers without exponents; null where there are too many digits."""
    powers = texts.str.contains("[eE]").fill_null(False)
    if powers.any():
        plain = [format(Decimal(text), "f") for text in texts.filter(powers)]
        texts = texts.clone().scatter(powers.arg_true(), pl.Series(plain, dtype=pl.String))
    most = MAX_LENGTH if decimals is None else most_digits(decimals)
    long = (texts.str.len_bytes() > most).fill_null(False)
    if decimals is not None and long.any():
        long &= texts.str.contains(f"^[+-]?0*[0-9]{{{most + 1}}}")
    return texts.set(long, None) if long.any() else texts
