"""What a backup consists of. Its manifest is uploaded last: without one there is no backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, Field

NAME = "manifest.json"
CHUNK_BYTES = 1 << 20


class File(BaseModel):
    """A file of a backup: its name, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """The files of a backup, in the order of their names."""

    files: list[File]

    @property
    def dumps(self) -> list[File]:
        """The files that `restore` takes, one for each database."""
        return [file for file in self.files if file.name.endswith(".dump")]


def hash_file(name: str, chunks: Iterable[bytes]) -> File:
    """Describe a file by its bytes, wherever they come from."""
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return File(name=name, size=size, sha256=digest.hexdigest())


def local_file(path: Path) -> File:
    """Describe a file of this machine."""
    with path.open("rb") as stream:
        return hash_file(path.name, iter(lambda: stream.read(CHUNK_BYTES), b""))
