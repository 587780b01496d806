"""Bytes into physical lines, in blocks of bounded size. Nothing is dropped: a line that is no text is marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
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
_LONE_RETURN = re.compile(rb"\r[^\n]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_CONTROLS = bytes(range(1, 9)) + bytes(range(14, 32))
MAX_SHOWN = 2000
"""Characters of a rejected record that the quarantine keeps."""


@dataclass(frozen=True)
class Reject:
    """A line that is no record, and why. `line` is its 1-based physical number."""

    line: int
    reason: str
    record: str


class LineBlock:
    """Consecutive lines without their line ends: `lines[i]` is line `first + i` of the file.

    Attributes:
        first: The number of the first.
        bad: By line number, why a line is not text; what `lines` holds for it is only there to be shown.
        dropped: A carriage return that every line had at its end, or nothing.
        returns: Whether lines may hold others.
        text: The lines as UTF-8, each with a line feed, if every one is text; else None.

    Args:
        lines: The lines; None: those of `text`, which are only cut where they are needed.
    """

    def __init__(
        self,
        lines: pl.Series | None,
        first: int,
        bad: dict[int, str] | None = None,
        dropped: str = "",
        *,
        returns: bool = False,
        text: bytes | None = None,
    ) -> None:
        self.first, self.bad, self.dropped, self.returns = first, bad or {}, dropped, returns
        self.text, self._lines = text, lines

    @property
    def lines(self) -> pl.Series:
        """The lines."""
        if self._lines is None:
            self._lines = _split(self.text or b"", b"\n")
        return self._lines

    @cached_property
    def height(self) -> int:
        """How many lines there are."""
        return self.text.count(b"\n") if self._lines is None and self.text is not None else self.lines.len()

    def after(self, index: int) -> LineBlock:
        """Return the lines from an index on."""
        text = b"" if index >= self.height else self.text and self.text.split(b"\n", index)[-1]
        lines = pl.Series([], dtype=pl.String) if text == b"" else None if text else self.lines[index:]
        return LineBlock(lines, self.first + index, self.bad, self.dropped, returns=self.returns, text=text)

    def before(self, index: int) -> LineBlock:
        """Return the lines up to an index."""
        return LineBlock(self.lines[:index], self.first, self.bad, self.dropped, returns=self.returns)

    def joined(self, other: LineBlock) -> LineBlock:
        """Return these lines and the ones that follow them in the file."""
        if not self.height:
            return other
        bad = {**self.bad, **other.bad}
        if self.dropped == other.dropped:
            returns = self.returns or other.returns
            lines, text = None, self.text and other.text and self.text + other.text
            if not text:
                lines = pl.concat([self.lines, other.lines])
            return LineBlock(lines, self.first, bad, self.dropped, returns=returns, text=text)
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
            number += block.height
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
        text = self._text(data)
        if text is None or b"\0" in text:
            return self._marked(data, first)
        if not data.isascii() and not self._wide:
            self._evidence.decoded(data, _lines_beyond_ascii(data, self._end))
        if self._end != b"\n":
            return _without_long(LineBlock(_split(text, self._end), first))
        if not text.endswith(b"\n"):
            text += b"\n"
        dropped, returns = "", b"\r" in text
        if returns and _LONE_RETURN.search(text) is None:
            without = text.translate(None, b"\r")
            if len(text) - len(without) == without.count(b"\n"):
                text, dropped, returns = without, "\r", False
        if _has_long(text):
            return _without_long(LineBlock(_split(text, b"\n"), first, None, dropped, returns=returns))
        return LineBlock(None, first, None, dropped, returns=returns, text=text)

    def _marked(self, data: bytes, first: int) -> LineBlock:
        """Return lines of which some are no text."""
        bad: dict[int, str] = {}
        texts = list(self._one_by_one(data.removesuffix(self._end).split(self._end), first, bad))
        returns = self._end == b"\n" and b"\r" in data
        return _without_long(LineBlock(pl.Series(texts, dtype=pl.String), first, bad, returns=returns))

    def _text(self, data: bytes) -> bytes | None:
        """The data as UTF-8; None if some of it is no text."""
        if data.isascii():
            return data
        # Files in Latin-1 and its kin have no such control characters: they are in a code page of Windows.
        if self._codec.startswith("iso-8859") and _HIGH_CONTROLS.search(data):
            return None
        try:
            if self._codec == "utf-8":
                pl.Series([data]).cast(pl.String)  # polars checks it thirty times as quickly as Python
                return data
            return data.decode(self._codec).encode()
        except (UnicodeDecodeError, pl.exceptions.ComputeError):
            return None

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


def _lines_beyond_ascii(data: bytes, end: bytes) -> int:
    rest = data.translate(None, bytes(sign for sign in range(128) if sign != ord(end)))
    return sum(1 for _ in _BEYOND_ASCII.finditer(rest))


def _has_long(text: bytes) -> bool:
    """Return whether a line may be longer than a record is."""
    begin = 0
    while len(text) - begin > MAX_LINE_CHARS:
        begin = text.rfind(b"\n", begin, begin + MAX_LINE_CHARS + 1) + 1
        if not begin:
            return True
    return False


def _without_long(block: LineBlock) -> LineBlock:
    """Return a block whose endless lines are marked, and cut to what is shown of them."""
    endless = block.lines.str.len_chars() > MAX_LINE_CHARS
    if not endless.any():
        return block
    long = f"is longer than {MAX_LINE_CHARS} characters"
    bad = {**block.bad, **dict.fromkeys((endless.arg_true() + block.first).to_list(), long)}
    shown = block.lines.str.head(MAX_SHOWN).str.replace_all('"', "", literal=True)
    lines = block.lines.to_frame("line").select(pl.when(endless).then(shown).otherwise("line")).to_series()
    return LineBlock(lines, block.first, bad, block.dropped, returns=block.returns)


def _split(data: bytes, end: bytes) -> pl.Series:
    """Split text at its line ends, which polars does best by reading it as a table of one column."""
    absent = next((byte for byte in _CONTROLS if byte not in data), None)
    # Reading drops a carriage return before a line feed, which may be a part of a value.
    if absent is not None and b"\r\n" not in data:
        # The name in front keeps polars from taking a mark at a block's beginning for a byte order mark.
        frame = pl.read_csv(
            b"line" + end + data,
            separator=chr(absent),
            quote_char=None,
            eol_char=end.decode(),
            schema={"line": pl.String},
            empty_string_is_null=False,
        )
        if frame.height == data.count(end) + (not data.endswith(end)):
            return frame["line"]
    return pl.Series([data.removesuffix(end).decode()]).str.split(end.decode()).explode()
