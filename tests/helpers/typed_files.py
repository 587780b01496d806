"""Tables of typed values, generated, in each format that has types; and the same as CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, time
from typing import Any

import polars as pl
from hypothesis import strategies as st

from format_files import workbook

Table = dict[str, list[Any]]
_ROWS = 12


def as_text(value: Any) -> Any:
    """Return a value as CSV has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else value


def typed_csv(table: Table) -> bytes:
    """Return a table as CSV."""
    out = io.StringIO()
    rows = zip(*table.values(), strict=True)
    csv.writer(out, lineterminator="\n").writerows([[*table], *(map(as_text, row) for row in rows)])
    return out.getvalue().encode()


def typed_jsonl(table: Table) -> bytes:
    """Return a table as JSON lines with numbers and truths."""
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return "".join(json.dumps(row, default=as_text) + "\n" for row in rows).encode()


def typed_xlsx(table: Table) -> bytes:
    """Return a table as a workbook with cells of its types."""
    rows = zip(*table.values(), strict=True)
    return workbook({"S": [[*table], *rows]}, default_date_format="yyyy-mm-dd hh:mm:ss")


def typed_parquet(table: Table | pl.DataFrame) -> bytes:
    """Return a table as Parquet with columns of its types."""
    out = io.BytesIO()
    pl.DataFrame(table).write_parquet(out)
    return out.getvalue()


WRITERS = {"jsonl": typed_jsonl, "xlsx": typed_xlsx, "parquet": typed_parquet}
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))
TIMES = st.builds(datetime.combine, DAYS, st.sampled_from([time(), time(0, 0, 1), time(12, 30)]))
VALUES = st.sampled_from([
    st.integers(-9999, 99999),
    st.integers(0, 999).map(lambda number: number + 0.25),
    DAYS,
    TIMES,
    st.booleans(),
    st.sampled_from(["North", "00123", "12", "n/a", "2024-05-06", "x, y"]),
])  # fmt: skip
COLUMNS = st.tuples(VALUES, st.booleans()).flatmap(
    lambda one: st.lists(st.none() | one[0] if one[1] else one[0], min_size=_ROWS, max_size=_ROWS)
)


def has_no_times(column: list[Any]) -> bool:
    """Return whether a sheet has the column as days: it has no other midnight."""
    values = [value for value in column if value is not None]
    return all(isinstance(value, datetime) and value.time() == time() for value in values)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return a table of a few columns, each of one type, with a key in front."""
    columns = draw(st.lists(COLUMNS, min_size=1, max_size=4))
    return {"id": [*range(100, 100 + _ROWS)], **{f"name{place}": column for place, column in enumerate(columns)}}
