"""One record with quotes, read line by line: the exact way, for the few lines that need it.

A value that begins with a quote ends at the next quote that is not doubled, maybe lines later; a delimiter or the
line's end must follow. Other values have no quotes (RFC 4180, section 2). Line ends inside a value stay as they are.
"""

from __future__ import annotations

import re

_QUOTED = re.compile(r'[^"]*(?:""[^"]*)*')


class StrayQuoteError(ValueError):
    """A quote is where none may be."""


class QuotedRecord:
    """A record on its way: feed it lines until it is complete.

    Args:
        delimiter: One character between values.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._open: list[str] | None = None
        self.values: list[str] = []

    def feed(self, line: str) -> bool:
        """Read a line; return whether the record ends with it.

        Args:
            line: The line without its line feed. A carriage return at its end belongs to a value that goes on.

        Raises:
            StrayQuoteError: The quotes make no sense.
        """
        at = 0
        while True:
            if self._open is not None:
                found = _QUOTED.match(line, at)
                end = found.end() if found else at
                self._open.append(line[at:end].replace('""', '"'))
                if end == len(line):
                    self._open.append("\n")
                    return False
                self.values.append("".join(self._open))
                self._open = None
                at = end + 1
                if line[at:] in ("", "\r"):
                    return True
                if line[at] != self._delimiter:
                    raise StrayQuoteError
                at += 1
            elif line.startswith('"', at):
                self._open = []
                at += 1
            else:
                end = line.find(self._delimiter, at)
                self.values.append(line[at:].removesuffix("\r") if end < 0 else line[at:end])
                if '"' in self.values[-1]:
                    raise StrayQuoteError
                if end < 0:
                    return True
                at = end + 1
