"""Compressed inputs as their contents: gzip, zstd, and a file in a zip archive, known by their first bytes."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any, cast

from medallion.errors import BadInput, Misconfigured

GZIP, ZIP, ZSTD = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
_EMPTY_ZIP = b"PK\x05\x06"
MOST_SPOOLED = 4 << 30
"""Bytes of what is written to a temporary file, as archives and tables that need seeking are."""
_CHUNK = 1 << 20
_AGAIN = "transfer the file again and compare its size or checksum with the sender's"


class _Guarded(io.RawIOBase):
    """A stream in which errors of its decompressor are a bad input."""

    def __init__(self, stream: Any, errors: tuple[type[Exception], ...], name: str, kind: str) -> None:
        super().__init__()
        self._stream, self._errors, self._name, self._kind = stream, errors, name, kind

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except self._errors as error:
            raise damaged(self._name, self._kind, error) from error
        buffer[: len(data)] = data
        return len(data)


def damaged(name: str, kind: str, error: object) -> BadInput:
    """Return the failure for a file that is cut off or damaged."""
    return BadInput(f"{name} is a damaged or cut-off {kind} ({error}); nothing of it was loaded", _AGAIN)


def unpack(
    stream: io.BufferedReader, name: str, member: str | None, stack: ExitStack, path: Path | None
) -> io.BufferedReader | None:
    """Return the contents of a stream, or None if it is not compressed.

    A document of an office program is a zip archive too: it is returned as it is, in a file.

    Args:
        stream: What is stored, at its beginning.
        name: What people call it.
        member: The file to read of a zip archive.
        stack: Closes temporary files.
        path: The file with the same bytes, if there is one on disk.

    Raises:
        BadInput: The archive is damaged or encrypted, or it is not clear which of its files to read.
    """
    head = stream.peek(4)[:4]
    if head.startswith(GZIP):
        opened: Any = gzip.GzipFile(fileobj=stream)
        return _guarded(opened, (EOFError, zlib.error, gzip.BadGzipFile), name, "gzip file")
    if head == ZSTD:
        from backports import zstd

        return _guarded(zstd.ZstdFile(stream), (EOFError, zstd.ZstdError), name, "zstd file")
    if head in (ZIP, _EMPTY_ZIP):
        return _unzip(seekable(stream, name, stack, path), name, member, stack)
    return None


def _guarded(stream: Any, errors: tuple[type[Exception], ...], name: str, kind: str) -> io.BufferedReader:
    return io.BufferedReader(_Guarded(stream, errors, name, kind), _CHUNK)


def _unzip(file: io.BufferedReader, name: str, member: str | None, stack: ExitStack) -> io.BufferedReader:
    try:
        archive = stack.enter_context(zipfile.ZipFile(file))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise damaged(name, "zip file", error) from error
    if _is_document(archive):
        file.seek(0)
        return file
    one = _choose(archive, name, member)
    if one.flag_bits & 1:
        raise BadInput(f"{one.filename} in {name} is encrypted", "unpack it, or have it sent without a password")
    within = f"{one.filename} in {name}"
    try:
        opened = stack.enter_context(archive.open(one))
    except NotImplementedError as error:
        raise BadInput(f"{within} cannot be unpacked: {error}", "pack it with another program") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise damaged(name, "zip file", error) from error
    return _guarded(opened, (zipfile.BadZipFile, EOFError, zlib.error, OSError), within, "zip file")


def _is_document(archive: zipfile.ZipFile) -> bool:
    """Return whether an archive is a document of an office program, which is no packed file."""
    names = archive.namelist()
    return "[Content_Types].xml" in names or names[:1] == ["mimetype"]


def _choose(archive: zipfile.ZipFile, name: str, member: str | None) -> zipfile.ZipInfo:
    there = [one for one in archive.infolist() if not one.is_dir() and not _is_of_a_system(one.filename)]
    listed = ", ".join(one.filename for one in there[:10]) + (" …" if len(there) > 10 else "")
    found = there if member is None else [one for one in there if _matches(one.filename, member)]
    if len(found) == 1:
        return found[0]
    if not there:
        raise BadInput(f"{name} is a zip archive without files", "send an archive that holds a file")
    if member is None:
        raise BadInput(
            f"{name} is a zip archive of {len(there)} files: {listed}",
            "name one with `dialect: {member: …}` in the contract, or pack each alone",
        )
    several = f"{len(found)} files" if found else "no file"
    raise BadInput(
        f"{several} of {name} match `member: {member}`: the archive holds {listed}", "correct `member` in the contract"
    )


def _is_of_a_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in (".DS_Store", "Thumbs.db")


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern) or fnmatchcase(PurePosixPath(name).name, pattern)


def seekable(stream: io.BufferedReader, name: str, stack: ExitStack, path: Path | None) -> io.BufferedReader:
    """Return a stream as a file in which one can seek: the file itself, or a temporary one.

    Raises:
        BadInput: It is larger than `MOST_SPOOLED`.
        Misconfigured: There is no room for it.
    """
    if path is not None:
        return stack.enter_context(path.open("rb"))
    file: Any = stack.enter_context(NamedTemporaryFile(prefix="medallion-"))  # noqa: SIM115
    size = 0
    try:
        while data := stream.read(_CHUNK):
            size += len(data)
            if size > MOST_SPOOLED:
                raise BadInput(
                    f"{name} has more than {MOST_SPOOLED >> 30} GiB; nothing of it was loaded", "split it into files"
                )
            file.write(data)
        file.flush()  # others open it by its name
    except OSError as error:
        raise Misconfigured(
            f"{name} cannot be written to a temporary file: {error.strerror or error}",
            "make room there, or set TMPDIR to a folder with more room",
        ) from error
    file.seek(0)
    return cast(io.BufferedReader, file)
