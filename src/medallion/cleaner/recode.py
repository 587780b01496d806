"""The beginning of a stream against its declared encoding, and UTF-16 and UTF-32 as UTF-8."""

from __future__ import annotations

import codecs
from typing import IO, Protocol

from medallion.errors import BadInput

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_HEAD = 4096
_BROKEN = "medallion_broken"
# A lone surrogate becomes bytes that no UTF-8 has, and so the line is rejected where lines are split.
codecs.register_error(_BROKEN, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


class OtherEncoding(BadInput):
    """A file that is surely in another encoding than declared.

    Args:
        message: What it is in, and what was declared.
        encoding: What to declare.
    """

    def __init__(self, message: str, encoding: str) -> None:
        super().__init__(message, f"declare `encoding: {encoding}` in the contract")
        self.encoding = encoding


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes:
        """Read up to `size` bytes; nothing at the end."""
        ...


class _Headed:
    """A stream, some bytes of which were read already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1, /) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._rest.read(size)


class _AsUtf8:
    def __init__(self, stream: Readable, codec: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(codec)(_BROKEN)

    def read(self, size: int = -1, /) -> bytes:
        while True:
            data = self._stream.read(size)
            text = self._decoder.decode(data, not data).encode("utf-8", "surrogatepass")
            if text or not data:
                return text


def without_mark(stream: IO[bytes], codec: str) -> Readable:
    """Return a stream without its byte order mark; UTF-16 and UTF-32 become UTF-8.

    Args:
        stream: The bytes of a file.
        codec: The encoding that its contract declares.

    Raises:
        OtherEncoding: The first bytes are of another encoding.
        BadInput: There is no byte order mark where one is needed.
    """
    head = b""
    while len(head) < _HEAD and (data := stream.read(_HEAD - len(head))):
        head += data
    mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
    found = _MARKS[mark] if mark else _without_mark(head)
    declared = codec.removesuffix("-sig")
    if found and not found.startswith(declared):
        named = found.removesuffix("-le").removesuffix("-be") if mark else found
        how = "begins with the byte order mark of" if mark else "looks like"
        raise OtherEncoding(f"the file {how} {named.upper()}, not {declared}", named)
    if declared in ("utf-16", "utf-32") and not mark:
        raise BadInput(
            f"the file has no byte order mark, which distinguishes the two kinds of {declared}",
            f"declare `encoding: {found or declared + '-le'}` in the contract",
        )
    rest = _Headed(head[len(mark) :], stream)
    return _AsUtf8(rest, found if mark else declared) if declared.startswith(("utf-16", "utf-32")) else rest


def _without_mark(head: bytes) -> str:
    """The encoding whose zero bytes a text has; empty if it has hardly any."""
    zeros = [head[place::4].count(0) / max(len(head[place::4]), 1) for place in range(4)]
    many = "".join("0" if share > 0.5 else "x" for share in zeros)
    return {"x0x0": "utf-16-le", "0x0x": "utf-16-be", "x000": "utf-32-le", "000x": "utf-32-be"}.get(many, "")
