"""Blocks of plain lines into columns in one go: no quotes, escapes or carriage returns, and nothing left out.

polars reads such a block as it is. A sign that the text does not hold is added at the end of each line: where it is
read as the value behind the last column, the line has as many values as the header.
"""

from __future__ import annotations

import polars as pl

from medallion.cleaner.lines import LineBlock
from medallion.config.dialect import Dialect

_MARKS = [bytes([sign]) for sign in (*range(1, 9), *range(14, 32))]


class QuickReader:
    """Reads blocks of plain lines.

    Args:
        dialect: How values are separated.
        width: How many columns there are.
    """

    def __init__(self, dialect: Dialect, width: int) -> None:
        plain = len(dialect.delimiter) == 1 and dialect.delimiter.isascii() and dialect.line_end == "\n"
        leaves_out = dialect.comment_char or dialect.comment_rows or dialect.skip_lines
        self._usable = plain and not (leaves_out or dialect.escape_char or dialect.skip_initial_space)
        self._sign, self._quote = dialect.delimiter, (dialect.quote_char or "").encode()
        self._names = [str(place) for place in range(width)]

    def read(self, block: LineBlock) -> tuple[pl.DataFrame, pl.Series] | None:
        """Return a row for each line, with `_line`, and which of them have as many values as the header.

        Returns:
            The rows and a mask; None where the lines are not plain.
        """
        text = block.text
        if not (self._usable and text) or block.bad or block.returns or (self._quote and self._quote in text):
            return None
        mark = next((sign for sign in _MARKS if sign not in text and sign != self._sign.encode()), None)
        if mark is None:
            return None
        schema = dict.fromkeys([*self._names, "_mark"], pl.String)
        header = self._sign.join(schema).encode() + b"\n"
        frame = pl.read_csv(
            header + text.replace(b"\n", self._sign.encode() + mark + b"\n"),
            separator=self._sign,
            quote_char=None,
            schema=schema,
            empty_string_is_null=False,
            truncate_ragged_lines=True,
        )
        if frame.height != block.height:
            return None
        fits = (frame["_mark"] == mark.decode()).fill_null(False)
        numbers = pl.int_range(block.first, block.first + block.height, eager=True).alias("_line")
        return frame.drop("_mark").with_columns(numbers), fits
