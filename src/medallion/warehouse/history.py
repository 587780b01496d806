"""Runs of a pipeline with the data that each left readers with, read from the ledger, the builds and the views."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from medallion.warehouse import views
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import ADOPTION, ROLLBACK


@dataclass(frozen=True)
class Version:
    """The data of one published schema, as one run left it.

    Attributes:
        schema: What readers know.
        build: Where the data is, or was.
        exists: Whether it is still there.
        seen: Whether it is what readers see now.
    """

    step: str
    schema: str
    build: str
    relations: tuple[str, ...]
    exists: bool
    seen: bool


@dataclass(frozen=True)
class Run:
    """A run, or what a person did: `action` is the step of a rollback or an adoption in the ledger.

    `status` is `succeeded`, `failed` or `unfinished`.
    """

    run_id: str
    status: str
    started_at: datetime
    finished_at: datetime
    commit: str
    whole: bool
    versions: tuple[Version, ...]
    message: str = ""
    action: str = ""

    @property
    def rollback(self) -> bool:
        """Whether this is a rollback and no run."""
        return self.action == ROLLBACK

    @property
    def seen(self) -> bool:
        """Whether all of its data is what readers see."""
        return bool(self.versions) and all(version.seen for version in self.versions)

    @property
    def gone(self) -> tuple[Version, ...]:
        """What was published and is no longer kept."""
        return tuple(version for version in self.versions if not version.exists)


def list_runs(connection: Connection, pipeline: str) -> list[Run]:
    """Return a pipeline's runs, rollbacks and adoptions, newest first."""
    versions = _versions(connection, pipeline)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_RUNS, {"pipeline": pipeline, "actions": [ROLLBACK, ADOPTION]}).fetchall()
    return [_run(row, versions.get(row["run_id"], ())) for row in rows]


# A run is whole if every step of its plan has succeeded in it, and unfinished while one has not ended at all.
_RUNS = """
    with latest as (
        select distinct on (run_id, step) * from medallion.step_runs
        where pipeline = %(pipeline)s order by run_id, step, attempt desc),
    good as (
        select distinct run_id, step from medallion.step_runs where pipeline = %(pipeline)s and status <> 'failed'),
    planned as (
        select run_id, jsonb_object_keys(plan) as step from medallion.runs where pipeline = %(pipeline)s),
    ended as (
        select run_id, min(started_at) as started_at, max(finished_at) as finished_at, max(id) as id,
            bool_or(status = 'failed') as failed, max(commit) as commit,
            max(details ->> 'message') filter (where step = any(%(actions)s)) as message,
            max(step) filter (where step = any(%(actions)s)) as action
        from latest group by run_id)
    select ended.*, exists (
            select from planned left join good using (run_id, step)
            where planned.run_id = ended.run_id and good.step is null) as lacking,
        exists (select from planned where planned.run_id = ended.run_id) as planned
    from ended order by id desc
"""


def _run(row: dict[str, Any], versions: tuple[Version, ...]) -> Run:
    unfinished = row["lacking"] and not row["failed"]
    return Run(
        run_id=row["run_id"],
        status="failed" if row["failed"] else "unfinished" if unfinished else "succeeded",
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        commit=row["commit"],
        whole=not row["lacking"] if row["planned"] else not row["failed"],
        versions=versions,
        message=row["message"] or "",
        action=row["action"] or "",
    )


def _versions(connection: Connection, pipeline: str) -> dict[str, tuple[Version, ...]]:
    """What each run published or confirmed last, by step and schema."""
    rows = connection.execute(
        """select distinct on (run_id, step, published_schema)
               run_id, step, published_schema, build_schema, relations, not exists (
                   select from unnest(relations) as known (name)
                   where to_regclass(format('%%I.%%I', build_schema, known.name)) is null)
           from medallion.publications where pipeline = %s order by run_id, step, published_schema, id desc""",
        (pipeline,),
    ).fetchall()
    shown = views.view_targets(connection)
    found: dict[str, tuple[Version, ...]] = {}
    for run_id, step, schema, build, relations, exists in rows:
        names: tuple[str, ...] = tuple(relations)  # type: ignore[arg-type]
        seen = all(shown.get(f"{schema}.{name}") == build for name in names)
        version = Version(str(step), str(schema), str(build), names, bool(exists), seen)
        found[str(run_id)] = (*found.get(str(run_id), ()), version)
    return found
