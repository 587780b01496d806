"""What all rows of a file say about its columns, counted in one pass and in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from medallion.cleaner.columns import labels
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import RecordBlock, Records
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import opened
from medallion.config.table_limits import MAX_FIELDS
from medallion.errors import StepFailure
from medallion.infer.counting import count
from medallion.infer.encoding import NOT_UTF8, UTF8
from medallion.infer.formats import read_other
from medallion.infer.keys import Key, KeySearch
from medallion.infer.layout import Layout
from medallion.infer.no_rows import NoRows
from medallion.infer.place import Place
from medallion.infer.refusal import HELP, NotTabular
from medallion.infer.seen import Seen


class Source(Protocol):
    """What a guess reads, whatever the format of the file: the names of the columns, and blocks of records."""

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        ...

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the records."""
        ...


@dataclass(frozen=True)
class Evidence:
    """All columns, in the order of the file; what may be its key; and its number of rows."""

    layout: Layout
    columns: tuple[Seen, ...]
    keys: tuple[Key, ...]
    rows: int


def gather(path: Path, layout: Layout) -> Evidence:
    """Read every row of a file and count what fits.

    Args:
        path: The file.
        layout: Where its values are.

    Raises:
        NotTabular: It cannot be read, or has no rows.
    """
    others = NoRows(layout.delimiter)
    try:
        with _records(path, layout) as records:
            columns, keys, rows = observe(records, others)
    except StepFailure as failure:
        say = (
            ", say which encoding it is with --encoding" if layout.encoding == UTF8 and NOT_UTF8 in str(failure) else ""
        )
        raise NotTabular(f"{path}: {failure.message} — {failure.remedy}{say}, {HELP}") from failure
    terms, notes = others.terms() if layout.has_lines else ({}, [])
    if re.search(terms.get("skipLines", "^$"), layout.delimiter.join(seen.title for seen in columns) or " "):
        del terms["skipLines"]  # It would skip the header.
    known = layout.terms.get("skipLines", "")
    if known and "skipLines" in terms:
        terms["skipLines"] = known if terms["skipLines"] in known else f"{known}|{terms['skipLines']}"
    if any(layout.terms.get(key) != value for key, value in terms.items()):
        return gather(path, replace(layout, terms={**layout.terms, **terms}, notes=(*layout.notes, *notes)))
    if not rows and others.rejected:
        raise NotTabular(f"{path} has no row to guess from: {others.rejected} — correct the header or the rows, {HELP}")
    if not rows:
        raise NotTabular(f"{path} has a header and no rows to guess from — take a file with rows, {HELP}")
    return Evidence(layout, columns, keys, rows)


def observe(records: Source, others: NoRows) -> tuple[tuple[Seen, ...], tuple[Key, ...], int]:
    """Read records and count what fits.

    Args:
        records: What is read.
        others: Receives the lines that are no rows.

    Returns:
        The columns, what may be the key, and the number of rows.

    Raises:
        NotTabular: There are more columns than a table holds.
    """
    titles = [title.strip() for title in records.header]
    if len(titles) > MAX_FIELDS:
        raise NotTabular(
            f"the file has {len(titles):,} columns, and a table holds {MAX_FIELDS:,} besides Medallion's own — "
            f"split the file, {HELP}"
        )
    columns = tuple(Seen(title, label) for title, label in zip(titles, labels(records.header), strict=True))
    keys, rows = KeySearch(titles), 0
    for block in records:
        rows += block.frame.height
        others.add(block)
        keys.add(block.frame)
        for place, seen in enumerate(columns):
            count(seen, Place(block.frame, str(place)))
    return columns, tuple(keys.found()), rows


@contextmanager
def _records(path: Path, layout: Layout) -> Iterator[Source]:
    unnamed = [] if layout.header_line else [f"column_{place}" for place in range(1, layout.width + 1)]
    with opened(LocalFile(path, path.name)) as input_:
        if "format" in layout.terms:
            yield read_other(path, input_, layout.contract_terms, layout.encoding, unnamed)
            return
        dialect = layout.dialect
        lines = line_blocks(input_.stream, codec=layout.encoding, end=dialect.line_end.encode())
        yield Records(lines, dialect, unnamed)
