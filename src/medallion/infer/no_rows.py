"""Lines below the header that are no rows yet: comments, totals, stray quotes. The whole file decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from medallion.cleaner.quotes import STRAY
from medallion.cleaner.records import RecordBlock

_COMMENT = "#"
_LAST = 3
"""Lines at the end that are looked at."""
_WORDS = "(?:grand |sub-?)?totals?|sums?|summe|gesamt|insgesamt|total general|totaal|итого"
_TOTAL = re.compile(_WORDS, re.IGNORECASE)
_SPECIAL = re.compile(r"[.^$*+?()\[\]{}|\\]")


@dataclass
class NoRows:
    """What of a file is no row.

    Attributes:
        delimiter: Between values.
        last: The last lines: number, whether it is a row, and its values; of a line that is no row, the first.
        comment: The first line that begins as a comment does and has another number of values than a row.
        rows_like_comments: Rows that begin as a comment does.
        like_totals: Lines that begin as a total does, wherever they are.
        stray: Lines with a quote inside a value that is not quoted.
    """

    delimiter: str
    last: list[tuple[int, bool, list[str]]] = field(default_factory=list)
    comment: int | None = None
    rows_like_comments: int = 0
    like_totals: int = 0
    stray: list[int] = field(default_factory=list)

    def add(self, block: RecordBlock) -> None:
        """Look at a block, which follows those before."""
        rows = block.frame.tail(_LAST).drop("_record", strict=False).with_columns(pl.exclude("_line").fill_null(""))
        found = [(row[-1], True, list(row[:-1])) for row in rows.rows()]
        found += [(one.line, False, [one.record.split(self.delimiter)[0].strip(' "')]) for one in block.rejects]
        self.last = sorted([*self.last, *found])[-_LAST:]
        records = block.records()
        self.rows_like_comments += int(records.str.starts_with(_COMMENT).sum())
        begins = re.compile(_begins(f"(?i:{_WORDS})", self.delimiter))
        self.like_totals += int(records.str.contains(begins.pattern).sum())
        self.like_totals += sum(begins.search(one.record) is not None for one in block.rejects)
        self.stray += [one.line for one in block.rejects if one.reason == STRAY]
        comments = [one.line for one in block.rejects if one.record.startswith(_COMMENT)]
        if self.comment is None and comments:
            self.comment = min(comments)

    def terms(self) -> tuple[dict[str, Any], list[str]]:
        """Return what the dialect has to say, and what speaks for it."""
        terms: dict[str, Any] = {}
        notes = []
        if self.comment is not None and not self.rows_like_comments:
            terms["commentChar"] = _COMMENT
            notes.append(f"Lines that begin with `{_COMMENT}` are comments, such as line {self.comment}.")
        if self.stray:
            terms["strayQuotes"] = "keep"
            notes.append(f"Quotes inside values are kept, as on line {min(self.stray)}.")
        totals = self._totals()
        if totals and len(totals) == self.like_totals:
            # By what they begin with, not by their number: the next file may have none.
            words = "|".join(_SPECIAL.sub(r"\\\g<0>", word) for word in dict.fromkeys(word for _, word in totals))
            terms["skipLines"] = _begins(f"(?:{words})", self.delimiter)
            shown = ", ".join(f"line {line}: `{value}`" for line, value in totals)
            notes.append(f"Lines at the end are totals, and are not read: {shown}.")
        return terms, notes

    def _totals(self) -> list[tuple[int, str]]:
        """The line and first value of each total at the end. A row with a value in each column is none."""
        found = []
        for line, is_row, values in reversed(self.last):
            filled = [value.strip() for value in values if value.strip()]
            if (is_row and len(filled) == len(values)) or not filled or not _TOTAL.fullmatch(filled[0].rstrip(": ")):
                break
            found.append((line, filled[0]))
        return found


def _begins(words: str, delimiter: str) -> str:
    """Return a regular expression of lines whose first value is one of some words and an optional colon."""
    sign = f"[{delimiter}]"
    return rf'^(?:{sign}|["\s])*{words}:?"?\s*(?:{sign}|$)'
