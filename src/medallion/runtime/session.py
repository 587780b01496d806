"""What a step's work is given, and how it says what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

import psycopg

from medallion.protocol.result import TaskResult
from medallion.runtime.log import EventLog
from medallion.warehouse import fence, ledger, projects, retention, runs
from medallion.warehouse.connection import Connection
from medallion.warehouse.fence import Fence
from medallion.warehouse.ledger import StepRun


@dataclass
class Session:
    """What a step's work is given: its identity, its connection (autocommit, the lock held) and its log."""

    step: StepRun
    connection: Connection
    log: EventLog
    fence: Fence
    pin: runs.Pin
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    outcome: TaskResult | None = None

    def record(self, outcome: TaskResult) -> None:
        """Write the ledger row. Call it once, in the transaction that makes the data visible."""
        fence.assert_held(self.connection, self.fence)
        runs.assert_unchanged(self.connection, self.step, self.pin)
        ledger.record(self.connection, self.step, self.started_at, outcome, self.fence.number)
        self.outcome = outcome

    def clean_up(self) -> None:
        """Remove what the pipeline's retention keys no longer keep. Call it after the data is published.

        Whatever stops it, the step has succeeded: the next run cleans up.
        """
        try:
            dropped = retention.prune(self.connection, self.step, self.step.retention)
            retention.prune_records(self.connection, self.step.pipeline, self.step.retention)
            runs.prune(self.connection, self.step.pipeline, self.step.retention.ledger_days)
            projects.prune(self.connection)
        except (psycopg.Error, KeyboardInterrupt) as error:
            message = f"old builds and records stay until the next run: {error or 'stopped from outside'}"
            self.log.event("not_cleaned_up", message, "warning")
            return
        if dropped:
            self.log.event("cleaned_up", f"{len(dropped)} old builds dropped", dropped_builds=len(dropped))


Work = Callable[[Session], None]


@dataclass(frozen=True)
class Job:
    """A step's work, and what no other session may write meanwhile: a name such as `table:cleaned_data.orders`."""

    work: Work
    lock: str
