"""How a file is laid out: its delimiter, and the line that names its columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from medallion.cleaner.lines import line_blocks
from medallion.cleaner.quotes import QuotedRecord, Quoting, StrayQuoteError
from medallion.config.dialect import Dialect
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.errors import StepFailure
from medallion.infer.encoding import UTF8, encoding_name, find_encoding
from medallion.infer.refusal import HELP, NotTabular

SAMPLE_BYTES = 1 << 20
SAMPLE_LINES = 500
DELIMITERS = ("\t", "|", ";", ",")
"""The comma last, because it stands inside of values too."""
_VALUE = re.compile(r"[+-]?[0-9][0-9.,]*%?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?|\S+@\S+\.\S+")


@dataclass(frozen=True)
class Layout:
    """Where the values are.

    Attributes:
        delimiter: The character between values.
        header_line: The line that names the columns, from 1.
        above: What stands on the lines above it that have text.
        encoding: How its text is encoded.
        why: What speaks for the encoding, if it is not UTF-8.
    """

    delimiter: str
    header_line: int = 1
    above: tuple[str, ...] = ()
    encoding: str = UTF8
    why: str = ""


@dataclass(frozen=True)
class _Shape:
    """The first records of a file, as a delimiter cuts them: first line and values, none where quotes are astray."""

    delimiter: str
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


def find_layout(path: Path, header_row: int | None = None, encoding: str | None = None) -> Layout:
    """Find the encoding of a file, and the delimiter and the header in its first lines.

    Args:
        path: A CSV file, plain or gzipped.
        header_row: The line of the header, where a person says it.
        encoding: Its encoding, where a person says it.

    Raises:
        NotTabular: The file is empty, or its header or encoding is in doubt.
    """
    codec, why = (encoding_name(encoding), "") if encoding else find_encoding(path)
    first, lines = _sample(path, codec)
    if header_row is not None and not (header_row - first < len(lines) and lines[header_row - first].strip()):
        raise NotTabular(f"{path} has no header on line {header_row} — correct --header-row, {HELP}")
    declared = re.fullmatch(r"sep=(.)", lines[0].strip("\ufeff"), re.IGNORECASE)
    start = header_row - first if header_row is not None else int(declared is not None)
    shapes = [_shape(lines[start:], first + start, sign) for sign in ([declared[1]] if declared else DELIMITERS)]
    cut = [shape for shape in shapes if shape.records and len(shape.records[0][1]) > 1]
    regular = [shape for shape in shapes if shape.width > 1 and shape.fit > 0.5]
    # One column, if no sign cuts its name: any sign that no line holds separates nothing.
    one = max(shapes, key=lambda shape: (shape.fit, shape.delimiter == ","))
    best = max(regular or cut or [one], key=_rank)
    line = header_row or _header_line(best, path)
    above = tuple(above for above in lines[: line - first] if above.strip())
    return Layout(best.delimiter, line, above, codec, why)


def _sample(path: Path, codec: str) -> tuple[int, list[str]]:
    try:
        with opened(LocalFile(path, path.name)) as input_:
            block = next(line_blocks(input_.stream, SAMPLE_BYTES, codec), None)
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    lines = [] if block is None else block.lines.head(SAMPLE_LINES).to_list()
    if block is None or not any(line.strip() for line in lines):
        raise NotTabular(f"{path} has no header: its first lines are empty — name the columns in it, {HELP}")
    lines = [line.removesuffix("\r") for line in lines]
    if "\r" in lines[0]:
        raise NotTabular(
            f"{path}, line 1 holds carriage returns — save it with line feeds at the ends of lines, {HELP}"
        )
    return block.first, lines


def _shape(lines: list[str], first: int, delimiter: str) -> _Shape:
    quoting = Quoting(Dialect.model_construct(delimiter=delimiter))
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
    return _Shape(delimiter, tuple(records))


def _rank(shape: _Shape) -> tuple[float, int, int]:
    return round(shape.fit, 1), shape.width, -DELIMITERS.index(shape.delimiter) if shape.delimiter in DELIMITERS else 0


def _header_line(shape: _Shape, path: Path) -> int:
    """Return the line of the first full record, if all that stands above it are titles."""
    width = shape.width
    if not any(values for _, values in shape.records):
        raise NotTabular(f"{path}: no line of it can be read as a record — correct its quotes, {HELP}")
    line, names = shape.records[0]
    if len(names) != width or (width > 1 and _filled(names) <= max(1, width // 4)):
        line, names = _below_titles(shape, path)
    found = next((value.strip() for value in names if _VALUE.fullmatch(value.strip())), None)
    if found is not None:
        raise NotTabular(
            f"{path}, line {line}: {found[:40]!r} looks like a value, not like the name of a column — if it is a "
            f"name, say so with --header-row {line}; else add a line that names the columns, {HELP}"
        )
    return line


def _below_titles(shape: _Shape, path: Path) -> tuple[int, list[str]]:
    """Return the first full record that only titles stand above; or the first, if values follow it at once."""
    width, (line, names) = shape.width, shape.records[0]
    titles = list(takewhile(lambda record: not _is_full(record[1], width), shape.records))
    below = shape.records[len(titles) :][:1]
    if below and not any(_VALUE.fullmatch(value.strip()) for value in below[0][1]):
        as_wide = any(len(values) == width for _, values in titles)
        if as_wide and not _holds_values(shape.records[len(titles) + 1 :], width):
            pass  # A row of titles or a header with blank names: where all values are text, nothing distinguishes them.
        elif all(_filled(values) <= 2 and _filled(values) < width / 2 for _, values in titles):
            return below[0]
    elif len(titles) == 1 and len(names) == width and _filled(names):
        return line, names
    fuller = f", such as {below[0][0]}" if below else ""
    raise NotTabular(
        f"{path}, line {line}: the header is in doubt: the line has {_filled(names)} names in {len(names)} columns, "
        f"and most lines have {width} values — correct the header, say with --header-row which line it is{fuller}, "
        f"{HELP}"
    )


def _holds_values(records: Sequence[tuple[int, list[str]]], width: int) -> bool:
    """Return whether some column of these records mostly holds numbers, dates, or the like, as a name never does."""
    rows = [values for _, values in records if len(values) == width]
    columns = ([value.strip() for value in column if value.strip()] for column in zip(*rows, strict=True))
    return any(sum(_VALUE.fullmatch(value) is not None for value in column) > len(column) / 2 for column in columns)


def _is_full(values: list[str], width: int) -> bool:
    return len(values) == width and _filled(values) > width / 2


def _filled(values: list[str]) -> int:
    return sum(bool(value.strip()) for value in values)
