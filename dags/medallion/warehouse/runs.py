"""What a run is pinned to: the commit that it began with, and what that tells each of its steps to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from medallion.failures import LockLost
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun


@dataclass(frozen=True)
class Pin:
    """A run's commit, and its plan: arguments and environment by step. An old caller has no plan: it is empty."""

    commit: str
    plan: Mapping[str, Any]


def pin(connection: Connection, step: StepRun, plan: Mapping[str, Any]) -> Pin:
    """The run's pin. The first step to start sets it; a later one that was told otherwise finds it here.

    While nothing of the run has succeeded, a step of another commit moves the pin: a first step that failed can be
    mended and cleared.

    Args:
        connection: To the warehouse.
        step: Who asks, and the commit that it was told.
        plan: What it was told of the run's steps.
    """
    mine = {"pipeline": step.pipeline, "run": step.run_id, "commit": step.commit, "plan": Jsonb(plan)}
    with connection.transaction():
        connection.execute(
            """insert into medallion.runs as known (pipeline, run_id, commit, plan)
               values (%(pipeline)s, %(run)s, %(commit)s, %(plan)s)
               on conflict (pipeline, run_id) do update
                   set commit = excluded.commit, plan = excluded.plan, pinned_at = clock_timestamp()
                   where (known.commit, known.plan) <> (excluded.commit, excluded.plan)
                       and excluded.plan <> '{}' and not exists (
                           select from medallion.ledger as done
                           where done.pipeline = known.pipeline and done.run_id = known.run_id
                               and done.status <> 'failed')""",
            mine,
        )
        row = connection.execute(
            "select commit, plan from medallion.runs where pipeline = %(pipeline)s and run_id = %(run)s", mine
        ).fetchone()
    assert row is not None
    return Pin(str(row[0]), row[1])  # type: ignore[arg-type]


def hold(connection: Connection, step: StepRun, pinned: Pin) -> None:
    """Keeps the run's pin until this transaction ends, which is to hold a step's success.

    Raises:
        LockLost: The run was pinned to another commit while this step worked.
    """
    row = connection.execute(
        """select commit, plan from medallion.runs where pipeline = %s and run_id = %s for share""",
        (step.pipeline, step.run_id),
    ).fetchone()
    if row is not None and row != (pinned.commit, pinned.plan):
        raise LockLost(f"run {step.run_id} is at commit {row[0]} by now, and this step worked at {pinned.commit}", "")
