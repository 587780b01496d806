"""Bytes into physical lines, in blocks of bounded size. Nothing is dropped: a line that is no text is marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import polars as pl

BLOCK_BYTES = 4 << 20
MAX_LINE_CHARS = 1 << 20
"""A longer line is no record of any table: it is rejected, so that memory stays bounded."""
# No character takes more than four bytes: what is cut here is too long by the rule above, however it is counted.
_ENDLESS = 4 * MAX_LINE_CHARS + 4
_BOM = b"\xef\xbb\xbf"
_CONTROLS = bytes(range(1, 9)) + bytes(range(14, 32))
MAX_SHOWN = 2000
"""Characters of a rejected record that the quarantine keeps."""


@dataclass(frozen=True)
class Reject:
    """A line that is no record, and why. `line` is its 1-based physical number."""

    line: int
    reason: str
    record: str


@dataclass
class LineBlock:
    """Consecutive lines without their line ends: `lines[i]` is line `first + i` of the file.

    `bad` tells, by line number, why a line is no text; what it has in `lines` is only there to be shown.
    """

    lines: pl.Series
    first: int
    bad: dict[int, str] = field(default_factory=dict)

    def after(self, index: int) -> LineBlock:
        """The lines from an index on."""
        return LineBlock(self.lines[index:], self.first + index, self.bad)

    def joined(self, other: LineBlock) -> LineBlock:
        """These lines and the ones that follow them in the file."""
        if self.lines.is_empty():
            return other
        return LineBlock(pl.concat([self.lines, other.lines]), self.first, {**self.bad, **other.bad})


def line_blocks(stream: IO[bytes], size: int = BLOCK_BYTES) -> Iterator[LineBlock]:
    """Cuts a stream into blocks of whole lines.

    Args:
        stream: The bytes; a byte order mark at their beginning is skipped.
        size: How many bytes to read at a time. The lines are the same whatever it is.
    """
    number, rest, skipping = 1, stream.read(len(_BOM)), False
    rest = rest.removeprefix(_BOM)
    while True:
        read = stream.read(size)
        ended = not read
        if skipping:
            # The tail of an endless line, whose head waits in `rest` for the line's end.
            end = read.find(b"\n")
            if end < 0 and not ended:
                continue
            read, skipping = read[end:] if end >= 0 else b"", False
        data = rest + read
        cut = len(data) if ended else data.rfind(b"\n") + 1
        whole, rest = data[:cut], data[cut:]
        if len(rest) > _ENDLESS:
            rest, skipping = rest[:_ENDLESS], True
        if whole:
            block = _block(whole, number)
            number += block.lines.len()
            yield block
        if ended:
            return


def _block(data: bytes, first: int) -> LineBlock:
    bad: dict[int, str] = {}
    try:
        if not data.isascii():
            data.decode("utf-8")
        lines = None if b"\0" in data else _split(data)
    except UnicodeDecodeError:
        lines = None
    if lines is None:
        texts = [_text(line, number, bad) for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), first)]
        lines = pl.Series(texts, dtype=pl.String)
    if (lines.str.len_bytes() > MAX_LINE_CHARS).any():
        endless = lines.str.len_chars() > MAX_LINE_CHARS
        bad.update(dict.fromkeys((endless.arg_true() + first).to_list(), f"is longer than {MAX_LINE_CHARS} characters"))
        shown = lines.str.head(MAX_SHOWN).str.replace_all('"', "", literal=True)
        lines = lines.to_frame("line").select(pl.when(endless).then(shown).otherwise("line")).to_series()
    return LineBlock(lines, first, bad)


def _split(data: bytes) -> pl.Series | None:
    """Splits text at its line ends, which polars does best by reading it as a table of one column."""
    absent = next((byte for byte in _CONTROLS if byte not in data), None)
    if absent is None:
        return None
    # The name in front keeps polars from taking a mark at a block's beginning for a byte order mark.
    frame = pl.read_csv(
        b"line\n" + data, separator=chr(absent), quote_char=None, schema={"line": pl.String}, empty_string_is_null=False
    )
    return frame["line"] if frame.height == data.count(b"\n") + (not data.endswith(b"\n")) else None


def _text(line: bytes, number: int, bad: dict[int, str]) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        bad[number] = "is not UTF-8"
        text = line.decode("utf-8", "replace")
    if "\0" in text:
        bad.setdefault(number, "holds a NUL byte")
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text
