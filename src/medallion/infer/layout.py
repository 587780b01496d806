"""How a file is laid out: its format or its delimiter, and the line that names its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medallion.cleaner.lines import LineBlock, line_blocks
from medallion.config.dialect import Dialect
from medallion.config.formats import FORMATS
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.errors import StepFailure
from medallion.infer.encoding import UTF8, encoding_name, find_encoding
from medallion.infer.fixed_width import find_fixed_width
from medallion.infer.formats import find_other
from medallion.infer.forms import DELIMITERS, forms
from medallion.infer.header_line import descriptions, has_second_line, header_line_of
from medallion.infer.no_rows import begins_with
from medallion.infer.refusal import HELP, NotTabular
from medallion.infer.shape import Shape, cut_shape
from medallion.infer.sheets import naming_others, sheet_rows
from medallion.infer.units import escaped

SAMPLE_BYTES = 1 << 20
SAMPLE_LINES = 500


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
        others: Other sheets of the workbook, one of which a person may have meant.
    """

    delimiter: str
    header_line: int = 1
    above: tuple[str, ...] = ()
    encoding: str = UTF8
    why: str = ""
    width: int = 1
    terms: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def has_lines(self) -> bool:
        """Whether some of its lines or rows may be no records."""
        return str(self.terms.get("format", "xlsx")) in ("xlsx", "fixed-width")

    @property
    def contract_terms(self) -> dict[str, Any]:
        """Its dialect in the keys of a contract, where it is no delimited text."""
        if not self.has_lines:
            return dict(self.terms)
        return {**({"headerRows": [self.header_line]} if self.header_line else {"header": False}), **self.terms}

    @property
    def dialect(self) -> Dialect:
        """The dialect of a contract for this file."""
        header: dict[str, Any] = {"headerRows": [self.header_line]} if self.header_line else {"header": False}
        return Dialect.model_validate({"delimiter": self.delimiter, **header, **self.terms})


def find_layout(
    path: Path, header_row: int | None = None, encoding: str | None = None, sheet: str | None = None
) -> Layout:
    """Find the encoding of a file, and the form and the header in its first lines.

    Args:
        path: A file, plain or compressed.
        header_row: The line of the header, where a person says it; 0 for none.
        encoding: Its encoding, where a person says it.
        sheet: The sheet of a workbook, where a person names it.

    Raises:
        NotTabular: The file is empty, or its header or encoding is in doubt.
    """
    other = find_other(path, header_row, encoding, sheet)
    if other == "xlsx":
        read = sheet_rows(path, SAMPLE_LINES, sheet)
        with naming_others(read.others):
            found = _layout(path, 1, read.lines, header_row, read.terms, (read.note,), (UTF8, ""))
        return replace(found, others=read.others)
    if other is not None and not FORMATS[other].is_text:
        return Layout(",", terms={"format": other})
    codec, why = (encoding_name(encoding), "") if encoding else find_encoding(path)
    if other is not None:
        return Layout(",", encoding=codec, why=why, terms={"format": other})
    first, lines, end = _sample(path, codec)
    if end and not encoding and codec == UTF8:
        codec, why = find_encoding(path, b"\r")
        first, lines, end = _sample(path, codec)
    terms: dict[str, Any] = {"lineTerminator": "\r"} if end else {}
    return _layout(path, first, lines, header_row, terms, end, (codec, why))


