"""The input as bytes: a file on a volume, plain or gzipped."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from medallion.failures import BadInput, InputNotFound


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Opens the input for reading; a gzip file is known by its first bytes, not by its name.

    Raises:
        InputNotFound: There is no such file.
        BadInput: The file cannot be read, or its gzip stream is cut off or damaged.
    """
    if not path.is_file():
        raise InputNotFound(f"there is no file {path}", _what_is_there(path))
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if zipped:
                with gzip.open(file) as unzipped:
                    yield unzipped  # type: ignore[misc]
            else:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(
            f"{path.name} is a damaged or cut-off gzip file ({error}); nothing of it was loaded",
            "transfer the file again and compare its size or checksum with the sender's",
        ) from error
    except PermissionError as error:
        raise BadInput(f"{path} may not be read: {error.strerror}", "let uid 10001 read it: chmod a+r") from error


def checksum(path: Path) -> str:
    """SHA-256 of the file's bytes as they are stored, in hexadecimal."""
    with opened(path):
        pass
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _what_is_there(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either: is the landing volume mounted and filled?"
    there = sorted(child.name for child in path.parent.iterdir())
    listed = ", ".join(there[:10]) + (" …" if len(there) > 10 else "")
    return f"the folder holds: {listed}" if there else f"the folder {path.parent} is empty: put the file there"
