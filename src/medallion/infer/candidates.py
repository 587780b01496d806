"""What a column may be: fields of a contract to try, and the spellings that each of them keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medallion.config.datetimes import compile_format

MARKS = ("NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "NaN", "nan")
"""Words for "no value". They are values in a column of text: `NA` is Namibia there, and Null a surname."""

JUNK = tuple(
    dict.fromkeys(
        [
            *(
                form
                for word in (
                    "na", "n.a.", "n/a", "null", "nil", "none", "nan", "missing", "unknown", "undefined", "error",
                    "invalid", "tbd", "tba", "not available", "not applicable", "not known", "no data", "k.a.",
                )
                for form in (word, word.upper(), word.capitalize(), word.title())
                if form not in MARKS
            ),
            *("#NA", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#ERROR!", "\\N"),
            *("-", "--", "---", "–", "—", "?", "??", "???", ".", "..", "...", "*"),
        ]
    )
)  # fmt: skip
"""What people and programs write for lack of a value. In a column of a type they are no value, if they are few."""

TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"))

_PLAIN = "(?:0|[1-9][0-9]*)"
_NEGATIVE_ZERO = "-[0.,]*([eE].*)?"
_SPACES = "[ \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}]"
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
    keeps: str
    loses: str = ""
    doubt: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """In which order a date has its parts: two candidates of different orders are different readings."""
        return tuple(re.findall("%[YymdB]", self.terms.get("format", "")))


INTEGER = Candidate("whole numbers", {"type": "integer"}, f"-?{_PLAIN}", _NEGATIVE_ZERO)
DIGITS = Candidate("digits", {}, "[+-]?[0-9]+", doubt="an integer loses a zero or a sign, or does not hold them all")
NUMBER = Candidate(
    "numbers", {"type": "number"}, rf"-?(?:{_PLAIN}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-][0-9]{{2}})?", _NEGATIVE_ZERO
)


def _grouped(group: str, decimal: str) -> Candidate:
    """Numbers with groups of digits. Whole ones may be lists or codes: a group needs decimals behind it."""
    terms = {"type": "number", **({"decimalChar": decimal} if decimal != "." else {}), "groupChar": group}
    separator = _SPACES if group == " " else re.escape(group)
    fraction = f"{re.escape(decimal)}[0-9]+"
    keeps = f"-?(?:{_PLAIN}(?:{fraction})?|[1-9][0-9]{{0,2}}(?:{separator}[0-9]{{3}})+{fraction})"
    return Candidate(f"numbers with groups such as 1{group}234{decimal}50", terms, keeps, _NEGATIVE_ZERO)


def _maybe_groups(separator: str) -> Candidate:
    keeps = f"-?[0-9]{{1,3}}(?:{separator}[0-9]{{3}})*"
    return Candidate("digits in groups", {}, keeps, doubt="groups of three digits may be a number, a list or a code")


COMMA = Candidate("numbers with a decimal comma", {"type": "number", "decimalChar": ","}, rf"-?{_PLAIN}(?:,[0-9]+)?",
                  _NEGATIVE_ZERO)  # fmt: skip
POINTS = (NUMBER, _grouped(",", "."), _grouped(" ", "."), _grouped("'", "."))
COMMAS = (COMMA, _grouped(".", ","), _grouped(" ", ","))
POINT_GROUPS = _maybe_groups(r"\.")
GROUPS = tuple(_maybe_groups(separator) for separator in (",", _SPACES, "'"))
"""Numbers by the sign that separates their decimals, and digits of which only a person knows what they are."""
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
            yield _dated("date", sign.join(order), doubt="a year of two digits may be of either century")


def _datetimes() -> Iterator[Candidate]:
    for day in ("%Y-%m-%dT", "%Y-%m-%d ", "%Y/%m/%d "):
        for time in ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M"):
            yield _dated("datetime", day + time)
            yield _dated("datetime", day + time + "Z")
            yield _dated("datetime", day + time + "%z", doubt="the offset is lost when the time is converted to UTC")
    for sign in _SEPARATORS:
        for time in (" %H:%M:%S", " %H:%M"):
            yield _dated("datetime", sign.join(("%d", "%m", "%Y")) + time)
            yield _dated("datetime", sign.join(("%m", "%d", "%Y")) + time)


DATED = (*_dates(), *_datetimes())
CANDIDATES = (INTEGER, DIGITS, *POINTS, *COMMAS, POINT_GROUPS, *GROUPS, SURE_COMMAS, *DATED)
