"""Bytes into physical lines, in blocks of bounded size. Nothing is dropped: a line that is no text is marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO

import polars as pl

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.recode import without_mark

BLOCK_BYTES = 4 << 20
MAX_LINE_CHARS = 1 << 20
"""A longer line is no record of any table: it is rejected, so that memory stays bounded."""
# No character takes more than four bytes: what is cut here is too long by the rule above, however it is counted.
_ENDLESS = 4 * MAX_LINE_CHARS + 4
_HIGH_CONTROLS = re.compile(rb"[\x80-\x9f]")
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

    `bad` has, by line number, why a line is not text; what `lines` holds for it is only there to be shown. `dropped` is
    a carriage return that every line had at its end, or nothing; `returns` is whether lines may hold others.
    """

    lines: pl.Series
    first: int
    bad: dict[int, str] = field(default_factory=dict)
    dropped: str = ""
    returns: bool = False

    def after(self, index: int) -> LineBlock:
        """Return the lines from an index on."""
        return replace(self, lines=self.lines[index:], first=self.first + index)

    def joined(self, other: LineBlock) -> LineBlock:
        """Return these lines and the ones that follow them in the file."""
        if self.lines.is_empty():
            return other
        bad = {**self.bad, **other.bad}
        if self.dropped == other.dropped:
            lines, returns = pl.concat([self.lines, other.lines]), self.returns or other.returns
            return LineBlock(lines, self.first, bad, self.dropped, returns)
        lines = pl.concat([self.lines + self.dropped, other.lines + other.dropped])
        return LineBlock(lines, self.first, bad, returns=True)


def line_blocks(
    stream: IO[bytes],
    size: int = BLOCK_BYTES,
    codec: str = "utf-8",
    evidence: Evidence | None = None,
    end: bytes = b"\n",
) -> Iterator[LineBlock]:
    """Cut a stream into blocks of whole lines.

    Args:
        stream: The bytes; a byte order mark at their beginning is skipped.
        size: How many bytes to read at a time. The lines are the same whatever it is.
        codec: How they are encoded.
        evidence: Receives the lines beyond ASCII.
        end: What ends a line. A carriage return before a line feed is a part of the line's end.

    Raises:
        BadInput: The first bytes are of another encoding.
    """
    source, number, rest, skipping = without_mark(stream, codec), 1, b"", False
    splitter = _Splitter(codec, evidence or Evidence(codec), end)
    while True:
        read = source.read(size)
        ended = not read
        if skipping:
            # The tail of an endless line, whose head waits in `rest` for the line's end.
            ending = read.find(end)
            if ending < 0 and not ended:
                continue
            read, skipping = read[ending:] if ending >= 0 else b"", False
        data = rest + read
        cut = len(data) if ended else data.rfind(end) + 1
        whole, rest = data[:cut], data[cut:]
        if len(rest) > _ENDLESS:
            rest, skipping = rest[:_ENDLESS], True
        if whole:
            block = splitter.block(whole, number)
            number += block.lines.len()
            yield block
        if ended:
            return


class _Splitter:
    def __init__(self, codec: str, evidence: Evidence, end: bytes) -> None:
        self._end = end
        self._wide = codec.startswith(("utf-16", "utf-32"))
        self._codec = "utf-8" if self._wide or codec == "utf-8-sig" else codec
        self._name, self._evidence = codec.upper(), evidence

    def block(self, data: bytes, first: int) -> LineBlock:
        bad: dict[int, str] = {}
        text = self._text(data)
        lines = None if text is None or b"\0" in text else _split(text, self._end)
        dropped, returns = "", self._end == b"\n" and b"\r" in data
        if text is not None and lines is not None and returns:
            # Reading drops a carriage return at a line's end. Where every line has one, and none another, that is fine.
            lost = len(text) - int(lines.str.len_bytes().sum())
            if lost == 2 * lines.len() == 2 * text.count(b"\r"):
                dropped, returns = "\r", False
            else:
                lines = pl.Series([text.decode().removesuffix("\n")]).str.split("\n").explode()
        if lines is None:
            texts = list(self._one_by_one(data.removesuffix(self._end).split(self._end), first, bad))
            lines = pl.Series(texts, dtype=pl.String)
        elif not data.isascii() and not self._wide:
            self._evidence.decoded(data, int((lines.str.len_bytes() != lines.str.len_chars()).sum()))
        if (lines.str.len_bytes() > MAX_LINE_CHARS).any():
            endless = lines.str.len_chars() > MAX_LINE_CHARS
            long = f"is longer than {MAX_LINE_CHARS} characters"
            bad.update(dict.fromkeys((endless.arg_true() + first).to_list(), long))
            shown = lines.str.head(MAX_SHOWN).str.replace_all('"', "", literal=True)
            lines = lines.to_frame("line").select(pl.when(endless).then(shown).otherwise("line")).to_series()
        return LineBlock(lines, first, bad, dropped, returns)

    def _text(self, data: bytes) -> bytes | None:
        """The data as UTF-8; None if some of it is no text."""
        if data.isascii():
            return data
        # Files in Latin-1 and its kin have no such control characters: they are in a code page of Windows.
        if self._codec.startswith("iso-8859") and _HIGH_CONTROLS.search(data):
            return None
        try:
            text = data.decode(self._codec)
        except UnicodeDecodeError:
            return None
        return data if self._codec == "utf-8" else text.encode()

    def _one_by_one(self, lines: list[bytes], first: int, bad: dict[int, str]) -> Iterator[str]:
        broken: dict[int, bytes] = {}
        good: list[bytes] = []
        for number, line in enumerate(lines, first):
            data = self._text(line)
            if data is None:
                bad[number], broken[number] = f"is not {self._name}", line
                text = line.decode(self._codec, "replace")
            else:
                text = data.decode()
                if not line.isascii():
                    good.append(line)
            if "\0" in text:
                bad.setdefault(number, "holds a NUL byte")
                text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
            yield text
        if not self._wide:
            self._evidence.decoded(b"\n".join(good), len(good))
            self._evidence.broken(broken)


def _split(data: bytes, end: bytes) -> pl.Series | None:
    """Split text at its line ends, which polars does best by reading it as a table of one column."""
    absent = next((byte for byte in _CONTROLS if byte not in data), None)
    if absent is None:
        return None
    # The name in front keeps polars from taking a mark at a block's beginning for a byte order mark.
    frame = pl.read_csv(
        b"line" + end + data,
        separator=chr(absent),
        quote_char=None,
        eol_char=end.decode(),
        schema={"line": pl.String},
        empty_string_is_null=False,
    )
    return frame["line"] if frame.height == data.count(end) + (not data.endswith(end)) else None
