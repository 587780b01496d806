"""The run ledger: what each step of each run really did. Orchestrators may be wrong; the ledger is not.

A success is one row written in the transaction that holds the step's data, so both are there or neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from medallion import __version__
from medallion.config.retention import Retention
from medallion.errors import UpstreamNotSucceeded
from medallion.protocol.result import TaskResult
from medallion.warehouse.connection import Connection
from medallion.warehouse.lock import advisory_lock

_SCHEMA = files("medallion.warehouse").joinpath("schema.sql").read_text(encoding="utf-8")
VERSION = int(re.findall(r"\d+", _SCHEMA)[-1])
"""Of `schema.sql`, whose last line says it. An older step leaves a newer schema as it is."""
ROLLBACK = "rollback"
"""The step under which a rollback is in the ledger."""
ADOPTION = "adopt"
"""The step under which relations that Medallion took over are in the ledger."""


@dataclass(frozen=True)
class StepRun:
    """One step of one run, as every image receives it.

    `needs` names the steps of the same run that must have succeeded before this one starts.
    """

    pipeline: str
    run_id: str
    step: str
    layer: str | None = None
    needs: tuple[str, ...] = ()
    commit: str = "unknown"
    schema_prefix: str = ""
    retention: Retention = field(default_factory=Retention)


def ensure(connection: Connection) -> None:
    """Create Medallion's own schema and tables where they are missing or of an older version."""
    if _version(connection) >= VERSION:
        return
    with advisory_lock(connection, "schema"), connection.transaction():
        connection.execute(_SCHEMA.encode())


def _version(connection: Connection) -> int:
    query = "select obj_description(to_regnamespace('medallion'), 'pg_namespace')"
    (comment,) = connection.execute(query).fetchone() or (None,)
    number = re.search(r"\d+$", str(comment or ""))
    return int(number[0]) if number else 0


def require(connection: Connection, step: StepRun) -> None:
    """Raise unless every step that this one needs succeeded in this run.

    Raises:
        UpstreamNotSucceeded: A predecessor has no success in the ledger, whatever the orchestrator says of it.
    """
    query = """
        select step from unnest(%s::text[]) as needed (step)
        where not exists (
            select from medallion.step_runs as done
            where done.pipeline = %s and done.run_id = %s and done.step = needed.step and done.status <> 'failed')
    """
    rows = connection.execute(query, (list(step.needs), step.pipeline, step.run_id)).fetchall()
    missing = ", ".join(str(row[0]) for row in rows)
    if missing:
        raise UpstreamNotSucceeded(
            f"step {step.step!r} needs {missing}, which did not succeed in run {step.run_id}",
            f"run {missing} of this run first (in Airflow: clear that task), and see its log for why it failed",
        )


def has_succeeded(connection: Connection, step: StepRun, fence: int | None = None) -> bool:
    """Return whether the latest attempt of the step in this run, or the one with a `fence`, succeeded."""
    row = connection.execute(
        """select status <> 'failed' from medallion.step_runs
           where pipeline = %(pipeline)s and run_id = %(run)s and step = %(step)s
               and (%(fence)s::bigint is null or fence = %(fence)s)
           order by attempt desc limit 1""",
        {"pipeline": step.pipeline, "run": step.run_id, "step": step.step, "fence": fence},
    ).fetchone()
    return row == (True,)


def find_done(
    connection: Connection, pipeline: str, run_id: str, steps: Sequence[str], needs: Sequence[str]
) -> set[str]:
    """Return which steps of a run have succeeded in their latest attempt, after the latest of what they need."""
    rows = connection.execute(
        """select step from (
               select distinct on (step) step, status, id from medallion.step_runs
               where pipeline = %(pipeline)s and run_id = %(run)s and step = any(%(steps)s)
               order by step, attempt desc) as latest
           where status <> 'failed' and id > all (
               select id from medallion.step_runs
               where pipeline = %(pipeline)s and run_id = %(run)s and step = any(%(needs)s))""",
        {"pipeline": pipeline, "run": run_id, "steps": list(steps), "needs": list(needs)},
    ).fetchall()
    return {str(row[0]) for row in rows}


def require_no_rollback_since(connection: Connection, pipeline: str, run_id: str) -> None:
    """Refuse a publication by a run that began before its pipeline was rolled back.

    Raises:
        UpstreamNotSucceeded: There was a rollback since the run began.
    """
    row = connection.execute(
        """select back.details ->> 'message' from medallion.step_runs as back
           where back.pipeline = %(pipeline)s and back.step = %(rollback)s and back.finished_at > (
               select pinned_at from medallion.runs where pipeline = %(pipeline)s and run_id = %(run)s)
           order by back.id desc limit 1""",
        {"pipeline": pipeline, "rollback": ROLLBACK, "run": run_id},
    ).fetchone()
    if row is not None:
        raise UpstreamNotSucceeded(
            f"the pipeline was rolled back after run {run_id} began ({row[0]}): it may not publish any more",
            "start a new run when its data should be published",
        )


def record(
    connection: Connection, step: StepRun, started_at: datetime, outcome: TaskResult, fence: int | None = None
) -> bool:
    """Write the step's row. Call it in the transaction that holds the step's data.

    Returns:
        Whether there is a row: an attempt's end is not recorded after that of one with a later `fence`.
    """
    cursor = connection.execute(
        """
        insert into medallion.step_runs (pipeline, run_id, step, layer, attempt, status, started_at,
            rows_in, rows_loaded, rows_rejected, input_checksum, commit, platform_version, details, fence)
        select %(pipeline)s, %(run_id)s, %(step)s, %(layer)s, coalesce(max(attempt), 0) + 1, %(status)s,
            %(started_at)s, %(rows_in)s, %(rows_loaded)s, %(rows_rejected)s, %(checksum)s, %(commit)s, %(platform)s,
            %(details)s, %(fence)s::bigint
        from medallion.step_runs where pipeline = %(pipeline)s and run_id = %(run_id)s and step = %(step)s
        having coalesce(max(fence) <= %(fence)s, true)
        """,
        {
            "pipeline": step.pipeline, "run_id": step.run_id, "step": step.step, "layer": step.layer,
            "status": outcome.status, "started_at": started_at, "rows_in": outcome.rows_in,
            "rows_loaded": outcome.rows_loaded, "rows_rejected": outcome.rows_rejected,
            "checksum": outcome.input_checksum, "commit": step.commit, "platform": __version__,
            "details": Jsonb(outcome.details()), "fence": fence,
        },
    )  # fmt: skip
    return cursor.rowcount == 1


def list_steps(connection: Connection, pipeline: str, run_id: str) -> list[dict[str, Any]]:
    """Return the latest attempt of every step of a run, oldest first, as rows of `medallion.step_runs`."""
    query = """
        select * from (
            select distinct on (step) * from medallion.step_runs
            where pipeline = %s and run_id = %s order by step, attempt desc) as latest
        order by id
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (pipeline, run_id)).fetchall()


def latest_load(connection: Connection, step: StepRun, checksum: str) -> dict[str, Any] | None:
    """Return the row of the newest successful load of the same input by the same step, in whatever run."""
    query = """
        select * from medallion.step_runs
        where pipeline = %s and step = %s and input_checksum = %s and status = 'succeeded'
        order by id desc limit 1
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (step.pipeline, step.step, checksum)).fetchone()
