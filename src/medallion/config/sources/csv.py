"""The connector `csv`: files on a volume, one or all that match a pattern."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from medallion.config.sources.base import FileSettings, check_plain, is_pattern
from medallion.config.sources.stream import CHUNK_BYTES, Inputs
from medallion.errors import BadInput, InputNotFound


class CsvSettings(FileSettings):
    """Files on the landing volume: CSV, or in the format of their contract, plain or compressed."""

    place: ClassVar[str] = "path"
    changes: ClassVar[str] = "SHA-256 of the bytes; with `incremental`, size and time of change"
    reads_landing: ClassVar[bool] = True
    connector: Literal["csv"] = "csv"
    path: str = Field(
        description="The file, relative to the landing volume; a tenant's, to its own folder there. With `*`, `?` or "
        "`[…]`: all files that match, in the order of their names."
    )

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError(f"{value!r} leaves the landing volume — write a path below it, without `..`")
        return check_plain(value)

    def open_inputs(self, landing: Path, known: Mapping[str, str]) -> AbstractContextManager[Inputs]:
        """Return the file, or the files in the order of their names."""
        if self.incremental is None and not is_pattern(self.path):
            return one_file(landing / self.path)
        return files(self, landing, known)


@dataclass
class LocalFile:
    """A file, known by the checksum of its bytes or, `by_time`, by its size and time of change."""

    path: Path
    name: str
    by_time: bool = False

    @cached_property
    def version(self) -> str:
        """SHA-256 of the bytes as they are stored; or size and time, which take no reading."""
        with _readable(self.path):
            if self.by_time:
                status = self.path.stat()
                return f"{status.st_size} bytes of {status.st_mtime_ns}"
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def delivered_at(self) -> datetime:
        """When the file was last written."""
        with _readable(self.path):
            return datetime.fromtimestamp(self.path.stat().st_mtime, timezone.utc)

    @property
    def size(self) -> int:
        """Its bytes as they are stored."""
        with _readable(self.path):
            return self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """Read the file."""
        with _readable(self.path), self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


@contextmanager
def one_file(path: Path) -> Iterator[Inputs]:
    """Yield a single file.

    Raises:
        InputNotFound: There is no such file.
        BadInput: Its name is not UTF-8.
    """
    if not _is_file(path):
        raise InputNotFound(f"there is no file {path}", _what_is_there(path.parent))
    yield Inputs(path.name, [LocalFile(path, _checked(path.name))])


@contextmanager
def files(settings: CsvSettings, landing: Path, known: Mapping[str, str]) -> Iterator[Inputs]:
    """Yield the files of a source, in the order of their names.

    Raises:
        InputNotFound: There is no file that matches, or one is a link to nothing.
        BadInput: The name of one is not UTF-8.
    """
    by_time = settings.incremental is not None
    if is_pattern(settings.path):
        found = sorted(path.relative_to(landing).as_posix() for path in landing.glob(settings.path) if _is_file(path))
    else:
        found = [settings.path] if (landing / settings.path).is_file() else []
    if not found and not known:
        raise InputNotFound(
            f"no file matches {settings.path} in {landing}", _what_is_there((landing / settings.path).parent)
        )
    yield Inputs(settings.path, [LocalFile(landing / name, _checked(name), by_time) for name in found], many=True)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise BadInput(f"{path} may not be read: {error.strerror}", "let uid 10001 read it: chmod a+r") from error
    except FileNotFoundError as error:
        raise InputNotFound(f"{path} went away while it was read", "put it back, and run again") from error


def _is_file(path: Path) -> bool:
    """Return whether the path is a file. Raise for a link whose target does not exist: it would be skipped silently."""
    if path.is_symlink() and not path.exists():
        raise InputNotFound(
            f"{path} is a link to {path.readlink()}, which is not there", "correct the link, or remove it"
        )
    return path.is_file()


def _checked(name: str) -> str:
    """The name of a file, if Postgres and the log can keep it."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the name of the file {_shown(name)} is not UTF-8", "rename the file") from error
    return name


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _what_is_there(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder} either: is the landing volume mounted and filled?"
    there = sorted(_shown(child.name) for child in folder.iterdir())
    listed = ", ".join(there[:10]) + (" …" if len(there) > 10 else "")
    return f"the folder holds: {listed}" if there else f"the folder {folder} is empty: put the file there"
