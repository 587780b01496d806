"""The output of a command, line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

_LONGEST = 64 * 1024
"""Bytes of one line; a longer one is cut into several."""


class Output:
    """Hands on each line of a command's output, and remembers the last.

    Args:
        on_line: Called for each line.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line, self.last_line = on_line, ""

    def read(self, stream: BinaryIO) -> None:
        """Read until the stream ends."""
        for line in iter(lambda: stream.readline(_LONGEST), b""):
            self.add(line.decode(errors="replace").rstrip())

    def add(self, line: str) -> None:
        """Hand on a line."""
        self._on_line(line)
        self.last_line = line or self.last_line
