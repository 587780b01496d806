"""Which sheet of a workbook is read, and its first rows."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medallion.config.formats.xlsx import XlsxDialect
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.errors import StepFailure
from medallion.infer.refusal import HELP, NotTabular

_LISTED = 5


@dataclass(frozen=True)
class SheetRows:
    """The sheet that is read.

    Attributes:
        terms: The dialect that reads it, in the keys of a contract.
        lines: Its first rows as lines of CSV, from row 1 on.
        note: Which sheet it is, and which are not read.
        others: The sheets that a person may have meant; none if a person named this one.
    """

    terms: dict[str, Any]
    lines: list[str]
    note: str
    others: tuple[str, ...]


def sheet_rows(path: Path, rows: int, name: str | None) -> SheetRows:
    """Return the first rows of the sheet with a name; without one, of the first that is not hidden, as a run does.

    Raises:
        NotTabular: There is no such sheet, or it has no cells.
    """
    from medallion.cleaner.formats.xlsx import sheet_lines

    terms = {"format": "xlsx", **({"sheetName": name} if name is not None else {})}
    lines: list[str] = []
    try:
        with opened(LocalFile(path, path.name)) as input_:
            (read, *others), note, blocks = sheet_lines(input_, XlsxDialect.model_validate(terms))
            for block in blocks:
                lines += block.lines.to_list()
                if len(lines) >= rows:
                    break
    except StepFailure as failure:
        remedy = failure.remedy if name is None else "correct --sheet"
        raise NotTabular(f"{failure.message} — {remedy}, {HELP}") from failure
    # Cells at a row's end that have no value are not there.
    records = [next(csv.reader([line]), []) for line in lines[:rows]]
    width = max(map(len, records), default=0)
    filled = [_line([*values, *[""] * (width - len(values))]) if values else "" for values in records]
    found = SheetRows(terms, filled, f"{note[:1].upper()}{note[1:]}.", () if name is not None else tuple(others))
    with naming_others(found.others):
        if not any(filled):
            raise NotTabular(f"{path}: {note}, and it has no cells — name the columns in it, {HELP}")
        if width == 1 and found.others:
            # As a page of remarks has.
            raise NotTabular(
                f"{path}: {note}, and it has one column — if this one is meant, say so with {_option(read)}, {HELP}"
            )
    return found


@contextmanager
def naming_others(others: tuple[str, ...]) -> Iterator[None]:
    """Add to a refusal of a sheet, chosen because it is the first, which others there are."""
    try:
        yield
    except NotTabular as error:
        if not others:
            raise
        message, _, remedy = str(error).rpartition(" — ")
        listed = " or ".join(map(_option, others[:_LISTED])) + (" or …" if len(others) > _LISTED else "")
        raise NotTabular(f"{message} — if another sheet is meant, say so with {listed}; {remedy}") from error


def _option(name: str) -> str:
    return f"--sheet {shlex.quote(name)}"


def _line(values: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(value.replace("\n", " ") for value in values)
    return written.getvalue()
