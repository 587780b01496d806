"""What a run is pinned to: the commit that it began with, and what each of its steps does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from medallion.errors import LockLost
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

Content = Mapping[str, Any]
"""What a step does, as JSON data; its digest is its name in `medallion.specs`."""


@dataclass(frozen=True)
class Pin:
    """A run's commit, and the digest of each of its steps. A task that a person wrote has no plan: it is empty."""

    commit: str
    plan: Mapping[str, Any]


def pin(connection: Connection, step: StepRun, plan: Mapping[str, str], known: Mapping[str, Content]) -> Pin:
    """Return the run's pin. The first step to start sets it; a later one of another commit finds it here.

    While nothing of the run has succeeded, a step of another commit moves the pin: a first step that failed can be
    corrected and cleared.

    Args:
        connection: To the warehouse.
        step: Who asks, and its commit.
        plan: The digests of the run's steps.
        known: The contents of some of them, by digest. They are stored once, however many runs share them.
    """
    mine = {"pipeline": step.pipeline, "run": step.run_id, "commit": step.commit, "plan": Jsonb(plan)}
    with connection.transaction():
        _store(connection, step.pipeline, known)
        connection.execute(
            """insert into medallion.runs as known (pipeline, run_id, commit, plan)
               values (%(pipeline)s, %(run)s, %(commit)s, %(plan)s)
               on conflict (pipeline, run_id) do update
                   set commit = excluded.commit, plan = excluded.plan, pinned_at = clock_timestamp()
                   where (known.commit, known.plan) <> (excluded.commit, excluded.plan)
                       and excluded.plan <> '{}' and not exists (
                           select from medallion.step_runs as done
                           where done.pipeline = known.pipeline and done.run_id = known.run_id
                               and done.status <> 'failed')""",
            mine,
        )
        row = connection.execute(
            "select commit, plan from medallion.runs where pipeline = %(pipeline)s and run_id = %(run)s", mine
        ).fetchone()
    assert row is not None
    return Pin(str(row[0]), row[1])  # type: ignore[arg-type]


def content(connection: Connection, pipeline: str, digest: str) -> Content | None:
    """Return what a step of that digest does, or None if no run has stored it."""
    row = connection.execute(
        "select content from medallion.specs where pipeline = %s and digest = %s", (pipeline, digest)
    ).fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]


def assert_unchanged(connection: Connection, step: StepRun, pinned: Pin) -> None:
    """Keep the run's pin until this transaction ends, which is to record a step's success.

    Raises:
        LockLost: The run was pinned to another commit while this step worked.
    """
    row = connection.execute(
        """select commit, plan from medallion.runs where pipeline = %s and run_id = %s for share""",
        (step.pipeline, step.run_id),
    ).fetchone()
    if row is not None and row != (pinned.commit, pinned.plan):
        raise LockLost(f"run {step.run_id} is at commit {row[0]} by now, and this step worked at {pinned.commit}", "")


def prune(connection: Connection, pipeline: str, days: int) -> None:
    """Delete the contents that no run used for so many days and that none is pinned to."""
    connection.execute(
        """delete from medallion.specs as old
           where pipeline = %s and used_at < now() - make_interval(days => %s) and not exists (
               select from medallion.runs as run, jsonb_each(run.plan) as entry
               where run.pipeline = old.pipeline and entry.value = to_jsonb(old.digest))""",
        (pipeline, days),
    )


def _store(connection: Connection, pipeline: str, known: Mapping[str, Content]) -> None:
    # In one order, so that two steps that start together do not wait for each other.
    for digest in sorted(known):
        connection.execute(
            """insert into medallion.specs as known (pipeline, digest, content) values (%s, %s, %s)
               on conflict (pipeline, digest) do update set used_at = clock_timestamp()
                   where known.used_at < clock_timestamp() - interval '1 day'""",
            (pipeline, digest, Jsonb(known[digest])),
        )
