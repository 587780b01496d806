"""The text of a file that people wrote, or why it cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

from medallion.config.diagnostics import ConfigError, Diagnostic, not_found

MOST_BYTES = 2 * 1024 * 1024
_LINK = re.compile(rb"[^\x00-\x1f:]{1,1000}\.ya?ml")


def read_text(path: Path, kind: str = "file") -> str:
    """Return the text of a UTF-8 file, without a byte order mark.

    A link is followed, out of the DAG folder too. So is the text that git writes for a link where `core.symlinks` is
    off: the file that it names, and no end of line.

    Args:
        path: The file.
        kind: What is expected there, for the message.

    Raises:
        ConfigError: It is missing, larger than 2 MiB, no UTF-8, or cannot be opened.
    """
    content = _read_bytes(path, kind)
    if _LINK.fullmatch(content) and (target := path.parent / content.decode("utf-8", "replace")).is_file():
        content = _read_bytes(target, kind)
    if len(content) > MOST_BYTES:
        raise refused(str(path), f"is larger than {MOST_BYTES // 1024**2} MiB", "split it into several files")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refused(str(path), "is not UTF-8: it is UTF-16", "save it as UTF-8")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refused(str(path), f"is not UTF-8: {error}", "save it as UTF-8", line) from error


def _read_bytes(path: Path, kind: str) -> bytes:
    try:
        if path.is_symlink() and not path.exists():
            message = f"is a link to {path.readlink()}, which is not there"
            raise refused(str(path), message, "correct the link, or remove it")
        if not path.is_file():
            raise not_found(path, kind)
        with path.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise refused(str(path), f"cannot be read: {reason}", "check the path and its permissions") from error


def refused(file: str, message: str, remedy: str, line: int = 1, column: int = 1) -> ConfigError:
    """Return the error for a file that is not read at all."""
    return ConfigError([Diagnostic(file, line, column, "", message, remedy)])
