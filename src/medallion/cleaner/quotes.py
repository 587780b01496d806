"""One record with quotes, read line by line: the exact way, for the few lines that need it.

A value that begins with a quote ends at the next quote that is neither doubled nor escaped, maybe lines later; a
delimiter or the line's end must follow. Other values have no quotes (RFC 4180, section 2). Line ends inside a value
stay as they are.
"""

from __future__ import annotations

import re

from medallion.cleaner.lines import LineBlock
from medallion.config.dialect import Dialect

MAX_RECORD_CHARS = 1 << 20
"""A value that spans lines must end within so many characters of its record's beginning."""
STRAY = "has a quote in the middle of a value"
NEVER_CLOSED = "opens a quote that is never closed"
_NEVER = re.compile("(?!)")


class StrayQuoteError(ValueError):
    """A quote is where none may be."""


class Quoting:
    """How values of a dialect are delimited, compiled once for all of its records."""

    def __init__(self, dialect: Dialect) -> None:
        self.delimiter, self.quote, self.escape = dialect.delimiter, dialect.quote_char, dialect.escape_char
        self.skips_space, self._keeps_stray = dialect.skip_initial_space, dialect.stray_quotes == "keep"
        self.line_end = dialect.line_end
        quote, escape = re.escape(self.quote or ""), re.escape(self.escape or "")
        # An escape at the end of a line stays: it is the line's end that is escaped.
        escaped = f"{escape}.|" if escape else ""
        doubled = f"{quote}{quote}|" if quote and dialect.doubles_quotes else ""
        self.inside = re.compile(f"(?:{escaped}{doubled}[^{quote}{escape}]+)*", re.DOTALL) if quote else _NEVER
        delimiter = re.escape(self.delimiter)
        bare = f"[^{delimiter}{escape}]+" if len(self.delimiter) == 1 else f"(?!{delimiter})[^{escape or chr(0)}]"
        self.bare = re.compile(f"(?:{escaped}{bare})*", re.DOTALL)
        self._meant = re.compile(f"{escaped}{doubled}(?!)", re.DOTALL)

    def meaning(self, written: str) -> str:
        """Return a value without what escapes or doubles its signs."""
        return self._meant.sub(lambda found: found[0][1:], written)

    def has_stray(self, written: str) -> bool:
        """Return whether a value that is not quoted holds a quote that nothing escapes, and none may."""
        if self._keeps_stray:
            return False
        plain = self._meant.sub("", written) if self.escape else written
        return self.quote is not None and self.quote in plain


class QuotedRecord:
    """A record on its way: feed it lines until it is complete."""

    def __init__(self, quoting: Quoting) -> None:
        self._quoting = quoting
        self._open: list[str] = []
        self._in_quotes = self._goes_on = False
        self.values: list[str] = []

    def feed(self, line: str) -> bool:
        """Read a line; return whether the record ends with it.

        Args:
            line: The line without its end. A carriage return at its end belongs to a value that goes on.

        Raises:
            StrayQuoteError: The quotes make no sense.
        """
        quoting, at = self._quoting, 0
        while True:
            if not self._goes_on:
                while quoting.skips_space and line.startswith(" ", at):
                    at += 1
                self._in_quotes = quoting.quote is not None and line.startswith(quoting.quote, at)
                at += self._in_quotes
            found = (quoting.inside if self._in_quotes else quoting.bare).match(line, at)
            end = found.end() if found else at
            written = line[at:end]
            if not self._in_quotes and quoting.has_stray(written):
                raise StrayQuoteError
            if end < len(line) and line[end] == quoting.escape:  # at the end: only the line's end is behind it
                return self._go_on(written)
            if self._in_quotes:
                if end == len(line):
                    return self._go_on(written)
                self._close(quoting.meaning(written))
                at = end + 1
                if line[at:] == "" or (line[at:] == "\r" and quoting.line_end == "\n"):
                    return True
                if not line.startswith(quoting.delimiter, at):
                    raise StrayQuoteError
                at += len(quoting.delimiter)
                continue
            if end == len(line) and quoting.line_end == "\n":
                written = written.removesuffix("\r")
            self._close(quoting.meaning(written))
            if end == len(line):
                return True
            at = end + len(quoting.delimiter)

    def _go_on(self, written: str) -> bool:
        self._open += [self._quoting.meaning(written), self._quoting.line_end]
        self._goes_on = True
        return False

    def _close(self, value: str) -> None:
        self.values.append("".join([*self._open, value]))
        self._open, self._goes_on = [], False


def quoted(value: str, dialect: Dialect) -> str:
    """Return a value as a dialect writes it: in quotes, or with its signs escaped where there are no quotes."""
    quote, escape = dialect.quote_char, dialect.escape_char
    if quote is None:
        signs = set(dialect.delimiter + escape) if escape else set()
        return "".join(f"{escape}{sign}" if sign in signs else sign for sign in value)
    inside = value.replace(escape, escape * 2) if escape else value
    return quote + inside.replace(quote, f"{escape or quote}{quote}") + quote


def read_record(quoting: Quoting, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | str | None:
    """Return a record's values and line count; or why it is no record; or None if the block ends too soon.

    Args:
        quoting: How its values are written.
        block: Lines.
        index: Of the line where it begins.
        last: Whether the file ends with the block.
    """
    record, chars = QuotedRecord(quoting), 0
    for at in range(index, block.height):
        line = block.lines[at] + block.dropped
        chars += len(line) + 1
        if at > index and chars > MAX_RECORD_CHARS:
            return NEVER_CLOSED
        try:
            if record.feed(line):
                return record.values, at - index + 1
        except StrayQuoteError:
            return STRAY if at == index else NEVER_CLOSED
    return NEVER_CLOSED if last else None
