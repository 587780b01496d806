"""How a file is laid out: its delimiter, and the line that names its columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from medallion.cleaner.lines import LineBlock, line_blocks
from medallion.cleaner.quotes import QuotedRecord, Quoting, StrayQuoteError
from medallion.config.dialect import Dialect
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.errors import StepFailure
from medallion.infer.encoding import UTF8, encoding_name, find_encoding
from medallion.infer.forms import DELIMITERS, forms
from medallion.infer.refusal import HELP, NotTabular

SAMPLE_BYTES = 1 << 20
SAMPLE_LINES = 500
_VALUE = re.compile(r"[+-]?[0-9][0-9.,]*%?|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?|\S+@\S+\.\S+")


@dataclass(frozen=True)
class Layout:
    """Where the values are.

    Attributes:
        delimiter: The character between values.
        header_line: The line that names the columns, from 1; 0 if none does.
        above: What stands on the lines above it that have text.
        encoding: How its text is encoded.
        why: What speaks for the encoding, if it is not UTF-8.
        width: How many columns there are.
        terms: More of its dialect, in the keys of a contract.
        notes: What speaks for these terms.
    """

    delimiter: str
    header_line: int = 1
    above: tuple[str, ...] = ()
    encoding: str = UTF8
    why: str = ""
    width: int = 1
    terms: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def dialect(self) -> Dialect:
        """The dialect of a contract for this file."""
        header: dict[str, Any] = {"headerRows": [self.header_line]} if self.header_line else {"header": False}
        return Dialect.model_validate({"delimiter": self.delimiter, **header, **self.terms})


@dataclass(frozen=True)
class _Shape:
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


def find_layout(path: Path, header_row: int | None = None, encoding: str | None = None) -> Layout:
    """Find the encoding of a file, and the form and the header in its first lines.

    Args:
        path: A CSV file, plain or gzipped.
        header_row: The line of the header, where a person says it; 0 for none.
        encoding: Its encoding, where a person says it.

    Raises:
        NotTabular: The file is empty, or its header or encoding is in doubt.
    """
    codec, why = (encoding_name(encoding), "") if encoding else find_encoding(path)
    first, lines, end = _sample(path, codec)
    if header_row and not (header_row - first < len(lines) and lines[header_row - first].strip()):
        raise NotTabular(f"{path} has no header on line {header_row} — correct --header-row, {HELP}")
    terms = {"lineTerminator": "\r"} if end else {}
    shape, line = _best(lines, first, header_row, path)
    above = tuple(above for above in lines[: max(line - first, 0)] if above.strip())
    return Layout(shape.delimiter, line, above, codec, why, shape.width, {**terms, **shape.terms}, end)


def _best(lines: list[str], first: int, header_row: int | None, path: Path) -> tuple[_Shape, int]:
    """Return the shape that fits best, and the line of its header."""
    declared = re.fullmatch(r"sep=(.)", lines[0].strip("\ufeff"), re.IGNORECASE)
    start = header_row - first if header_row else int(declared is not None)
    signs = [declared[1]] if declared else DELIMITERS
    shapes = [_shape(lines[start:], first + start, sign, form) for form in forms(lines[start:]) for sign in signs]
    cut = [shape for shape in shapes if shape.records and len(shape.records[0][1]) > 1]
    regular = [shape for shape in shapes if shape.width > 1 and shape.fit > 0.5]
    # One column, if no sign cuts its name: any sign that no line holds separates nothing.
    one = max(shapes, key=lambda shape: (shape.fit, shape.delimiter == ","))
    best = max(regular or cut or [one], key=_rank)
    return best, _header_line(best, path) if header_row is None else header_row


def _sample(path: Path, codec: str) -> tuple[int, list[str], tuple[str, ...]]:
    """Return the first lines, the number of the first, and what speaks for carriage returns at their ends, if any."""
    block = _first_block(path, codec, b"\n")
    if block is not None and block.lines.len() and "\r" in block.lines[0].removesuffix("\r"):
        inside = block.lines.head(SAMPLE_LINES).str.strip_suffix("\r").str.contains("\r", literal=True)
        if not inside.all():
            raise NotTabular(
                f"{path}, line {block.first} holds carriage returns, and other lines end with line feeds — save it "
                f"with line feeds at the ends of lines, {HELP}"
            )
        block = _first_block(path, codec, b"\r")
        end: tuple[str, ...] = ("Lines end with a carriage return alone.",)
    else:
        end = ()
    lines = [] if block is None else block.lines.head(SAMPLE_LINES).to_list()
    if block is None or not any(line.strip() for line in lines):
        raise NotTabular(f"{path} has no header: its first lines are empty — name the columns in it, {HELP}")
    return block.first, lines if end else [line.removesuffix("\r") for line in lines], end


def _first_block(path: Path, codec: str, end: bytes) -> LineBlock | None:
    try:
        with opened(LocalFile(path, path.name)) as input_:
            return next(line_blocks(input_.stream, SAMPLE_BYTES, codec, end=end), None)
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure


def _shape(lines: list[str], first: int, delimiter: str, terms: Mapping[str, Any]) -> _Shape:
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
    return _Shape(delimiter, terms, tuple(records))


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
            f"name, say so with --header-row {line}; if no line names the columns, with --header-row 0, {HELP}"
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
        elif all(_is_title(values, width) for _, values in titles):
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


def _is_title(values: list[str], width: int) -> bool:
    return _filled(values) <= 2 and (_filled(values) < width / 2 or (values or [""])[0].startswith("#"))


def _filled(values: list[str]) -> int:
    return sum(bool(value.strip()) for value in values)
