"""A first contract for a file: guessed from its header and a sample of its rows, for a person to go on from."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

SAMPLE_ROWS = 1000
MISSING = ("N/A", "NA", "n/a", "null", "NULL", "None", "-", "?")
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d")
DATETIMES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
TRUTHS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})


class NotTabular(Exception):
    """A file that a contract cannot be guessed from."""


@dataclass(frozen=True)
class Guess:
    """One column: its name in the file and in the table, and what its values look like."""

    name: str
    header: str
    kind: str = "string"
    formats: tuple[str, ...] = ()
    decimals: int = 2
    required: bool = False
    unique: bool = False
    truths: tuple[str, str] | None = None


@dataclass(frozen=True)
class Guesses:
    """A file's delimiter, its columns, and the words that mean that there is no value."""

    delimiter: str
    columns: tuple[Guess, ...]
    missing: tuple[str, ...]
    rows: int


def guess(path: Path) -> Guesses:
    """Looks at the header and the first rows of a CSV file, gzipped or not.

    Raises:
        NotTabular: It is no UTF-8 text, or has no header.
    """
    try:
        with _open(path) as file:
            first = file.readline()
            delimiter = max(",;\t|", key=first.count)
            header = next(csv.reader([first], delimiter=delimiter), [])
            rows = list(islice(csv.reader(file, delimiter=delimiter), SAMPLE_ROWS))
    except (UnicodeDecodeError, gzip.BadGzipFile, csv.Error) as error:
        raise NotTabular(f"{path} is no CSV file in UTF-8: {error}") from error
    if not any(header):
        raise NotTabular(f"{path} has no header: its first line is empty")
    rows = [row for row in rows if len(row) == len(header)]
    missing = tuple(word for word in MISSING if any(word in (value.strip() for value in row) for row in rows))
    names = list(_identifiers(header))
    columns = tuple(
        _column(names[place], header[place], [row[place].strip() for row in rows], missing)
        for place in range(len(header))
    )
    return Guesses(delimiter, columns, missing, len(rows))


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def contract_text(name: str, guesses: Guesses, origin: str) -> str:
    """A contract file with comments, valid as it is."""
    table = re.sub(r"[^a-z0-9_]", "_", name.lower())
    lines = [
        "# yaml-language-server: $schema=../../docs/schema/contract.json",
        f"# Guessed from {origin}, {guesses.rows} rows. Every rule below is a guess: see docs/schema/contract.json.",
        f"name: {name}",
        f"table: raw.{table} # schema.table that readers use",
    ]
    if guesses.delimiter != ",":
        lines.append(f"dialect: {{delimiter: {json.dumps(guesses.delimiter)}}}")
    if guesses.missing:
        lines.append(f"missingValues: {json.dumps(['', *guesses.missing])}")
    keys = [column.name for column in guesses.columns if column.unique and re.search(r"(^|_)(id|key)$", column.name)]
    if keys:
        lines.append(f"# primaryKey: {keys[0]} # then a row that repeats an earlier one's key is rejected")
    lines += ["", "fields:", *(line for column in guesses.columns for line in _field(column))]
    return "\n".join(
        [*lines, "", "rejects:", "  max_share: 0.05 # more rejected rows than this, and nothing is loaded", ""]
    )


def _field(column: Guess) -> Iterator[str]:
    yield f"  - name: {column.name}"
    if column.header != column.name:
        yield f"    source: {json.dumps(column.header, ensure_ascii=False)}"
    if column.kind != "string":
        yield f"    type: {column.kind}"
    if column.formats and column.formats[0] not in (DATES[0], *DATETIMES):
        doubt = " # or the month first? Both fit the sample" if len(column.formats) > 1 else ""
        yield f'    format: "{column.formats[0]}"{doubt}'
    if column.decimals != 2:
        yield f"    decimals: {column.decimals}"
    if column.truths:
        yield f"    trueValues: {json.dumps([column.truths[0]])}"
        yield f"    falseValues: {json.dumps([column.truths[1]])}"
    if column.kind == "boolean":
        yield "    clean: [trim, {case: lower}]"
    if column.required:
        yield "    constraints: {required: true}"


def _column(name: str, header: str, values: Sequence[str], missing: tuple[str, ...]) -> Guess:
    present = [value for value in values if value and value not in missing]
    required = bool(values) and len(present) == len(values)
    unique = required and len(set(present)) == len(present)
    if not present:
        return Guess(name, header)
    kind, decimals, truths = "string", 2, None
    formats: tuple[str, ...] = ()
    low = {value.lower() for value in present}
    if any(low <= pair for pair in TRUTHS):
        pair = next(pair for pair in TRUTHS if low <= pair)
        truth = next(word for word in ("true", "yes", "y", "t") if word in pair)
        kind, truths = "boolean", (truth, next(iter(pair - {truth})))
    elif all(re.fullmatch(r"[+-]?(0|[1-9]\d{0,17})", value) for value in present):
        kind = "integer"
    elif all(re.fullmatch(r"[+-]?(0|[1-9]\d*)?(\.\d+)?", value) for value in present):
        kind, decimals = "number", min(12, max(2, *(len(value.partition(".")[2]) for value in present)))
    elif fits := tuple(one for one in DATES if all(_is_date(value, one) for value in present)):
        kind, formats = "date", fits
    elif fits := tuple(one for one in DATETIMES if all(_is_date(value, one) for value in present)):
        kind, formats = "datetime", fits
    return Guess(name, header, kind, formats, decimals, required, unique, truths)


def _is_date(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value, pattern)
    except ValueError:
        return False
    return True


def _identifiers(header: Sequence[str]) -> Iterator[str]:
    """A Postgres name for each column, none twice."""
    used = {"_line"}
    for place, title in enumerate(header, 1):
        word = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50] or f"column_{place}"
        word = word if word[0].isalpha() else f"c_{word}"
        name = next(one for one in (word, *(f"{word}_{number}" for number in range(2, 1000))) if one not in used)
        used.add(name)
        yield name
