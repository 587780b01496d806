"""Lines at the end of a file that sum up the others and are no rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import polars as pl

from medallion.cleaner.records import RecordBlock

_LAST = 3
"""Lines at the end that are looked at."""
_TOTAL = re.compile(r"(?:grand |sub-?)?totals?|sums?|summe|gesamt|insgesamt|total general|totaal|итого", re.IGNORECASE)


@dataclass
class Tail:
    """The last lines of a file, each with its values; a line that is no row has one value."""

    delimiter: str
    lines: list[tuple[int, list[str]]] = field(default_factory=list)

    def add(self, block: RecordBlock) -> None:
        """Take the last lines of a block, which follows those before."""
        rows = block.frame.drop("_record").sort("_line").tail(_LAST).with_columns(pl.exclude("_line").fill_null(""))
        found = [(row[-1], list(row[:-1])) for row in rows.rows()]
        found += [(one.line, [one.record.split(self.delimiter)[0].strip(' "')]) for one in block.rejects]
        self.lines = sorted([*self.lines, *found])[-_LAST:]

    def totals(self) -> list[tuple[int, str]]:
        """Return the line and first value of each total at the end, the last line first.

        A row with a value in each column is none, whatever it begins with.
        """
        found = []
        for line, values in reversed(self.lines):
            filled = [value.strip() for value in values if value.strip()]
            whole = len(values) > 1 and len(filled) == len(values)
            if whole or not filled or not _TOTAL.fullmatch(filled[0].rstrip(": ")):
                break
            found.append((line, filled[0]))
        return found
