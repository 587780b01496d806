"""What a column may be: fields of a contract to try, and the spellings that each of them keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MARKS = ("NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "NaN", "nan")
"""Words for "no value". They are values in a column of text: `NA` is Namibia there, and Null a surname."""

TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"))

_WHOLE = r"-?(0|[1-9][0-9]*)"
_FRACTION = r"-?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][+-][0-9]{2})?"
_NEGATIVE_ZERO = r"-[0.]*([eE].*)?"
_TIME = {"%H": "[0-9]{1,2}", "%M": "[0-9]{2}", "%S": "[0-5][0-9]"}
_PARTS = {"%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{1,2}", "%d": "[0-9]{1,2}", **_TIME}
_SEPARATORS = "/.-"


@dataclass(frozen=True)
class Candidate:
    """A type to try on a column.

    Attributes:
        what: Its values, for comments: "whole numbers".
        terms: The field's keys in the contract.
        keeps: A regular expression of the spellings that it keeps: no sign, zero or fraction is lost.
        loses: Spellings among them that it does not keep.
        doubt: Why it is never chosen, however well it fits; it is only reported.
    """

    what: str
    terms: dict[str, Any] = field(hash=False)
    keeps: str = ""
    loses: str = ""
    doubt: str = ""


INTEGER = Candidate("whole numbers", {"type": "integer"}, _WHOLE, _NEGATIVE_ZERO)
DIGITS = Candidate("digits", {}, "[+-]?[0-9]+", doubt="an integer loses a zero or a sign, or does not hold them all")
NUMBER = Candidate("numbers", {"type": "number", "decimals": 12}, _FRACTION, _NEGATIVE_ZERO)


def _dates() -> Iterator[Candidate]:
    yield _dated("date", "%Y-%m-%d")
    yield _dated("date", "%Y/%m/%d")
    for sign in _SEPARATORS:
        yield _dated("date", sign.join(("%d", "%m", "%Y")))
        yield _dated("date", sign.join(("%m", "%d", "%Y")))
    for sign in _SEPARATORS:
        for order in (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d")):
            yield _dated("date", sign.join(order), doubt="a year of two digits may be of either century")


def _datetimes() -> Iterator[Candidate]:
    yield _dated("datetime", "%Y-%m-%dT%H:%M:%S")
    yield _dated("datetime", "%Y-%m-%d %H:%M:%S")
    yield _dated("datetime", "%Y-%m-%d %H:%M")
    yield _dated("datetime", "%Y/%m/%d %H:%M:%S")
    for time in ("%H:%M:%S", "%H:%M"):
        for sign in _SEPARATORS:
            yield _dated("datetime", sign.join(("%d", "%m", "%Y")) + f" {time}")
            yield _dated("datetime", sign.join(("%m", "%d", "%Y")) + f" {time}")


def _dated(kind: str, pattern: str, doubt: str = "") -> Candidate:
    spelling = re.escape(pattern)
    for part, digits in _PARTS.items():
        spelling = spelling.replace(part, digits)
    return Candidate(f"{kind}s written {pattern}", {"type": kind, "format": pattern}, spelling, doubt=doubt)


DATED = (*_dates(), *_datetimes())
CANDIDATES = (INTEGER, NUMBER, DIGITS, *DATED)
"""In order of preference: of those that fit every value the first is taken, and dates only if one format fits."""
