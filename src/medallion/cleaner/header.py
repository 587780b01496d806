"""The names of a file's columns: a line, several, the first that has the names of a contract, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Protocol

import polars as pl

from medallion.cleaner.lines import LineBlock
from medallion.cleaner.skipping import COMMENTS, LineDialect, Skipped
from medallion.errors import BadInput

_SEARCHED = 10_000
"""Lines in which a header is looked for."""
ABOVE = "lines above the header"


class HasRecords(Protocol):
    """What reads a record that begins at a line."""

    def read(self, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | str | None:
        """Return its values and line count; or why it is no record; or None if the block ends too soon."""
        ...


class Header:
    """Finds the header of a file.

    Attributes:
        names: The names of the columns.
        line: Where it begins; 0 if there is none.

    Args:
        dialect: Where it is.
        form: Reads records.
        skipped: Lines that are left out.
        names: Of the columns that are expected.
        done: Receives how many lines were left out.
    """

    def __init__(
        self, dialect: LineDialect, form: HasRecords, skipped: Skipped, names: Sequence[str], done: Counter[str]
    ) -> None:
        self._dialect, self._form, self._skipped, self._done = dialect, form, skipped, done
        self._wanted = {name.strip() for name in names}
        self.names, self.line = list(names), 0

    def read(self, blocks: Iterator[LineBlock]) -> LineBlock:
        """Read the header from the first lines of a file; return the lines that follow it in the last block read.

        Raises:
            BadInput: There is no header, or it cannot be read.
        """
        waiting = LineBlock(pl.Series([], dtype=pl.String), 1)
        if not self._dialect.header:
            return next(blocks, waiting)
        for block in blocks:
            waiting = waiting.joined(block)
            end = self._find(waiting, last=False)
            if end is not None:
                return waiting.after(end)
        end = self._find(waiting, last=True)
        if end is not None:
            return waiting.after(end)
        raise self._missing()

    def _find(self, block: LineBlock, *, last: bool) -> int | None:
        """Return the index behind the header, or None if more lines are needed."""
        skipped = self._skipped.mask(block.lines, block.first)
        found: list[list[str]] = []
        index, above, comments = 0, 0, 0
        while index < block.height:
            number, line = block.first + index, block.lines[index]
            if number < self._dialect.header_rows[0] or not line.strip() or (skipped is not None and skipped[index]):
                comments += bool(line.strip() and number >= self._dialect.header_rows[0])
                index += 1
                continue
            read = self._record(block, index, last=last)
            if read is None:
                return None
            values, count = read
            if self._dialect.find_header and not self._wanted <= {value.strip() for value in values}:
                index, above = index + 1, above + 1
                if index > _SEARCHED:
                    raise self._missing()
                continue
            self.line = self.line if found else number
            found.append(values)
            index += count
            if len(found) == len(self._dialect.header_rows):
                self.names = [self._joined(parts) for parts in zip_longest(*found, fillvalue="")]
                self._done.update(+Counter({ABOVE: above, COMMENTS: comments}))
                return index
        return None

    def _record(self, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | None:
        number = block.first + index
        if number in block.bad:
            if self._dialect.find_header:
                return [], 1
            raise BadInput(
                f"line {number}, where the header should be, {block.bad[number]}",
                "save the file as UTF-8 text whose first line names the columns",
            )
        read = self._form.read(block, index, last=last)
        if isinstance(read, str):
            if self._dialect.find_header:
                return [], 1
            raise BadInput(f"the header on line {number} {read}", "close the quote, or take it away")
        return read

    def _joined(self, parts: tuple[str, ...]) -> str:
        filled = [part.strip() for part in parts if part.strip()] if len(parts) > 1 else parts
        return self._dialect.header_join.join(filled)

    def _missing(self) -> BadInput:
        if self._dialect.find_header:
            wanted = ", ".join(sorted(self._wanted))
            return BadInput(
                f"the file has no header: none of its first {_SEARCHED:,} lines has all of {wanted}",
                "correct the names in the contract or the file, or name the header's line with `headerRows`",
            )
        if self._dialect.header_rows[0] > 1:
            return BadInput(
                f"the file has no header: it ends above line {self._dialect.header_rows[0]}, where the contract says "
                "that it is",
                "correct `headerRows` in the contract's dialect, or the file",
            )
        return BadInput("the file is empty: it has no header", "send a file whose first line names the columns")
