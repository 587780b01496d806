"""Rejected rows of a run, read from `medallion.rejected_rows`: grouped by reason, or all of them as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medallion.warehouse.connection import Connection

MAX_RECORD = 2000
"""Characters of a record that the cleaner keeps: a record of this length is one that it cut, or may be."""
_SHOWN = 100
_SAMPLES = 3
_OF_RUN = """
    pipeline = %(pipeline)s and run_id = %(run)s
    and (%(source)s::text is null or source = %(source)s or step = 'clean.' || %(source)s)
"""


@dataclass(frozen=True)
class RejectGroup:
    """Rows of one source that were rejected for the same reason.

    Attributes:
        column: The column with the invalid value; None if the line is no record.
        samples: Lines with what was found there: the beginning of the value, or of the line.
    """

    step: str
    source: str
    column: str | None
    reason: str
    rows: int
    samples: tuple[tuple[int, str | None], ...]


def find_last_run(connection: Connection, pipeline: str) -> str | None:
    """Return the last run of a pipeline with rejected rows that are still kept."""
    row = connection.execute(
        "select run_id from medallion.rejected_rows where pipeline = %s order by rejected_at desc limit 1", (pipeline,)
    ).fetchone()
    return None if row is None else str(row[0])


def list_sources(connection: Connection, pipeline: str, run_id: str) -> list[str]:
    """Return the sources with rejected rows in a run."""
    rows = connection.execute(
        "select distinct source from medallion.rejected_rows where pipeline = %s and run_id = %s order by 1",
        (pipeline, run_id),
    ).fetchall()
    return [str(row[0]) for row in rows]


def group_rejects(connection: Connection, pipeline: str, run_id: str, source: str | None = None) -> list[RejectGroup]:
    """Return why rows of a run were rejected, by step and source, the most frequent reason first.

    Args:
        connection: To the warehouse.
        pipeline: The pipeline.
        run_id: The run.
        source: Only this one: its name in the pipeline file, or that of a file.
    """
    query = f"""
        with numbered as (
            select step, source, column_name, reason, line,
                left(case when column_name is null then record else value end, {_SHOWN}) as shown,
                row_number() over (same order by line) as place, count(*) over same as rows
            from medallion.rejected_rows where {_OF_RUN}
            window same as (partition by step, source, column_name, reason))
        select step, source, column_name, reason, rows, array_agg(line order by place), array_agg(shown order by place)
        from numbered where place <= {_SAMPLES} group by step, source, column_name, reason, rows
        order by step, source, rows desc, column_name, reason
    """
    names = {"pipeline": pipeline, "run": run_id, "source": source}
    rows: list[tuple[Any, ...]] = connection.execute(query.encode(), names).fetchall()
    return [
        RejectGroup(step, place, column, reason, count, tuple(zip(lines, shown, strict=True)))
        for step, place, column, reason, count, lines, shown in rows
    ]


def iter_csv(connection: Connection, pipeline: str, run_id: str, source: str | None = None) -> Iterator[bytes]:
    """Yield all rejected rows of a run as CSV in UTF-8, with a header, in blocks of any size."""
    query = f"""
        copy (
            select source, line, column_name as "column", value, reason, record,
                coalesce(char_length(record) >= {MAX_RECORD}, false)::text as record_is_cut
            from medallion.rejected_rows where {_OF_RUN}
            order by step, source, line, column_name)
        to stdout with (format csv, header, encoding 'utf8')
    """
    names = {"pipeline": pipeline, "run": run_id, "source": source}
    with connection.cursor().copy(query.encode(), names) as copy:
        for block in copy:
            yield bytes(block)
