"""Inputs as streams: chunks of bytes, however they come, as a file that is read once, and unpacked on the way."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, runtime_checkable

from medallion.config.sources.packed import seekable, unpack

CHUNK_BYTES = 1 << 20
"""About how many bytes connectors hand out at a time."""
_LISTED = 50
_LAYERS = 3
"""How often a file may be packed, such as a workbook in a zip archive."""


class Input(Protocol):
    """One stream of bytes, plain or compressed."""

    @property
    def name(self) -> str:
        """What people call it, and the quarantine."""
        ...

    @property
    def version(self) -> str | None:
        """A value that changes with the content; None if it is unknown before the read."""
        ...

    @property
    def delivered_at(self) -> datetime | None:
        """When its sender last wrote it, with new content or the same; None if unknown."""
        ...

    @property
    def size(self) -> int | None:
        """Its bytes as they are stored; None if unknown before the read."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Read the input. A failure of the source is raised here as a failure of the step."""
        ...


@dataclass
class Inputs:
    """What a source has to load.

    Attributes:
        label: The source as messages name it.
        inputs: In the order in which they are loaded.
        many: Whether rows record which file they are from.
        state: What to remember as loaded, in place of the names and versions of the inputs.
    """

    label: str
    inputs: list[Input]
    many: bool = False
    state: dict[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> dict[str, str]:
        """What to remember as loaded: versions by name."""
        return self.state or {one.name: str(one.version) for one in self.inputs}

    @property
    def delivered_at(self) -> datetime:
        """When the sender last wrote any of them; now, where none knows: rows of a database are there as they are."""
        known = [at for one in self.inputs if (at := one.delivered_at) is not None]
        return max(known, default=datetime.now(timezone.utc))

    def newer_than(self, known: Mapping[str, str]) -> Inputs:
        """Return what is new, or has another version than is known."""
        if self.state:
            same = all(known.get(name) == version for name, version in self.state.items())
            return replace(self, inputs=[]) if same else self
        fresh = [one for one in self.inputs if known.get(one.name) != one.version]
        count = f"{len(fresh)} new or changed of {len(self.inputs)} files"
        return replace(self, inputs=fresh, label=f"{self.label} ({count})" if fresh else self.label)

    def summary(self, replaced: int) -> dict[str, object]:
        """Return what an incremental load took, for the ledger."""
        names = [one.name for one in self.inputs]
        return {"inputs": len(names), "names": names[:_LISTED], "replaced": replaced, "state": self.state}

    @property
    def version(self) -> str | None:
        """The version of all of them: of the only one, or a checksum of the names and versions of several."""
        versions = [one.version for one in self.inputs]
        if not self.many and len(versions) == 1:
            return versions[0]
        if None in versions:
            return None
        return hash_versions({one.name: str(one.version) for one in self.inputs})


def hash_versions(versions: Mapping[str, str]) -> str:
    """Return the version of several inputs together, from their names and versions in order."""
    text = "\n".join(f"{name}\0{version}" for name, version in versions.items())
    return hashlib.sha256(text.encode()).hexdigest()


class _Chunks(io.RawIOBase):
    """Chunks as a raw file, with the checksum of what was read if it is asked for."""

    def __init__(self, chunks: Iterator[bytes], *, hashed: bool) -> None:
        super().__init__()
        self._chunks, self._rest, self._hashed = chunks, memoryview(b""), hashed
        self.checksum = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view, filled = memoryview(buffer), 0
        while filled < len(view):
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                if self._hashed:
                    self.checksum.update(chunk)
                self._rest = memoryview(chunk)
            count = min(len(view) - filled, len(self._rest))
            view[filled : filled + count] = self._rest[:count]
            self._rest, filled = self._rest[count:], filled + count
        return filled


@dataclass
class Opened:
    """An open input.

    Attributes:
        name: What people call it.
        stream: Its contents, unpacked.
        raw: What it is read from.
        version: Its version, if it is known before the read.
        stack: Closes what is opened with it.
        path: The file with the contents, if there is one on disk.
    """

    name: str
    stream: io.BufferedReader
    raw: _Chunks
    version: str | None
    stack: ExitStack
    path: Path | None = None

    @property
    def checksum(self) -> str:
        """Its version; else SHA-256 in hexadecimal of the bytes as they are stored, once all are read."""
        return self.version or self.raw.checksum.hexdigest()

    def seekable(self) -> io.BufferedReader:
        """Return the contents as a file in which one can seek. `stream` may not be read after it."""
        return self.stream if self.stream.seekable() else seekable(self.stream, self.name, self.stack, self.path)


@runtime_checkable
class _OnDisk(Protocol):
    path: Path


@contextmanager
def opened(source: Input, member: str | None = None) -> Iterator[Opened]:
    """Open an input for reading. What is compressed is known by its first bytes, not by its name.

    Args:
        source: The input.
        member: The file to read of a zip archive that holds several.

    Raises:
        BadInput: It is compressed, and cut off, damaged or encrypted.
    """
    chunks = source.chunks()
    with closing(chunks), ExitStack() as stack:  # type: ignore[type-var]
        raw = _Chunks(chunks, hashed=source.version is None)
        stream: io.BufferedReader = io.BufferedReader(raw, CHUNK_BYTES)
        path = source.path if isinstance(source, _OnDisk) else None
        for _ in range(_LAYERS):
            inner = None if stream.seekable() else unpack(stream, source.name, member, stack, path)
            if inner is None:
                break
            stream, path = inner, None
        yield Opened(source.name, stream, raw, source.version, stack, path)
