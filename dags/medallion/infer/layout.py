"""How a file is laid out: its delimiter, and the line that names its columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from medallion.failures import StepFailure
from medallion_cleaner.inputs import opened
from medallion_cleaner.inputs.files import LocalFile
from medallion_cleaner.lines import line_blocks
from medallion_cleaner.quotes import QuotedRecord, StrayQuoteError

SAMPLE_BYTES = 1 << 20
SAMPLE_LINES = 500
DELIMITERS = ("\t", "|", ";", ",")
"""The comma last, because it stands inside of values too."""
HELP = "or write the contract without --from"
_VALUE = re.compile(
    r"[+-]?[0-9][0-9.,]*%?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?|(?i:true|false)|\S+@\S+\.\S+"
)


class NotTabular(Exception):
    """A file that no contract can be guessed from; its text says why, and what to do."""


@dataclass(frozen=True)
class Layout:
    """Where the values are.

    Attributes:
        delimiter: The character between values.
        header_line: The line that names the columns, from 1.
        above: What stands on the lines above it that have text.
    """

    delimiter: str
    header_line: int = 1
    above: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Shape:
    """The first records of a file, as a delimiter cuts them: first line and values."""

    delimiter: str
    records: tuple[tuple[int, list[str]], ...]
    starts: int

    @property
    def width(self) -> int:
        """How many values most records have; the larger number where two are as frequent."""
        widths = Counter(len(values) for _, values in self.records)
        return max(widths, key=lambda width: (widths[width], width), default=0)

    @property
    def fit(self) -> float:
        """The share of records of that width."""
        return sum(len(values) == self.width for _, values in self.records) / self.starts if self.starts else 0.0


def find_layout(path: Path, header_row: int | None = None) -> Layout:
    """Find the delimiter and the header in the first lines of a file.

    Args:
        path: A CSV file, plain or gzipped.
        header_row: The line of the header, where a person says it.

    Raises:
        NotTabular: The file is empty, or its header is in doubt.
    """
    first, lines = _sample(path)
    if header_row is not None and not (header_row - first < len(lines) and lines[header_row - first].strip()):
        raise NotTabular(f"{path} has no header on line {header_row} — correct --header-row, {HELP}")
    start = header_row - first if header_row is not None else 0
    said = re.fullmatch(r"sep=(.)", next((line for line in lines if line.strip()), ""), re.IGNORECASE)
    shapes = [_shape(lines[start:], first + start, sign) for sign in ([said[1]] if said else DELIMITERS)]
    best = max((shape for shape in shapes if shape.width > 1 and shape.fit > 0.5), key=_rank, default=None)
    if best is None:
        # One column: any sign that no line holds separates nothing.
        best = max(shapes, key=lambda shape: (shape.fit, shape.delimiter == ","))
    if header_row is not None:
        return Layout(best.delimiter, header_row, tuple(line for line in lines[:start] if line.strip()))
    return _with_header(best, path)


def _sample(path: Path) -> tuple[int, list[str]]:
    try:
        with opened(LocalFile(path, path.name)) as input_:
            block = next(line_blocks(input_.stream, SAMPLE_BYTES), None)
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    lines = [] if block is None else block.lines.head(SAMPLE_LINES).to_list()
    if block is None or not any(line.strip() for line in lines):
        raise NotTabular(f"{path} has no header: its first lines are empty — name the columns in it, {HELP}")
    return block.first, [line.removesuffix("\r") for line in lines]


def _shape(lines: list[str], first: int, delimiter: str) -> _Shape:
    records, starts, at = [], 0, 0
    while at < len(lines):
        begin, record = at, QuotedRecord(delimiter)
        at += 1
        if not lines[begin].strip():
            continue
        starts += 1
        try:
            complete = record.feed(lines[begin])
            end = at
            while not complete and end < len(lines):
                complete, end = record.feed(lines[end]), end + 1
        except StrayQuoteError:
            continue
        if complete:
            records.append((first + begin, record.values))
            at = end
    return _Shape(delimiter, tuple(records), starts)


def _rank(shape: _Shape) -> tuple[float, int, int]:
    return round(shape.fit, 1), shape.width, -DELIMITERS.index(shape.delimiter) if shape.delimiter in DELIMITERS else 0


def _with_header(shape: _Shape, path: Path) -> Layout:
    """Take the first full record as the header, if all that stands above it are titles."""
    width = shape.width
    if not shape.records:
        raise NotTabular(f"{path}: no line of it can be read as a record — correct its quotes, {HELP}")
    first_line, first = shape.records[0]
    if len(first) == width and (width < 3 or _filled(first) > max(1, width // 4)):
        _check_header(path, first_line, first)
        return Layout(shape.delimiter, first_line)
    above: list[str] = []
    for line, values in shape.records:
        if len(values) == width and _filled(values) > width / 2:
            _check_header(path, line, values)
            return Layout(shape.delimiter, line, tuple(above))
        if not _is_title(values, width):
            break
        above.append(shape.delimiter.join(values).strip())
    raise NotTabular(
        f"{path}, line {first_line}: the header is in doubt: this line has {_filled(first)} names in {len(first)} "
        f"columns, and most lines below have {width} values — correct the header, say which line it is on with "
        f"--header-row, {HELP}"
    )


def _is_title(values: list[str], width: int) -> bool:
    return values[0].lower().startswith("sep=") or (_filled(values) <= 2 and _filled(values) < width / 2)


def _filled(values: list[str]) -> int:
    return sum(bool(value.strip()) for value in values)


def _check_header(path: Path, line: int, values: list[str]) -> None:
    """Refuse a first record that is more likely a row than the names of the columns."""
    found = next((value.strip() for value in values if _VALUE.fullmatch(value.strip())), None)
    if found is not None:
        raise NotTabular(
            f"{path}, line {line}: {found[:40]!r} looks like a value, not like the name of a column — if it is a "
            f"name, say so with --header-row {line}; else add a line that names the columns, {HELP}"
        )
