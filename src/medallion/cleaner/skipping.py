"""Lines that are no rows, as the dialect says: comments, totals, and what stands at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import polars as pl

from medallion.cleaner.lines import LineBlock
from medallion.config.dialect import Dialect
from medallion.config.formats.fixed_width import FixedWidthDialect

LineDialect = Dialect | FixedWidthDialect
"""The formats in which a record is a line or several."""
COMMENTS, MATCHES, FOOTER = "comment lines", "lines that `skipLines` finds", "lines at the end"


class Skipped:
    """Which lines a dialect leaves out where a record could begin; inside a quoted value they are a part of it."""

    def __init__(self, dialect: LineDialect) -> None:
        self._sign, self._rows, self._pattern = dialect.comment_char, {*dialect.comment_rows}, dialect.skip_lines

    def mask(self, lines: pl.Series, first: int) -> pl.Series | None:
        """Return, for each line, whether it is left out; None if the dialect leaves out none.

        Args:
            lines: Lines without their ends.
            first: The number of the first.
        """
        if self._sign is None and self._pattern is None and not self._rows:
            return None
        found = self._comments(lines) | self._matches(lines)
        rows = [row - first for row in self._rows if first <= row < first + lines.len()]
        return found.scatter(rows, True) if rows else found

    def count(self, lines: pl.Series, left_out: pl.Series, done: Counter[str]) -> None:
        """Count the lines that were left out, by what of the dialect says so."""
        matches = int((left_out & self._matches(lines) & ~self._comments(lines)).sum())
        done.update(+Counter({MATCHES: matches, COMMENTS: int(left_out.sum()) - matches}))

    def _comments(self, lines: pl.Series) -> pl.Series:
        if self._sign is None:
            return pl.repeat(False, lines.len(), eager=True)
        return lines.str.starts_with(self._sign)

    def _matches(self, lines: pl.Series) -> pl.Series:
        if self._pattern is None:
            return pl.repeat(False, lines.len(), eager=True)
        return lines.str.contains(self._pattern)


def without_footer(blocks: Iterator[LineBlock], rows: int, done: Counter[str]) -> Iterator[LineBlock]:
    """Yield lines without so many at the end of the file that are not blank, and the blank ones between them.

    Args:
        blocks: All lines.
        rows: How many to leave out.
        done: Receives their number.
    """
    if not rows:
        yield from blocks
        return
    waiting: LineBlock | None = None
    for block in blocks:
        lines = block if waiting is None else waiting.joined(block)
        filled = (lines.lines.str.strip_chars().str.len_bytes() > 0).arg_true()
        cut = filled[-rows] if filled.len() >= rows else 0
        if cut:
            yield lines.before(cut)
        waiting = lines.after(cut)
    if waiting is not None:
        done[FOOTER] += int((waiting.lines.str.strip_chars().str.len_bytes() > 0).sum())
