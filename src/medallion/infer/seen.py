"""What is counted of a column while its file is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from medallion.infer.candidates import Candidate
from medallion.infer.dates import Dates
from medallion.infer.grouping import Grouping
from medallion.infer.short_years import ShortYears
from medallion.infer.units import Spelling


@dataclass
class Miss:
    """Values that a candidate does not take: how many rows, and the first of them."""

    rows: int
    line: int
    value: str


@dataclass
class Seen:
    """A column: what its rows hold.

    Attributes:
        title: Its name in the header, which others may have too.
        label: How a contract's `source` names it.
        rows: Rows read.
        present: Rows with a value.
        odd: Values without a digit, and their rows; None if they are too many to be words for "no value".
        first: The first line of each of them.
        listed: Words for "no value", and their rows.
        words: Its distinct values and their rows; None if they are many.
        padded: Rows that begin or end with white space, and the first line of them.
        longest: Characters of the longest value.
        shortest: Characters of the shortest.
        misses: By candidate, which values with a digit it does not take. A candidate that is not here takes all.
        hopeless: Candidates that miss too much to be counted further.
        judged: Whether candidates were tried on it.
        spelling: What stands around its numbers, if something does.
        grouping: How digits are grouped, by the sign between groups.
        dates: What its values are as dates, if they look like some.
        short_years: The same, for years of two digits.
    """

    title: str
    label: str
    rows: int = 0
    present: int = 0
    odd: Counter[str] | None = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    listed: Counter[str] = field(default_factory=Counter)
    words: Counter[str] | None = field(default_factory=Counter)
    padded: Miss | None = None
    longest: int = 0
    shortest: int = 1 << 62
    misses: dict[Candidate, Miss] = field(default_factory=dict)
    hopeless: set[Candidate] = field(default_factory=set)
    judged: bool = False
    spelling: Spelling | None = None
    grouping: dict[str, Grouping] = field(default_factory=dict)
    dates: Dates | None = None
    short_years: ShortYears | None = None

    def fits(self, candidate: Candidate) -> bool:
        """Return whether a candidate takes every value with a digit."""
        return candidate not in self.misses and candidate not in self.hopeless

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.present

    @property
    def digits(self) -> int:
        """Rows of which the value has a digit."""
        return 0 if self.odd is None else self.present - sum(self.odd.values())
