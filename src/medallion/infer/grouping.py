"""Groups of three digits: whether the sign between them separates groups, and not decimals or the items of a list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import polars as pl

from medallion.cleaner.rules import TEXT

SPACES = "[ \N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}]"
_FEWEST = 10
"""Rows with groups. Fewer may be decimals of three places, or lists."""


def sign_pattern(sign: str) -> str:
    """Return the regular expression of a sign between groups."""
    return SPACES if sign == " " else re.escape(sign)


@dataclass
class Grouping:
    """Numbers with a sign between digits.

    Attributes:
        rows: Values with the sign.
        twice: Whether one has it twice, as decimals never do.
        plain: Whether a value has only digits.
        zero: Whether the digits behind the last sign end with a zero, which decimals that are cut short never do.
        decimals: Whether the sign stands before other decimals: `1,234.50`.
        leads: How many digits stand before the first sign. In a list they are as many as behind it.
    """

    rows: int = 0
    twice: bool = False
    plain: bool = False
    zero: bool = False
    decimals: bool = False
    leads: set[int] = field(default_factory=set)

    @property
    def is_sure(self) -> bool:
        """Whether the sign can only separate groups."""
        return self.rows >= _FEWEST and len(self.leads) > 1 and (self.twice or (self.plain and self.zero))

    def add(self, values: pl.DataFrame, sign: str) -> None:
        """Note distinct values and their rows."""
        text, between = pl.col(TEXT), sign_pattern(sign)
        self.plain = self.plain or bool(values[TEXT].str.contains("^-?[0-9]{1,3}$").any())
        found = values.filter(text.str.contains(between))
        if found.is_empty():
            return
        other = "[.,]" if sign in (" ", "'") else re.escape("," if sign == "." else ".")
        noted = found.select(
            pl.col("rows").sum(),
            text.str.contains(f"{between}[0-9]*{between}").any().alias("twice"),
            text.str.contains("0$").any().alias("zero"),
            text.str.contains(f"{between}[0-9]{{3}}{other}[0-9]+$").any().alias("decimals"),
            text.str.extract("^-?([0-9]+)", 1).str.len_chars().unique().implode().alias("leads"),
        ).row(0, named=True)
        self.rows += noted["rows"]
        self.twice, self.zero = self.twice or noted["twice"], self.zero or noted["zero"]
        self.decimals = self.decimals or noted["decimals"]
        self.leads |= {*filter(None, noted["leads"])}
