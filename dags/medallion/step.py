"""The envelope around every image's one command: connect, lock, gate, work, ledger, exit code.

The work itself knows the warehouse and nothing of who called it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import psycopg

from medallion import pinned, stopping
from medallion.failures import ExitCode, StepFailure
from medallion.last_words import LastWords, failed_in
from medallion.log import EventLog
from medallion.outcome import Outcome
from medallion.warehouse import fence, ledger, retention, runs
from medallion.warehouse.connection import Connection, be_noticed, connect
from medallion.warehouse.fence import Fence
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
    fence: Fence
    pin: runs.Pin
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    outcome: Outcome | None = None

    def record(self, outcome: Outcome) -> None:
        """Writes the ledger row. Call it once, in the transaction that makes the data visible."""
        fence.hold(self.connection, self.fence)
        runs.hold(self.connection, self.step, self.pin)
        ledger.record(self.connection, self.step, self.started_at, outcome, self.fence.number)
        self.outcome = outcome

    def clean_up(self) -> None:
        """Removes what the pipeline's retention keys no longer keep. Call it after the data is published.

        Whatever stops it, the step has succeeded: the next run cleans up.
        """
        try:
            dropped = retention.prune(self.connection, self.step, self.step.retention)
            retention.prune_records(self.connection, self.step.pipeline, self.step.retention)
        except (psycopg.Error, KeyboardInterrupt) as error:
            message = f"old builds and records stay until the next run: {error or 'stopped from outside'}"
            self.log.event("not_cleaned_up", message, "warning")
            return
        if dropped:
            self.log.event("cleaned_up", f"{len(dropped)} old builds dropped", dropped_builds=len(dropped))


Work = Callable[[Session], None]


@dataclass(frozen=True)
class Task:
    """What a command was told to do: which step, how, and what no other session may write meanwhile.

    `lock` is a name such as `table:cleaned_data.orders`.
    """

    step: StepRun
    work: Work
    lock: str


Prepare = Callable[[list[str]], Task]
"""Makes the task from a command's arguments and environment."""


def run_step(step: StepRun, work: Work, lock: str, prepare: Prepare | None = None) -> ExitCode:
    """Runs one step's work and turns whatever happens into a ledger row, a log and an exit code.

    Args:
        step: Which step of which run this is.
        work: Does it, and calls `Session.record` in its last transaction.
        lock: What no other session may write meanwhile.
        prepare: Makes the task anew, from the arguments that the run is pinned to.

    Returns:
        The process's exit code; never raises.
    """
    stopping.obey()
    be_noticed()
    return _Attempt(Task(step, work, lock), prepare).run()


class _Attempt:
    def __init__(self, task: Task, prepare: Prepare | None) -> None:
        self._task, self._prepare = task, prepare
        self._log = EventLog(
            job_name=task.step.pipeline,
            run_id=task.step.run_id,
            step=task.step.step,
            tenant_id=os.environ.get("MEDALLION_TENANT"),
            connector_type=os.environ.get("MEDALLION_CONNECTOR"),
        )
        self._began = datetime.now(timezone.utc)
        self._fence: Fence | None = None

    def run(self) -> ExitCode:
        log, step = self._log, self._task.step
        log.event("step_started", f"{step.step} of {step.pipeline} starts", commit=step.commit)
        try:
            outcome, again = self._work()
        except StepFailure as failure:
            return self._failed(failure)
        except KeyboardInterrupt:
            log.event("step_terminated", "stopped from outside; nothing was published", "error")
            return _exit(LastWords("failed", ExitCode.TERMINATED, "stopped from outside; nothing was published"))
        except Exception as error:  # noqa: BLE001 - the last resort: a bug must end as an exit code and a log
            log.event("internal_error", str(error), "error", traceback=traceback.format_exc())
            return self._failed(StepFailure(f"internal error: {error}", "please report this with the log"))
        message = outcome.message or f"{step.step} {outcome.status}"
        log.event("step_succeeded", message, execution_time_seconds=self._seconds())
        return _exit(LastWords(outcome.status, ExitCode.OK, outcome.message, again=again))

    def _work(self) -> tuple[Outcome, bool]:
        name = f"{self._task.step.pipeline} {self._task.step.step}"
        with connect(f"medallion {name}") as connection:
            ledger.ensure(connection)
            pin = self._pin(connection)
            step, lock = self._task.step, self._task.lock
            with held(connection, lock) as waited:
                if waited:
                    self._log.event("lock_waited", f"waited for another run to let go of {lock}")
                self._fence = fence.take(connection, lock, name)
                # For the sessions that dbt opens.
                os.environ["MEDALLION_APPLICATION"] = fence.application_name(self._fence, name)
                ledger.require(connection, step)
                again = ledger.has_succeeded(connection, step)
                session = Session(step, connection, self._log, self._fence, pin)
                self._task.work(session)
                if session.outcome is None:
                    raise StepFailure(f"step {step.step!r} ended without a ledger row", "please report this")
                return session.outcome, again

    def _pin(self, connection: Connection) -> runs.Pin:
        """Pins the run to what this step was told, or this step to what the run is pinned to."""
        told, step = pinned.decode(os.environ.get(pinned.VARIABLE)), self._task.step
        pin = runs.pin(connection, step, told)
        if self._prepare is None or not pin.plan or pin.plan == told:
            return pin
        message = f"the run began with commit {pin.commit} and ends with it; this step was told of {step.commit}"
        self._log.event("pinned", message, "warning", commit=pin.commit)
        if step.step in pin.plan:
            entry = pin.plan[step.step]
            for name in told.get(step.step, {"env": ()})["env"]:
                os.environ.pop(name, None)
            os.environ.update(entry["env"])
            self._task = self._prepare(pinned.arguments_of(entry, step.run_id))
        else:
            self._task = Task(replace(step, commit=pin.commit, needs=()), _nothing, self._task.lock)
        return pin

    def _failed(self, failure: StepFailure) -> ExitCode:
        step, log = self._task.step, self._log
        outcome = failure.outcome or Outcome()
        kept = Outcome(**{**outcome.__dict__, "status": "failed", "message": failure.message})
        number = self._fence.number if self._fence else None
        try:
            with connect(f"medallion {step.pipeline} {step.step}") as connection:
                ledger.ensure(connection)
                if not ledger.record(connection, step, self._began, kept, number):
                    log.event("superseded", "a later attempt has ended already: the ledger keeps its row", "warning")
        except (StepFailure, psycopg.Error) as error:
            log.event("ledger_unreachable", f"the failure could not be written to the ledger: {error}", "warning")
        log.event(
            "step_failed", failure.message, "error", exit_code=int(failure.code), remedy=failure.remedy,
            execution_time_seconds=self._seconds(),
        )  # fmt: skip
        failed = failed_in(failure.outcome)
        return _exit(LastWords("failed", failure.code, failure.message, failure.remedy, failed=failed))

    def _seconds(self) -> float:
        return round((datetime.now(timezone.utc) - self._began).total_seconds(), 3)


def _nothing(session: Session) -> None:
    message = f"no step of this run, which is pinned to commit {session.step.commit}; the next run has it"
    with session.connection.transaction():
        session.record(Outcome(status="unchanged", message=message))


def _exit(words: LastWords) -> ExitCode:
    if os.environ.get("KUBERNETES_SERVICE_HOST") and TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(words.to_json(), encoding="utf-8")
    return ExitCode(words.exit_code)
