"""The envelope around every image's one command: connect, lock, gate, work, ledger, exit code.

The work itself knows the warehouse and nothing of who called it.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType

import psycopg

from medallion.failures import ExitCode, StepFailure
from medallion.last_words import LastWords, failed_in
from medallion.log import EventLog
from medallion.outcome import Outcome
from medallion.warehouse import ledger, retention
from medallion.warehouse.connection import Connection, connect
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.lock import held

TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows what is written here as the container's termination message."""


@dataclass
class Session:
    """What a step's work is given: its identity, its connection (autocommit, lock held) and its log."""

    step: StepRun
    connection: Connection
    log: EventLog
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    outcome: Outcome | None = None

    def record(self, outcome: Outcome) -> None:
        """Writes the ledger row. Call it once, in the transaction that makes the data visible."""
        ledger.record(self.connection, self.step, self.started_at, outcome)
        self.outcome = outcome

    def clean_up(self) -> None:
        """Removes what the pipeline's retention keys no longer keep. Call it after the data is published."""
        dropped = retention.prune(self.connection, self.step, self.step.retention)
        retention.prune_records(self.connection, self.step.pipeline, self.step.retention)
        if dropped:
            self.log.event("cleaned_up", f"{len(dropped)} old builds dropped", dropped_builds=len(dropped))


Work = Callable[[Session], None]


def run_step(step: StepRun, work: Work, lock: str) -> ExitCode:
    """Runs one step's work and turns whatever happens into a ledger row, a log and an exit code.

    Args:
        step: Which step of which run this is.
        work: Does it, and calls `Session.record` in its last transaction.
        lock: What no other session may write meanwhile, such as `table:cleaned_data.orders`.

    Returns:
        The process's exit code; never raises.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    log = EventLog(
        job_name=step.pipeline,
        run_id=step.run_id,
        step=step.step,
        tenant_id=os.environ.get("MEDALLION_TENANT"),
        connector_type=os.environ.get("MEDALLION_CONNECTOR"),
    )
    log.event("step_started", f"{step.step} of {step.pipeline} starts", commit=step.commit)
    began = datetime.now(timezone.utc)
    try:
        outcome, again = _work(step, work, lock, log)
    except StepFailure as failure:
        return _failed(step, began, failure, log)
    except KeyboardInterrupt:
        log.event("step_terminated", "stopped from outside; nothing was published", "error")
        return _exit(LastWords("failed", ExitCode.TERMINATED, "stopped from outside; nothing was published"))
    except Exception as error:  # noqa: BLE001 - the last resort: a bug must end as an exit code and a log
        log.event("internal_error", str(error), "error", traceback=traceback.format_exc())
        return _failed(step, began, StepFailure(f"internal error: {error}", "please report this with the log"), log)
    seconds = round((datetime.now(timezone.utc) - began).total_seconds(), 3)
    log.event("step_succeeded", outcome.message or f"{step.step} {outcome.status}", execution_time_seconds=seconds)
    return _exit(LastWords(outcome.status, ExitCode.OK, outcome.message, again=again))


def _work(step: StepRun, work: Work, lock: str, log: EventLog) -> tuple[Outcome, bool]:
    with connect(f"medallion {step.pipeline} {step.step}") as connection:
        ledger.ensure(connection)
        with held(connection, lock) as waited:
            if waited:
                log.event("lock_waited", f"waited for another run to let go of {lock}")
            ledger.require(connection, step)
            again = ledger.has_succeeded(connection, step)
            session = Session(step, connection, log)
            work(session)
            if session.outcome is None:
                raise StepFailure(f"step {step.step!r} ended without a ledger row", "please report this")
            return session.outcome, again


def _failed(step: StepRun, began: datetime, failure: StepFailure, log: EventLog) -> ExitCode:
    outcome = failure.outcome or Outcome()
    kept = Outcome(**{**outcome.__dict__, "status": "failed", "message": failure.message})
    try:
        with connect(f"medallion {step.pipeline} {step.step}") as connection:
            ledger.ensure(connection)
            ledger.record(connection, step, began, kept)
    except (StepFailure, psycopg.Error) as error:
        log.event("ledger_unreachable", f"the failure could not be written to the ledger: {error}", "warning")
    log.event(
        "step_failed", failure.message, "error", exit_code=int(failure.code), remedy=failure.remedy,
        execution_time_seconds=round((datetime.now(timezone.utc) - began).total_seconds(), 3),
    )  # fmt: skip
    failed = failed_in(failure.outcome)
    return _exit(LastWords("failed", failure.code, failure.message, failure.remedy, failed=failed))


def _exit(words: LastWords) -> ExitCode:
    if os.environ.get("KUBERNETES_SERVICE_HOST") and TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(words.to_json(), encoding="utf-8")
    return ExitCode(words.exit_code)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # As process 1 of a pod Python would ignore SIGTERM; and dbt cancels its queries on this exception.
    raise KeyboardInterrupt
