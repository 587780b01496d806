"""Text in columns of fixed widths: where they begin, if blanks between them in all lines leave no doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from medallion.cleaner.lines import line_blocks
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.infer.forms import DELIMITERS
from medallion.infer.refusal import NotTabular
from medallion.infer.shape import Shape

_ROWS = 10
"""Values of each column, at least: few may be blank at the same place by accident."""
_RULE = "^ *[-=_]{2,}[-=_ ]*$"
_BETWEEN = re.compile(r"(?<=\S) +(?=\S)")


@dataclass(frozen=True)
class FixedWidth:
    """The first records as such a file cuts them, and what speaks for the widths."""

    shape: Shape
    note: str


def find_fixed_width(path: Path, codec: str, lines: Sequence[str], first: int) -> FixedWidth | None:
    """Return the columns of text whose header has no delimiter; None if it is another text.

    Args:
        path: The file.
        codec: Its encoding.
        lines: Its first lines, from the header on.
        first: The number of the first of them.

    Raises:
        NotTabular: Its header has names with blanks between them, and the blanks below do not agree.
    """
    skipped = next((place for place, line in enumerate(lines) if line.strip()), 0)
    header, first = lines[skipped].rstrip(), first + skipped
    if any(sign in header for sign in DELIMITERS) or not (runs := list(_BETWEEN.finditer(header))):
        return None
    found = _Gaps(path, codec, first, header, [place for run in runs for place in range(*run.span())])
    cuts = found.cuts()
    if not cuts:
        if not any(len(run[0]) > 1 for run in runs):
            return None  # One column, with a name of several words.
        raise NotTabular(
            f"{path}, line {first}: blanks and no delimiter stand between names, and the columns below are not evident "
            "— write the contract by hand, with `dialect: {format: fixed-width, widths: […]}` and the widths in "
            "characters that its sender states"
        )
    widths = [end - start for start, end in pairwise([0, *cuts, found.length])]
    terms: dict[str, Any] = {"format": "fixed-width", "widths": widths}
    if found.shortest < found.length:
        terms["shortRows"] = "pad"
    if any(re.search(_RULE, line) for line in lines[skipped + 1 : skipped + 2]):
        terms["skipLines"] = _RULE
    kept = [(number, line) for number, line in enumerate(lines[skipped:], first) if line.strip()]
    spans = list(pairwise([0, *cuts, found.length]))
    records = [(at, [line[a:b].strip() for a, b in spans]) for at, line in kept if not re.search(_RULE, line)]
    starts = ", ".join(str(place + 1) for place in [0, *cuts])
    note = f"Columns begin at the characters {starts}: all {found.rows:,} lines are blank between them."
    return FixedWidth(Shape(" ", terms, tuple(records)), note)


class _Gaps:
    """The places that are blank in all lines of a file, and what stands around them.

    Attributes:
        rows: Lines below the header.
        shortest: Characters of the shortest of them.
        length: Characters of a line, without blanks at the end unless all lines are of one length.
    """

    def __init__(self, path: Path, codec: str, first: int, header: str, places: list[int]) -> None:
        self._path, self._codec, self._first, self._header = path, codec, first, header
        self.rows, self.shortest, longest, filled = 0, 1 << 62, 0, len(header)
        for rows in self._blocks():
            places = [place for place in places if not _holds(rows, place).any()]
            lengths = rows.str.len_chars()
            self.rows += rows.len()
            self.shortest, longest = min(self.shortest, int(lengths.min())), max(longest, int(lengths.max()))  # type: ignore[arg-type]
            filled = max(filled, int(rows.str.strip_chars_end(" ").str.len_chars().max()))  # type: ignore[arg-type]
        self.length = longest if self.shortest == longest >= filled else filled
        ends = [place for place in places if place + 1 not in places]
        self._gaps = [(max(p for p in places if p <= end and p - 1 not in places), end + 1) for end in ends]

    def cuts(self) -> list[int]:
        """Return where columns begin, besides the first; none if that is in doubt."""
        bounds = [0, *(place for gap in self._gaps for place in gap), self.length]
        spans = list(zip(bounds[::2], bounds[1::2], strict=True))
        named = [self._header[start:end].rstrip() for start, end in spans]
        if len(spans) == 1 or any(not name.strip() or "  " in name.strip() for name in named):
            return []
        filled, left, right = [0] * len(spans), [True] * len(spans), [True] * len(spans)
        for rows in self._blocks():
            for place, (start, end) in enumerate(spans):
                cells = rows.str.slice(start, end - start).str.strip_chars(" ")
                if cells.str.contains("  ", literal=True).any():
                    return []  # Two columns, of which the names stand close to each other.
                values = rows.filter(cells != "")
                filled[place] += values.len()
                left[place] &= bool(_holds(values, start).all())
                right[place] &= bool(_holds(values, end - 1).all())
        # Values of one length may be longer next month, at either side. A name that begins a column and does not end it
        # stands at its left, as the values of another length do.
        left = [
            (left[place] and not right[place]) or (name[:1] != " " and len(name) < end - start)
            for place, ((start, end), name) in enumerate(zip(spans, named, strict=True))
        ]
        sides = [left[place] or right[place - 1] for place in range(1, len(spans))]
        if min(filled) < _ROWS or not all(sides):
            return []
        return [spans[place][0] if left[place] else spans[place - 1][1] for place in range(1, len(spans))]

    def _blocks(self) -> Iterator[pl.Series]:
        """Yield the lines below the header that hold something, block by block."""
        with opened(LocalFile(self._path, self._path.name)) as input_:
            for block in line_blocks(input_.stream, codec=self._codec):
                lines = block.lines.slice(max(self._first + 1 - block.first, 0)).str.strip_suffix("\r")
                lines = lines.filter(lines.str.contains(r"\S") & ~lines.str.contains(_RULE))
                if lines.len():
                    yield lines


def _holds(lines: pl.Series, place: int) -> pl.Series:
    return ~lines.str.slice(place, 1).is_in(["", " "])
