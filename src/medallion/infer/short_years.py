"""Dates with years of two digits: which of their numbers is the year, and of which century."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from medallion.cleaner.rules import TEXT
from medallion.infer.candidates import Candidate

_SHAPE = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{2})$"
_DAYS = 10
"""Distinct days, at least: the year is the number that hardly changes."""
_YEARS = 30
"""Years between the first and the last. Dates of birth span more."""


@dataclass
class ShortYears:
    """The distinct numbers at the three places of such dates."""

    places: tuple[set[int], set[int], set[int]] = field(default_factory=lambda: (set(), set(), set()))

    def add(self, values: pl.DataFrame) -> None:
        """Note distinct values."""
        for number, place in enumerate(self.places, 1):
            found = values[TEXT].str.extract(_SHAPE, number).drop_nulls().unique()
            place.update(map(int, found.to_list()))

    def reading(self, fitting: Sequence[Candidate]) -> tuple[Candidate, str] | None:
        """Return the only format in which the years are recent and change less than the days, and why; else None."""
        recent = date.today().year % 100 + 1
        found = []
        for one in fitting:
            years, days = (self.places[one.order.index(part)] for part in ("%y", "%d"))
            if max(years) <= recent and max(years) - min(years) <= _YEARS and len(days) > max(len(years), _DAYS - 1):
                found.append((one, years))
        if len(found) != 1:
            return None
        one, years = found[0]
        which = ("first", "second", "last")[one.order.index("%y")]
        span = f"only {min(years):02}" if len(years) == 1 else f"from {min(years):02} to {max(years):02}"
        return one, f"The {which} number is {span}: the year, of this century."


def looks_short(values: Sequence[str]) -> bool:
    """Return whether most of some values have the shape of such dates."""
    return 2 * int(pl.Series(values, dtype=pl.String).str.contains(_SHAPE).sum()) > len(values)