def _layout(
    path: Path,
    first: int,
    lines: list[str],
    header_row: int | None,
    terms: dict[str, Any],
    notes: tuple[str, ...],
    encoding: tuple[str, str],
) -> Layout:
    """Return the layout of a file by its first lines."""
    if header_row and not (header_row - first < len(lines) and lines[header_row - first].strip()):
        raise NotTabular(f"{path} has no header on line {header_row} — correct --header-row, {HELP}")
    is_sheet = "format" in terms
    start = max((header_row or 0) - first, 0)
    fixed = None if terms or header_row == 0 else find_fixed_width(path, encoding[0], lines[start:], first + start)
    if fixed is not None:
        shape, notes = fixed.shape, (fixed.note,)
        line = header_row or header_line_of(shape, path)
    else:
        shape, line = _best(lines, first, header_row, path, is_sheet=is_sheet)
    above = tuple(above for above in lines[: max(line - first, 0)] if above.strip())
    if header_row is None and has_second_line(shape, line):
        terms["headerRows"] = [line, line + 1]
        notes = (*notes, f"Line {line + 1} names the columns that line {line} does not, and is a part of the header.")
    elif header_row is None and (found := descriptions(shape, line)):
        words = "|".join(escaped(word) for _, word in found)
        terms["skipLines"] = begins_with(f"(?:{words})", shape.delimiter)
        shown = ", ".join(f"line {number}: `{word[:30]}`" for number, word in found)
        notes = (*notes, f"What describes the columns below the header is not read: {shown}.")
    return Layout(shape.delimiter, line, above, *encoding, shape.width, {**terms, **shape.terms}, notes)


def _best(lines: list[str], first: int, header_row: int | None, path: Path, *, is_sheet: bool) -> tuple[Shape, int]:
    """Return the shape that fits best, and the line of its header."""
    declared = None if is_sheet else re.fullmatch(r"sep=(.)", lines[0].strip("\ufeff"), re.IGNORECASE)
    start = header_row - first if header_row else int(declared is not None)
    signs = "," if is_sheet else [declared[1]] if declared else DELIMITERS
    written = [{}] if is_sheet else forms(lines[start:])
    shapes = [cut_shape(lines[start:], first + start, sign, form) for form in written for sign in signs]
    cut = [shape for shape in shapes if shape.records and len(shape.records[0][1]) > 1]
    regular = [shape for shape in shapes if shape.width > 1 and shape.fit > 0.5]
    # One column, if no sign cuts its name: any sign that no line holds separates nothing.
    one = max(shapes, key=lambda shape: (shape.fit, shape.delimiter == ","))
    best = max(regular or cut or [one], key=_rank)
    return best, header_line_of(best, path) if header_row is None else header_row


def _sample(path: Path, codec: str) -> tuple[int, list[str], tuple[str, ...]]:
    """Return the first lines, the number of the first, and what speaks for carriage returns at their ends, if any."""
    block = _first_lines(path, codec, b"\n")
    if block is not None and block.lines.len() and "\r" in block.lines[0].removesuffix("\r"):
        inside = block.lines.head(SAMPLE_LINES).str.strip_suffix("\r").str.contains("\r", literal=True)
        if not inside.all():
            raise NotTabular(
                f"{path}, line {block.first} holds carriage returns, and other lines end with line feeds — save it "
                f"with line feeds at the ends of lines, {HELP}"
            )
        block = _first_lines(path, codec, b"\r")
        end: tuple[str, ...] = ("Lines end with a carriage return alone.",)
    else:
        end = ()
    lines = [] if block is None else block.lines.head(SAMPLE_LINES).to_list()
    if block is None or not any(line.strip() for line in lines):
        raise NotTabular(f"{path} has no header: its first lines are empty — name the columns in it, {HELP}")
    return block.first, lines if end else [line.removesuffix("\r") for line in lines], end


def _first_lines(path: Path, codec: str, end: bytes) -> LineBlock | None:
    try:
        with opened(LocalFile(path, path.name)) as input_:
            sample: LineBlock | None = None
            for block in line_blocks(input_.stream, SAMPLE_BYTES, codec, end=end):
                sample = block if sample is None else sample.joined(block)
                if sample.lines.len() >= SAMPLE_LINES or int(sample.lines.str.len_bytes().sum()) >= SAMPLE_BYTES:
                    break
            return sample
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure


def _rank(shape: Shape) -> tuple[float, int, int]:
    return round(shape.fit, 1), shape.width, -DELIMITERS.index(shape.delimiter) if shape.delimiter in DELIMITERS else 0
