"""A sheet of an Excel workbook. Each row becomes a line of delimited text, which is read as any other."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import expected_names
from medallion.cleaner.instant_texts import spelled
from medallion.cleaner.lines import LineBlock
from medallion.cleaner.records import RecordBlock, Records
from medallion.cleaner.splitting import PADDED
from medallion.cleaner.typed_texts import as_csv
from medallion.cleaner.workbook.cells import Cells, Row
from medallion.cleaner.workbook.package import Sheet, Workbook
from medallion.config.contract import Contract
from medallion.config.dialect import Dialect
from medallion.config.formats.xlsx import XlsxDialect, read_range
from medallion.config.sources.stream import Opened
from medallion.errors import BadInput

_ROWS = 5000
_CHARS = 4 << 20
"""How many rows, and characters, a block has."""
MERGED = "merged cells, read as their first"


def read(source: Opened, contract: Contract, evidence: Evidence) -> SheetRecords:  # noqa: ARG001
    """Return the rows of the sheet that a contract names."""
    return SheetRecords(Workbook(source.seekable(), source.name), contract)


def sheet_lines(source: Opened, dialect: XlsxDialect) -> tuple[list[str], str, Iterator[LineBlock]]:
    """Return the names of the sheet that is read and of others that could be, a note of it, and its rows as CSV.

    The line of a row has its number.
    """
    workbook = Workbook(source.seekable(), source.name)
    sheet = _choose(workbook, dialect)
    area = read_range(dialect.range or "A1:XFD1048576")
    others = [one.name for one in workbook.sheets if one.has_cells and not one.hidden and one is not sheet]
    return [sheet.name, *others], _note(workbook, sheet), _lines(Cells(workbook, sheet).rows(), area)


class SheetRecords:
    """The rows of a sheet as records; `medallion.cleaner.formats.Reading` says what each attribute is."""

    def __init__(self, workbook: Workbook, contract: Contract) -> None:
        dialect = contract.dialect
        assert isinstance(dialect, XlsxDialect)
        self._contract = contract
        sheet = _choose(workbook, dialect)
        self._cells = Cells(workbook, sheet)
        self.notes = [_note(workbook, sheet)]
        lines = _lines(self._cells.rows(), read_range(dialect.range or "A1:XFD1048576"))
        self._records = Records(lines, _as_delimited(dialect), expected_names(contract))
        self.header, self.header_line = self._records.header, self._records.header_line
        self.done: Counter[str] = Counter()

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the rows. A cell without a text has no value."""
        names = [str(place) for place in range(len(self.header))]
        for block in self._records:
            frame = block.frame.with_columns(pl.col(names).replace("", None))
            read = spelled(frame, self.header, self._contract)
            if not read.equals(frame):
                read = read.with_columns(as_csv(names).alias("_record"))
            yield RecordBlock(read, block.rejects)
        self.done = self._records.done + Counter({MERGED: self._cells.merged})
        del self.done[PADDED]  # where cells at a row's end are empty, nothing is padded


def _as_delimited(dialect: XlsxDialect) -> Dialect:
    own = {"format", "member", "sheet_name", "sheet_number", "range"}
    terms: dict[str, Any] = {name: getattr(dialect, name) for name in dialect.model_fields_set - own}
    return Dialect.model_validate({**terms, "short_rows": "pad"})


def _choose(workbook: Workbook, dialect: XlsxDialect) -> Sheet:
    sheets = workbook.sheets
    listed = ", ".join(f"{one.name!r}{' (hidden)' if one.hidden else ''}" for one in sheets)
    if dialect.sheet_name is not None:
        chosen = [one for one in sheets if one.name == dialect.sheet_name]
    elif dialect.sheet_number is not None:
        chosen = sheets[dialect.sheet_number - 1 : dialect.sheet_number]
    else:
        chosen = [one for one in sheets if one.has_cells and not one.hidden][:1]
    if not chosen:
        wanted = f"sheet {dialect.sheet_name!r}" if dialect.sheet_name else f"sheet number {dialect.sheet_number}"
        if dialect.sheet_name is None and dialect.sheet_number is None:
            wanted = "sheet that is not hidden"
        raise BadInput(
            f"{workbook.name} has no {wanted}: its sheets are {listed}",
            "correct `sheetName` or `sheetNumber` in the contract's dialect, or the workbook",
        )
    if not chosen[0].has_cells:
        raise BadInput(f"{chosen[0].name!r} in {workbook.name} is no sheet of cells", "name another with `sheetName`")
    return chosen[0]


def _note(workbook: Workbook, sheet: Sheet) -> str:
    others = [f"{one.name!r}{' (hidden)' if one.hidden else ''}" for one in workbook.sheets if one is not sheet]
    return f"the sheet {sheet.name!r} is read" + (f", and not {', '.join(others)}" if others else "")


def _lines(rows: Iterator[Row], area: tuple[int, int, int, int]) -> Iterator[LineBlock]:
    """Yield rows as blocks of lines, numbered as the sheet has them; rows that are not there are blank."""
    top, left, bottom, right = area
    first, chars = top, 0
    bad: dict[int, str] = {}
    lines: list[str] = []
    written: list[str] = []
    writer = csv.writer(_Appended(written))
    for number, cells in rows:
        if number < top:
            continue
        if number > bottom:
            break
        while first + len(lines) < number:
            lines += [""] * min(number - first - len(lines), _ROWS)
            if len(lines) >= _ROWS and first + len(lines) < number:
                yield _block(lines, first, bad)
                first, lines, chars, bad = first + len(lines), [], 0, {}
        last = max((column for column in cells if column <= right), default=0)
        writer.writerow([cells.get(column, "") for column in range(left, last + 1)])
        line = written.pop().removesuffix("\r\n")
        if "\0" in line or not _is_unicode(line):
            bad[number] = "holds a character that Postgres cannot keep"
            line = line.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        lines.append(line)
        chars += len(line)
        if len(lines) >= _ROWS or chars > _CHARS:
            yield _block(lines, first, bad)
            first, lines, chars, bad = first + len(lines), [], 0, {}
    if lines:
        yield _block(lines, first, bad)


def _block(lines: list[str], first: int, bad: dict[int, str]) -> LineBlock:
    series = pl.Series(lines, dtype=pl.String)
    return LineBlock(series, first, bad, returns=bool(series.str.contains("\r", literal=True).any()))


def _is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Appended:
    """What a writer of CSV writes to: a list that gets each row."""

    def __init__(self, rows: list[str]) -> None:
        self.write = rows.append
