"""Rollback: readers see the data of an earlier run again, all of it at once, by one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from medallion.errors import Misconfigured
from medallion.protocol.result import TaskResult
from medallion.warehouse import ledger, publication
from medallion.warehouse.connection import Connection
from medallion.warehouse.history import Run, Version, list_runs
from medallion.warehouse.ledger import ROLLBACK, StepRun
from medallion.warehouse.lock import lock_until_commit


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did.

    Attributes:
        run_id: Of the rollback, in the ledger; empty if readers saw that data already.
        to: The run whose data readers see now.
        versions: That data.
        retired: Relations that the run did not have, and that are gone for readers.
        left: Published schemas that the run had no data for: they stay as they are.
    """

    run_id: str
    to: str
    versions: tuple[Version, ...]
    retired: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def roll_back(connection: Connection, pipeline: str, to: str | None, commit: str) -> RolledBack:
    """Put an earlier run's published data back.

    Runs that began before it may not publish any more: readers would see their data next to older data.

    Args:
        connection: To the warehouse.
        pipeline: Whose data.
        to: The run to go back to; by default the one before what readers see.
        commit: For the ledger.

    Raises:
        Misconfigured: There is no such run, it did not succeed as a whole, or its data is gone.
        WarehouseUnavailable: A reader's transaction does not let go of a view.
    """
    began = datetime.now(timezone.utc)
    run_id = f"rollback__{began:%Y-%m-%dT%H:%M:%S}__{uuid.uuid4().hex[:4]}"
    with connection.transaction():
        lock_until_commit(connection, f"publish:{pipeline}")
        runs = list_runs(connection, pipeline)
        target = _named(runs, to, pipeline) if to else _before(runs, pipeline)
        if target.seen:
            return RolledBack("", target.run_id, target.versions)
        publication.assert_unchanged(
            connection, pipeline, {version.schema: version.relations for version in target.versions}
        )
        retired: tuple[str, ...] = ()
        for version in sorted(target.versions, key=lambda version: version.schema):
            kept = {name for other in target.versions if other.schema == version.schema for name in other.relations}
            shown = publication.republish(
                connection, pipeline, run_id, version.step, version.schema, version.build, kept
            )
            retired += shown.dropped
        step = StepRun(pipeline, run_id, ROLLBACK, commit=commit)
        ledger.record(connection, step, began, TaskResult(message=f"readers see the data of run {target.run_id} again"))
    covered = {(version.step, version.schema) for version in target.versions}
    seen = {(version.step, version.schema) for run in runs for version in run.versions if version.seen}
    left = tuple(sorted(schema for step_name, schema in seen - covered))
    return RolledBack(run_id, target.run_id, target.versions, retired, left)


def _before(runs: list[Run], pipeline: str) -> Run:
    """The newest run that is whole, older than what readers see, and of other data."""
    whole = [index for index, run in enumerate(runs) if run.seen and not run.rollback]
    partly = [index for index, run in enumerate(runs) if any(version.seen for version in run.versions)]
    newest = next(iter(whole or partly), len(runs))
    for run in runs[newest:]:
        if not run.seen and not run.rollback and _why_not(run) is None:
            return run
    raise Misconfigured(f"{pipeline} has no earlier run to go back to", _remedy(runs))


def _named(runs: list[Run], to: str, pipeline: str) -> Run:
    found = next((run for run in runs if run.run_id == to), None)
    if found is None:
        raise Misconfigured(f"{pipeline} has no run {to!r}", _remedy(runs))
    reason = _why_not(found)
    if reason is not None:
        raise Misconfigured(f"there is no going back to {to}: {reason}", _remedy(runs))
    return found


def _why_not(run: Run) -> str | None:
    if run.rollback:
        return "it is a rollback itself; name the run whose data it put back"
    if not run.whole:
        return "it did not succeed as a whole"
    if not run.versions:
        return "it published nothing"
    if run.gone:
        names = ", ".join(version.build for version in run.gone)
        return f"its data is no longer kept ({names}); `retention.builds` says of how many runs it is"
    return None


def _remedy(runs: list[Run]) -> str:
    possible = [run.run_id for run in runs if _why_not(run) is None and not run.seen]
    return f"write one of: {', '.join(possible)}" if possible else "run the pipeline on the input that you want back"
