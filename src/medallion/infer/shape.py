"""The first records of a file, as a form of the file cuts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medallion.cleaner.quotes import QuotedRecord, Quoting, StrayQuoteError
from medallion.config.dialect import Dialect


@dataclass(frozen=True)
class Shape:
    """The first records of a file, as a form cuts them: first line and values, none where quotes are astray."""

    delimiter: str
    terms: Mapping[str, Any]
    records: tuple[tuple[int, list[str]], ...]

    @property
    def width(self) -> int:
        """How many values most records of several have; the larger number where two are as frequent."""
        widths = Counter(len(values) for _, values in self.records if len(values) > 1)
        return max(widths, key=lambda width: (widths[width], width), default=1)

    @property
    def fit(self) -> float:
        """The share of records of that width, titles left out."""
        widths = [len(values) for _, values in self.records]
        widths = widths[widths.index(self.width) :] if self.width in widths else []
        return widths.count(self.width) / len(widths) if widths else 0.0


def cut_shape(lines: list[str], first: int, delimiter: str, terms: Mapping[str, Any]) -> Shape:
    """Cut some lines into records.

    Args:
        lines: Consecutive lines of the file.
        first: The number of the first.
        delimiter: What separates values.
        terms: More of the dialect, in the keys of a contract.
    """
    quoting = Quoting(Dialect.model_validate({"delimiter": delimiter, **terms}))
    records: list[tuple[int, list[str]]] = []
    at = 0
    while at < len(lines):
        begin, record = at, QuotedRecord(quoting)
        at += 1
        if not lines[begin].strip():
            continue
        try:
            complete = record.feed(lines[begin])
            end = at
            while not complete and end < len(lines):
                complete, end = record.feed(lines[end]), end + 1
        except StrayQuoteError:
            complete = False
        records.append((first + begin, record.values if complete else []))
        at = end if complete else at
    return Shape(delimiter, terms, tuple(records))
