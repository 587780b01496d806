"""What a column may be: fields of a contract to try, and the spellings that each of them keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medallion.config.datetimes import compile_format
from medallion.infer.grouping import SPACES, sign_pattern

_PLAIN = "(?:0|[1-9][0-9]*)"
_NEGATIVE_ZERO = "-[0.,]*([eE].*)?"
_SEPARATORS = "/.-"
_EITHER_CENTURY = "a year of two digits may be of either century"


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
    keeps: str
    loses: str = ""
    doubt: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """In which order a date has its parts: two candidates of different orders are different readings."""
        return tuple(re.findall("%[YymdB]", self.terms.get("format", "").replace("%b", "%B")))


INTEGER = Candidate("whole numbers", {"type": "integer"}, f"-?{_PLAIN}", _NEGATIVE_ZERO)
DIGITS = Candidate("digits", {}, "[+-]?[0-9]+", doubt="an integer loses a zero or a sign, or does not hold them all")
NUMBER = Candidate(
    "numbers", {"type": "number"}, rf"-?(?:{_PLAIN}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-][0-9]{{2}})?", _NEGATIVE_ZERO
)


def _grouped(group: str, decimal: str) -> Candidate:
    """Numbers with groups of digits, and decimals behind some of them."""
    terms = {"type": "number", **({"decimalChar": decimal} if decimal != "." else {}), "groupChar": group}
    groups = f"[1-9][0-9]{{0,2}}(?:{sign_pattern(group)}[0-9]{{3}})+"
    keeps = f"-?(?:{_PLAIN}|{groups})(?:{re.escape(decimal)}[0-9]+)?"
    return Candidate(f"numbers with groups such as 1{group}234{decimal}50", terms, keeps, _NEGATIVE_ZERO)


def _whole_groups(group: str) -> Candidate:
    keeps = f"-?(?:0|[1-9][0-9]{{0,2}}(?:{sign_pattern(group)}[0-9]{{3}})*)"
    terms = {"type": "integer", "groupChar": group}
    doubt = "groups of three digits may be a number, a list or a code"
    return Candidate(f"whole numbers with groups such as 1{group}234", terms, keeps, _NEGATIVE_ZERO, doubt)


COMMA = Candidate("numbers with a decimal comma", {"type": "number", "decimalChar": ","}, rf"-?{_PLAIN}(?:,[0-9]+)?",
                  _NEGATIVE_ZERO)  # fmt: skip
POINTS = (NUMBER, _grouped(",", "."), _grouped(" ", "."), _grouped("'", "."))
COMMAS = (COMMA, _grouped(".", ","), _grouped(" ", ","))
POINT_GROUPS = _whole_groups(".")
GROUPS = tuple(map(_whole_groups, (",", " ", "'")))
"""Numbers by the sign that separates their decimals, and whole numbers by the sign that separates their groups."""
LOOSE = Candidate("digits with signs between them", {},
                  rf"[+-]?[0-9.,'’]+(?:{SPACES}[0-9.,'’]+)*(?:[eE][+-]?[0-9]{{1,2}})?",
                  doubt="it says nothing about the type")  # fmt: skip
SURE_COMMAS = Candidate("values whose comma cannot separate groups of digits", {}, "(?s:.*)",
                        "-?[1-9][0-9]{0,2}(?:,[0-9]{3})+", doubt="it says nothing about the type")  # fmt: skip


def _dated(kind: str, pattern: str, doubt: str = "") -> Candidate:
    terms = {"type": kind, "format": pattern}
    shapes = "|".join(shape.pattern for shape in compile_format(pattern, kind).shapes)
    keeps = re.sub(r"\?P<\w+>", "?:", shapes)
    return Candidate(f"{kind}s written {pattern}", terms, keeps, doubt=doubt)


def _dates() -> Iterator[Candidate]:
    yield Candidate("dates written %Y-%m-%d", {"type": "date"}, _dated("date", "%Y-%m-%d").keeps)
    yield _dated("date", "%Y/%m/%d")
    for sign in _SEPARATORS:
        yield _dated("date", sign.join(("%d", "%m", "%Y")))
        yield _dated("date", sign.join(("%m", "%d", "%Y")))
        for order in (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d")):
            yield _dated("date", sign.join(order), doubt=_EITHER_CENTURY)
    for pattern in ("%d-%b-%y", "%d %b %y"):
        yield _dated("date", pattern, doubt=_EITHER_CENTURY)
    for pattern in ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"):
        yield _dated("date", pattern)


def _datetimes() -> Iterator[Candidate]:
    for day in ("%Y-%m-%dT", "%Y-%m-%d ", "%Y/%m/%d "):
        for time in ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M"):
            yield _dated("datetime", day + time)
            yield _dated("datetime", day + time + "Z")
            yield _dated("datetime", day + time + "%z", doubt="the offset is lost when the time is converted to UTC")
    for sign in _SEPARATORS:
        for time in (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p"):
            yield _dated("datetime", sign.join(("%d", "%m", "%Y")) + time)
            yield _dated("datetime", sign.join(("%m", "%d", "%Y")) + time)


DATED = (*_dates(), *_datetimes())
NUMBERS = (INTEGER, DIGITS, *POINTS, *COMMAS, POINT_GROUPS, *GROUPS, LOOSE, SURE_COMMAS)
CANDIDATES = (*NUMBERS, *DATED)
