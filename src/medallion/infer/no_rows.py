"""Lines below the header that are no rows yet: comments, totals, stray quotes. The whole file decides."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from medallion.cleaner.quotes import STRAY
from medallion.cleaner.records import RecordBlock
from medallion.infer.units import escaped

_COMMENT = "#"
_LAST = 5
"""Lines at the end that are looked at."""
_WORDS = "(?:grand |sub-?)?totals?|sums?|summe|gesamt|insgesamt|total general|totaal|итого"
_TOTAL = re.compile(_WORDS, re.IGNORECASE)
_NOTES = "(?:source|note|notes|footnote|remark|quelle|anmerkung|hinweis|fuente|nota|fonte|bron|opmerking)s?"
_NOTE = re.compile(f"{_NOTES} ?:", re.IGNORECASE)


@dataclass
class NoRows:
    """What of a file is no row.

    Attributes:
        delimiter: Between values.
        last: The last lines: number, whether it is a row, and its values; of a line that is no row, the first.
        comment: The first line that begins as a comment does and has another number of values than a row.
        rows_like_comments: Rows that begin as a comment does.
        like_totals: Lines that begin as a total does, wherever they are.
        like_notes: Lines that begin as a note does.
        stray: Lines with a quote inside a value that is not quoted.
        blank: Lines of delimiters alone.
        first_blank: The first of them.
        filled: Rows with a value.
        like_blank: Whether a row with a value looks like a line of delimiters.
        rejected: The first line that is no record, and why.
    """

    delimiter: str
    last: list[tuple[int, bool, list[str]]] = field(default_factory=list)
    comment: int | None = None
    rows_like_comments: int = 0
    like_totals: int = 0
    like_notes: int = 0
    stray: list[int] = field(default_factory=list)
    blank: int = 0
    first_blank: int | None = None
    filled: int = 0
    like_blank: bool = False
    rejected: str = ""

    def add(self, block: RecordBlock) -> None:
        """Look at a block, which follows those before."""
        rows = block.frame.tail(_LAST).drop("_record", strict=False).with_columns(pl.exclude("_line").fill_null(""))
        found = [(row[-1], True, list(row[:-1])) for row in rows.rows()]
        found += [(one.line, False, [one.record.split(self.delimiter)[0].strip(' "')]) for one in block.rejects]
        self.last = sorted([*self.last, *found])[-_LAST:]
        records = block.records()
        self.rows_like_comments += int(records.str.starts_with(_COMMENT).sum())
        begins = re.compile(begins_with(f"(?i:{_WORDS})", self.delimiter))
        self.like_totals += int(records.str.contains(begins.pattern).sum())
        self.like_totals += sum(begins.search(one.record) is not None for one in block.rejects)
        note = rf'^["\s]*(?i:{_NOTES} ?:)'
        self.like_notes += int(records.str.contains(note).sum())
        self.like_notes += sum(re.search(note, one.record) is not None for one in block.rejects)
        self.stray += [one.line for one in block.rejects if one.reason == STRAY]
        self._add_blank(block, records)
        comments = [one.line for one in block.rejects if one.record.startswith(_COMMENT)]
        if self.comment is None and comments:
            self.comment = min(comments)
        if not self.rejected and block.rejects:
            first = min(block.rejects, key=lambda one: one.line)
            self.rejected = f"line {first.line} {first.reason}"

    def _add_blank(self, block: RecordBlock, records: pl.Series) -> None:
        looks = self._blank()
        found = block.frame.filter(records.str.contains(looks))
        self.filled += block.frame.height - found.height
        values = pl.all().exclude("_line", "_record").str.strip_chars() != ""
        self.like_blank = self.like_blank or bool(found.select(pl.any_horizontal(values).fill_null(False).any()).item())
        lines = found["_line"].to_list() + [one.line for one in block.rejects if re.search(looks, one.record)]
        self.blank += len(lines)
        if lines and self.first_blank is None:
            self.first_blank = min(lines)

    def _blank(self) -> str:
        return rf'^[{self.delimiter}"\s]*$'

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
        patterns = []
        if self.blank and self.filled and not self.like_blank:
            patterns.append(self._blank())
            verb = "is" if self.blank == 1 else "are"
            lines = "line" if self.blank == 1 else "lines"
            notes.append(
                f"{self.blank:,} {lines} without any value {verb} not read, the first of them line {self.first_blank}."
            )
        totals, ends = self._ends()
        if ends and len(ends) == self.like_notes:
            words = "|".join(dict.fromkeys(value.partition(":")[0] for _, value in ends))
            patterns.append(rf'^["\s]*(?:{words}):')
            verb = "line is a note, and is" if len(ends) == 1 else "lines are notes, and are"
            shown = ", ".join(f"line {line}: `{value[:40]}`" for line, value in ends)
            notes.append(f"The last {verb} not read: {shown}.")
        if totals and len(totals) == self.like_totals:
            # By what they begin with, not by their number: the next file may have none.
            words = "|".join(escaped(word) for word in dict.fromkeys(word for _, word in totals))
            patterns.append(begins_with(f"(?:{words})", self.delimiter))
            shown = ", ".join(f"line {line}: `{value}`" for line, value in totals)
            notes.append(f"Lines at the end are totals, and are not read: {shown}.")
        if patterns:
            terms["skipLines"] = "|".join(patterns)
        return terms, notes

    def _ends(self) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
        """The totals and the notes at the end: line and first value. A row with a value in each column is none."""
        totals, notes = [], []
        for line, is_row, values in reversed(self.last):
            filled = [value.strip() for value in values if value.strip()]
            if is_row and not filled:
                continue
            if (is_row and len(filled) == len(values)) or not filled:
                break
            if _TOTAL.fullmatch(filled[0].rstrip(": ")):
                totals.append((line, filled[0]))
            elif len(filled) == 1 and values[0].strip() and _NOTE.match(filled[0]):
                notes.append((line, filled[0]))
            else:
                break
        return totals, notes


def begins_with(words: str, delimiter: str) -> str:
    """Return a regular expression of lines whose first value is one of some words and an optional colon."""
    sign = f"[{delimiter}]"
    return rf'^(?:{sign}|["\s])*{words}:?"?\s*(?:{sign}|$)'
