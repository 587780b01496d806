"""Rejected rows of a run, read from `medallion.rejected_rows`: grouped by reason, or all of them as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from medallion.warehouse.connection import Connection

MAX_RECORD = 2000
"""Characters of a record that the cleaner keeps: a record of this length is one that it cut, or may be."""
_SHOWN = 100
_OTHER_JOINS = ("enable_nestloop", "enable_mergejoin")
_SAMPLES = 3
_REPLAYED = """
    exists (
        select from medallion.rejected_records as kept
        where kept.pipeline = row.pipeline and kept.run_id = row.run_id and kept.step = row.step
            and kept.source = row.source and kept.line = row.line and replayed_by is not null)
"""
_OF_RUN = f"""
    medallion.rejected_rows as row where pipeline = %(pipeline)s and run_id = %(run)s
    and (%(source)s::text is null or source = %(source)s or step = 'clean.' || %(source)s) and not {_REPLAYED}
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


@contextmanager
def hash_joins(connection: Connection) -> Iterator[None]:
    """Keep Postgres from joining rejected rows in any other way, in a transaction.

    Right after a load it has no statistics of them, takes them for a few, and would compare each with each.
    """
    with connection.transaction():
        for way in _OTHER_JOINS:
            connection.execute(f"set local {way} = off".encode())
        yield
        for way in _OTHER_JOINS:
            connection.execute(f"reset {way}".encode())


def find_last_run(connection: Connection, pipeline: str, step: str | None = None) -> str | None:
    """Return the last run of a pipeline, or of one step, with rejected rows that are still kept."""
    row = connection.execute(
        """select run_id from medallion.rejected_rows
           where pipeline = %(pipeline)s and (%(step)s::text is null or step = %(step)s)
           order by rejected_at desc limit 1""",
        {"pipeline": pipeline, "step": step},
    ).fetchone()
    return None if row is None else str(row[0])


def list_sources(connection: Connection, pipeline: str, run_id: str) -> list[str]:
    """Return the sources with rejected rows in a run that no replay has loaded since."""
    names = {"pipeline": pipeline, "run": run_id, "source": None}
    with hash_joins(connection):
        rows = connection.execute(f"select distinct source from {_OF_RUN} order by 1".encode(), names).fetchall()
    return [str(row[0]) for row in rows]


def list_replays(connection: Connection, pipeline: str, run_id: str) -> dict[str, int]:
    """Return the runs that loaded rejected rows of a run after all, with their number."""
    rows = connection.execute(
        """select replayed_by, count(*) from medallion.rejected_records
           where pipeline = %s and run_id = %s and replayed_by is not null group by 1 order by 1""",
        (pipeline, run_id),
    ).fetchall()
    return {str(replay): int(count) for replay, count in rows}  # type: ignore[call-overload]


def group_rejects(connection: Connection, pipeline: str, run_id: str, source: str | None = None) -> list[RejectGroup]:
    """Return why rows of a run were rejected, by step and source, the most frequent reason first.

    Rows that a replay has loaded since are left out.

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
            from {_OF_RUN}
            window same as (partition by step, source, column_name, reason))
        select step, source, column_name, reason, rows, array_agg(line order by place), array_agg(shown order by place)
        from numbered where place <= {_SAMPLES} group by step, source, column_name, reason, rows
        order by step, source, rows desc, column_name, reason
    """
    names = {"pipeline": pipeline, "run": run_id, "source": source}
    with hash_joins(connection):
        rows: list[tuple[Any, ...]] = connection.execute(query.encode(), names).fetchall()
    return [
        RejectGroup(step, place, column, reason, count, tuple(zip(lines, shown, strict=True)))
        for step, place, column, reason, count, lines, shown in rows
    ]


def iter_csv(connection: Connection, pipeline: str, run_id: str, source: str | None = None) -> Iterator[bytes]:
    """Yield the same rows as CSV in UTF-8, with a header, in blocks of any size."""
    query = f"""
        copy (
            select source, line, column_name as "column", value, reason, record,
                coalesce(char_length(record) >= {MAX_RECORD}, false)::text as record_is_cut
            from {_OF_RUN}
            order by step, source, line, column_name)
        to stdout with (format csv, header, encoding 'utf8')
    """
    names = {"pipeline": pipeline, "run": run_id, "source": source}
    with hash_joins(connection), connection.cursor().copy(query.encode(), names) as copy:
        for block in copy:
            yield bytes(block)
