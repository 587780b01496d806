"""Files that are no delimited text: their columns are known from the format, a sheet's from its first rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.first_bytes import find_format
from medallion.cleaner.formats import Reading, read_records
from medallion.config.contract import Contract
from medallion.config.formats import FORMATS
from medallion.config.formats.xlsx import XlsxDialect
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import Opened, opened
from medallion.errors import StepFailure
from medallion.infer.refusal import HELP, NotTabular

if TYPE_CHECKING:
    from medallion.infer.guesses import Guess

TYPED = {"parquet", "xlsx"}
"""Formats in which a value may be an instant, and no text."""
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
_DEFAULTS = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%dT%H:%M:%S"}


def find_other(path: Path, header_row: int | None, encoding: str | None) -> str | None:
    """Return the format of a file that is no delimited text; None for delimited text.

    Args:
        path: The file, plain or compressed.
        header_row: What a person says of its header.
        encoding: What a person says of its encoding.

    Raises:
        NotTabular: It cannot be opened, or its format has no such thing.
    """
    try:
        with opened(LocalFile(path, path.name)) as input_:
            other = find_format(input_)
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
    if other is None:
        return None
    called = FORMATS[other].called
    if encoding is not None and not FORMATS[other].is_text:
        raise NotTabular(f"{path.name} is {called}, which has no encoding — leave --encoding out")
    if header_row is not None and other != "xlsx":
        raise NotTabular(f"{path.name} is {called}, in which no row names the columns — leave --header-row out")
    return other


def first_rows(path: Path, rows: int) -> tuple[list[str], str]:
    """Return the first rows of the sheet that is read, as lines of CSV from row 1 on, and which sheet it is."""
    from medallion.cleaner.formats.xlsx import sheet_lines

    lines: list[str] = []
    with opened(LocalFile(path, path.name)) as input_:
        note, blocks = sheet_lines(input_, XlsxDialect(format="xlsx"))
        for block in blocks:
            lines += block.lines.to_list()
            if len(lines) >= rows:
                break
    # Cells at a row's end that have no value are not there.
    records = [next(csv.reader([line]), []) for line in lines[:rows]]
    width = max(map(len, records), default=0)
    return [_line([*values, *[""] * (width - len(values))]) if values else "" for values in records], note


def _line(values: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(value.replace("\n", " ") for value in values)
    return written.getvalue()


def read_other(path: Path, source: Opened, dialect: Mapping[str, Any], codec: str, unnamed: Sequence[str]) -> Reading:
    """Return the records of a file, with all columns that it has.

    Args:
        path: The file.
        source: The same, open.
        dialect: Its format, and more of its dialect, in the keys of a contract.
        codec: The encoding of text.
        unnamed: Names for the columns of a sheet whose header no row has.

    Raises:
        StepFailure: It cannot be read.
    """
    names, instants = list(unnamed) or ["any"], set[str]()
    with opened(LocalFile(path, path.name)) as another:
        if dialect["format"] == "jsonl":
            from medallion.cleaner.formats.jsonl import find_keys

            names = find_keys(another, codec)
        elif dialect["format"] == "xlsx":
            first = read_records(another, _contract(dialect, names, codec), Evidence(codec))
            instants = _find_instants(first)
            names = list(unnamed) or sorted(instants) or names
    return read_records(source, _contract(dialect, names, codec, instants), Evidence(codec))


def _find_instants(records: Reading) -> set[str]:
    """Return the columns of a sheet in which some cell has a time: a midnight among them has the text of a day."""
    found: set[str] = set()
    for block in records:
        for place, name in enumerate(records.header):
            if name.strip() and block.frame[str(place)].str.contains(_INSTANT).any():
                found.add(name.strip())
    return found


def without_formats(guess: Guess) -> Guess:
    """Return the guess of a column of cells or typed values without the `format` that a field has anyway.

    A field with a `format` gets the text of a day for a midnight.
    """
    if guess.terms.get("format") != _DEFAULTS.get(str(guess.terms.get("type"))):
        return guess
    return replace(guess, terms={key: term for key, term in guess.terms.items() if key != "format"})


def _contract(dialect: Mapping[str, Any], names: Sequence[str], codec: str, instants: Collection[str] = ()) -> Contract:
    """Return a contract under which all columns are read as text, those of instants with their times."""
    is_text = FORMATS[dialect["format"]].is_text
    terms: dict[str, Any] = {"dialect": dict(dialect), "missing_columns": "null"}
    if is_text:
        terms |= {"encoding": codec, "unknown_columns": "ignore"}
    fields = [
        {"name": f"column_{place}", "source": name, **({"type": "datetime"} if name in instants else {})}
        for place, name in enumerate(names)
    ]
    return Contract.model_validate({"name": "guess", "table": "guess.guess", "fields": fields, **terms})
