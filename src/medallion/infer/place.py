"""A column of a block of records, by its distinct values."""

from __future__ import annotations

import polars as pl

from medallion.cleaner.rules import TEXT


class Place:
    """A column of a block.

    Args:
        frame: The block, with `_line`.
        name: Of the column.
    """

    def __init__(self, frame: pl.DataFrame, name: str) -> None:
        self._frame, self._name = frame, name
        self.rows = frame.height

    def values(self) -> pl.DataFrame:
        """Return the distinct values: `raw` as they stand, `TEXT` trimmed, and their `rows`; empty ones left out."""
        counts = self._frame[self._name].alias("raw").value_counts(name="rows")
        return counts.with_columns(pl.col("raw").str.strip_chars().alias(TEXT)).filter(pl.col(TEXT) != "")

    def lines(self, values: list[str]) -> dict[str, int]:
        """Return the first line of each of some raw values."""
        found = self._frame.select(self._name, "_line").filter(pl.col(self._name).is_in(values))
        return dict(found.group_by(self._name).agg(pl.col("_line").min()).rows())

    def first(self, values: pl.DataFrame) -> tuple[int, str]:
        """Return the first line with one of some values, and the value."""
        return min((line, value) for value, line in self.lines(values["raw"].to_list()).items())
