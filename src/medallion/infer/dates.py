"""Columns whose dates are written in several ways: each way is certain, or the column is text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl

from medallion.infer.candidates import DATED, Candidate

_FEW = 0.01
"""Dates that contradict an order, for each that contradicts the other: so few are typing errors."""
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
        missed: By format, the rows of its way that are no such date.
        unsure: By way, the rows that are a date in each format.
        neither: By way, the rows that are a date in none.
        others: Rows with a value of no way.
    """

    rows: dict[Way, int] = field(default_factory=dict)
    wrong: dict[str, tuple[int, str]] = field(default_factory=dict)
    missed: Counter[str] = field(default_factory=Counter)
    unsure: Counter[Way] = field(default_factory=Counter)
    neither: Counter[Way] = field(default_factory=Counter)
    others: int = 0

    def add(self, way: Way, rows: int) -> None:
        """Count rows of a way."""
        self.rows[way] = self.rows.get(way, 0) + rows

    def miss(self, pattern: str, rows: int, first: Callable[[], tuple[int, str]]) -> None:
        """Count rows that are no date of a format; `first` finds the first of them."""
        self.missed[pattern] += rows
        if pattern not in self.wrong:
            self.wrong[pattern] = first()

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


@dataclass(frozen=True)
class Mixture:
    """The type of a column of dates that are written in several ways.

    Attributes:
        candidate: The type; None where a format is in doubt.
        notes: What speaks for it, or against it.
        rejected: Rows that are a date in none of its formats, or another one in two of them.
        first: The first of them: its line and itself.
    """

    candidate: Candidate | None
    notes: tuple[str, ...]
    rejected: int = 0
    first: tuple[int, str] | None = None


def mixture(dates: Dates) -> Mixture:
    """Return the type of a column of mixed dates."""
    formats: list[str] = []
    rejected, bad = dates.others, []
    for way, rows in sorted(dates.rows.items(), key=lambda one: -one[1]):
        fitting = dates.fitting(way)
        if len(fitting) > 1:
            return Mixture(None, (_in_doubt(dates, way, rows, "both fit"),))
        taken, *others = sorted(([one] for one in way.formats), key=lambda one: dates.missed[one[0]])
        cost = dates.missed[taken[0]]
        against = cost - dates.neither[way]
        if others and against > _FEW * dates.missed[others[0][0]]:
            # Both are meant: what is a date in each of them is neither.
            taken, cost = list(way.formats), max(1, dates.unsure[way] + dates.neither[way])
        if cost:
            bad.append(f"neither fits ({', '.join(_wrong(dates, way.formats))})")
        if 2 * cost > rows:
            return Mixture(None, (_in_doubt(dates, way, rows, bad[-1]),))
        formats += taken
        rejected += cost
    several = f"{', '.join(formats[:-1])} or " if len(formats) > 1 else ""
    terms: dict[str, Any] = {"type": "date", "format": formats if several else formats[0]}
    return Mixture(
        Candidate(f"dates written {several}{formats[-1]}", terms, ""), tuple(_evidence(dates, formats)), rejected
    )


def _in_doubt(dates: Dates, way: Way, rows: int, why: str) -> str:
    named = " and ".join(f"`{one}`" for one in way.formats)
    ways = f"All are dates, written in {len(dates.rows)} ways. " if len(dates.rows) > 1 else ""
    remedy = "text until you write `type: date` with a list as `format`"
    return f"{ways}For {rows:,}, {named} are possible, and {why}: {remedy}."


def readings_compared(dates: Dates, chosen: str) -> Iterator[str]:
    """Return which values decide between the day and the month first: how many, and the first."""
    for way in (way for way in dates.rows if chosen in way.formats):
        for other in (one for one in way.formats if one != chosen and one in dates.wrong):
            place = "first" if other.startswith("%m") or way.year_first else "second"
            found = f"in {dates.missed[other]:,} of {dates.rows[way]:,} the {place} number is above 12"
            yield f"Not {other}: {found} ({next(_wrong(dates, (other,)))})."


def _evidence(dates: Dates, formats: list[str]) -> Iterator[str]:
    for one in (one for way in dates.rows for one in way.formats if one not in formats and one in dates.wrong):
        yield f"Not {one}: {next(_wrong(dates, (one,)))}."


def _wrong(dates: Dates, formats: tuple[str, ...]) -> Iterator[str]:
    for line, value in (dates.wrong[one] for one in formats if one in dates.wrong):
        yield f"line {line}: `{value}`"
