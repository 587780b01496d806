"""Dates with years of two digits: which of their numbers is the year, and of which century."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from medallion.cleaner.rules import TEXT
from medallion.infer.candidates import Candidate

_SHAPE = r"^([0-9]{1,2})[-/. ](?:([0-9]{1,2})|[A-Za-z]{3})[-/. ]([0-9]{2})$"
_DAYS = 10
"""Distinct days, at least: the year is the number that hardly changes."""
_PIVOT = 69
"""The first year of the last century, as for strptime."""


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
        """Return the only format in which the years are past and change less than the days, and why; else None."""
        orders, found = {one.order for one in fitting}, []
        for one in fitting:
            years, days = (self.places[one.order.index(part)] for part in ("%y", "%d"))
            settled = len(orders) == 1 or len(days) > max(len(years), _DAYS - 1)
            if settled and max(map(_year, years)) <= date.today().year + 1:
                found.append((one, sorted(map(_year, years))))
        if len(found) != 1:
            return None
        one, whole = found[0]
        which = ("first", "second", "last")[one.order.index("%y")]
        span = str(whole[0]) if len(whole) == 1 else f"from {whole[0]} to {whole[-1]}"
        return one, f"The {which} number is the year, {span}."


def _year(short: int) -> int:
    """Return the year as the cleaner reads it. In dates of birth some would be to come."""
    return short + (1900 if short >= _PIVOT else 2000)


def looks_short(values: Sequence[str]) -> bool:
    """Return whether most of some values have the shape of such dates."""
    return 2 * int(pl.Series(values, dtype=pl.String).str.contains(_SHAPE).sum()) > len(values)
