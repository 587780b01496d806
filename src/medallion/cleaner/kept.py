"""Whole records of rejected rows, and the headers above them: what a replay reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from psycopg.types.json import Jsonb

from medallion.cleaner.clean import to_csv
from medallion.config.dialect import Dialect
from medallion.config.format import Format
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

MAX_KEPT = 16_000
"""Characters of the longest record that is kept whole."""


def keep_records(connection: Connection, step: StepRun, source: str, rejects: pl.DataFrame) -> None:
    """Keep the whole records of rows with an invalid value, each once.

    Lines that are no record are not kept: they may hold bytes that are no text. Nor are records of several lines, as
    their line ends are not known any more.
    """
    record = pl.col("record")
    whole = rejects.filter(
        pl.col("column_name").is_not_null()
        & (record.str.len_chars() <= MAX_KEPT)
        & ~record.str.contains("\n", literal=True)
    ).unique("line", maintain_order=True)
    of = {"pipeline": step.pipeline, "run_id": step.run_id, "step": step.step, "source": source}
    csv = to_csv(whole.select(**{name: pl.lit(value) for name, value in of.items()}, line="line", record="record"))
    if csv:
        columns = "pipeline, run_id, step, source, line, record"
        statement = f"copy medallion.rejected_records ({columns}) from stdin with (format csv)"
        with connection.cursor().copy(statement.encode()) as copy:
            copy.write(csv)


def keep_headers(connection: Connection, step: StepRun, headers: Mapping[str, Sequence[str]], dialect: Format) -> None:
    """Keep the headers of files with rejected rows, and how their records are written."""
    written = Jsonb(_of_records(dialect).model_dump(mode="json", by_alias=True, exclude_unset=True))
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into medallion.rejected_headers (pipeline, run_id, step, source, header, dialect)
               values (%s, %s, %s, %s, %s, %s)""",
            [
                (step.pipeline, step.run_id, step.step, source, list(header), written)
                for source, header in headers.items()
            ],
        )


def _of_records(dialect: Format) -> Format:
    """Return the dialect in which records are kept: the rows of files that are no text become CSV."""
    if dialect.is_text:
        return dialect
    return Dialect(short_rows="pad", long_rows=getattr(dialect, "long_rows", "reject"))


def forget(connection: Connection, step: StepRun, files: Sequence[str] | None = None) -> None:
    """Delete what was kept for a step of a run, or for some of its files."""
    for table in ("rejected_records", "rejected_headers"):
        statement = f"delete from medallion.{table} where pipeline = %s and run_id = %s and step = %s"
        statement += " and source = any(coalesce(%s::text[], array[source]))"
        names = None if files is None else list(files)
        connection.execute(statement.encode(), (step.pipeline, step.run_id, step.step, names))
