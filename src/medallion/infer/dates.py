"""Columns whose dates are written in several ways: each way is certain, or the column is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl

from medallion.infer.candidates import DATED, Candidate

_ORDERS = (("%Y", "%m", "%d"), ("%d", "%m", "%Y"), ("%m", "%d", "%Y"))


@dataclass(frozen=True)
class Way:
    """Dates of one separator with the year first or last: a shape, and the formats that may be meant."""

    separator: str
    year_first: bool

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of this shape."""
        return tuple(self.separator.join(order) for order in _ORDERS if (order[0] == "%Y") == self.year_first)

    @property
    def shape(self) -> str:
        """A regular expression of all dates written so, valid or not."""
        parts = ("[0-9]{4}", "[0-9]{1,2}", "[0-9]{1,2}")
        return f"^{f'[{self.separator}]'.join(parts if self.year_first else reversed(parts))}$"


WAYS = tuple(Way(separator, first) for separator in ("-", "/", ".") for first in (True, False))


@dataclass
class Dates:
    """What the values of a column are, as dates.

    Attributes:
        rows: By way.
        wrong: By format, the first value of its way that is no such date: its line and itself.
        others: Rows with a value of no way.
    """

    rows: dict[Way, int] = field(default_factory=dict)
    wrong: dict[str, tuple[int, str]] = field(default_factory=dict)
    others: int = 0

    def add(self, way: Way, rows: int) -> None:
        """Count rows of a way."""
        self.rows[way] = self.rows.get(way, 0) + rows

    @property
    def is_mixed(self) -> bool:
        """Whether all values are dates, written in several ways."""
        return not self.others and len(self.rows) > 1

    def fitting(self, way: Way) -> list[str]:
        """The formats of a way that every value of it fits."""
        return [one for one in way.formats if one not in self.wrong]


@cache
def readings() -> dict[str, Candidate]:
    """Return the candidate of each format."""
    known = {one.terms.get("format", "%Y-%m-%d"): one for one in DATED if one.terms["type"] == "date"}
    return known | {
        one: Candidate(f"dates written {one}", {"type": "date", "format": one}, "")
        for way in WAYS
        for one in way.formats
        if one not in known
    }


def looks_dated(values: list[str]) -> bool:
    """Return whether most of some values have the shape of a date."""
    found = pl.Series(values, dtype=pl.String)
    dated = pl.Series([False] * found.len())
    for way in WAYS:
        dated |= found.str.contains(way.shape)
    return 2 * int(dated.sum()) > found.len()


def mixture(dates: Dates) -> tuple[Candidate | None, list[str]]:
    """Return the type of a column of mixed dates, and what speaks for it; no type where a format is in doubt."""
    formats: list[str] = []
    for way, rows in sorted(dates.rows.items(), key=lambda one: -one[1]):
        fitting = dates.fitting(way)
        if len(fitting) != 1:
            named = " and ".join(f"`{one}`" for one in way.formats)
            why = "both fit" if fitting else f"neither fits ({', '.join(_wrong(dates, way.formats))})"
            return None, [
                f"All are dates, written in {len(dates.rows)} ways. For {rows:,}, {named} are possible, and {why}: "
                "text until you write `type: date` with a list as `format`."
            ]
        formats += fitting
    what = f"dates written {', '.join(formats[:-1])} or {formats[-1]}"
    terms: dict[str, Any] = {"type": "date", "format": formats}
    return Candidate(what, terms, ""), list(_evidence(dates, formats))


def _evidence(dates: Dates, formats: list[str]) -> Iterator[str]:
    for one in (one for way in dates.rows for one in way.formats if one not in formats):
        yield f"Not {one}: {next(_wrong(dates, (one,)))}."


def _wrong(dates: Dates, formats: tuple[str, ...]) -> Iterator[str]:
    for line, value in (dates.wrong[one] for one in formats):
        yield f"line {line}: `{value}`"
