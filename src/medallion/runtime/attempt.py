"""One attempt of one step: connect, lock, gate, work, ledger. Whatever happens becomes a ledger row and a message.

The work itself knows the warehouse and nothing of who called it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from datetime import datetime, timezone

import psycopg

from medallion.errors import ExitCode, Misconfigured, StepFailure, TimeLimitExceeded
from medallion.protocol.project_archive import delivered
from medallion.protocol.result import TaskResult
from medallion.protocol.task import TaskSpec, parse_task
from medallion.protocol.termination_message import TerminationMessage, failed_in, warned_in
from medallion.protocol.work import CommandWork, LayerWork
from medallion.runtime.log import EventLog
from medallion.runtime.session import Job, Session
from medallion.runtime.signals import TimedOut
from medallion.warehouse import fence, ledger, projects, runs
from medallion.warehouse.connection import Connection, as_failure, connect
from medallion.warehouse.fence import Fence
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.lock import advisory_lock

Build = Callable[[TaskSpec], Job]
"""Makes the work that a task asks for."""


class Attempt:
    """One attempt of one step.

    Args:
        task: Which step of which run this is, and what it does.
        build: Makes the work, which calls `Session.record` in its last transaction.
    """

    def __init__(self, task: TaskSpec, build: Build) -> None:
        self._task, self._build = task, build
        self._step = make_step_run(task)
        self._log = EventLog(
            job_name=task.pipeline,
            run_id=task.run_id,
            step=task.step,
            tenant_id=task.tenant,
            connector_type=task.work.connector,
        )
        self._began = datetime.now(timezone.utc)
        self._fence: Fence | None = None

    def run(self) -> TerminationMessage:
        """Do the work; never raises.

        Returns:
            How it ended.
        """
        log, step = self._log, self._step
        log.event("step_started", f"{step.step} of {step.pipeline} starts", commit=step.commit)
        try:
            outcome, again = self._work()
        except StepFailure as failure:
            return self._failed(failure)
        except psycopg.Error as error:
            return self._failed(as_failure(error))
        except TimedOut:
            return self._failed(TimeLimitExceeded())
        except KeyboardInterrupt:
            own = isinstance(self._task.work, CommandWork)
            message = "stopped from outside" + ("" if own else "; nothing was published")
            log.event("step_terminated", message, "error")
            return TerminationMessage("failed", ExitCode.TERMINATED, message)
        except Exception as error:  # noqa: BLE001 - the last resort: a bug must end as an exit code and a log
            log.event("internal_error", str(error), "error", traceback=traceback.format_exc())
            return self._failed(StepFailure(f"internal error: {error}", "please report this with the log"))
        message = outcome.message or f"{step.step} {outcome.status}"
        log.event("step_succeeded", message, execution_time_seconds=self._seconds())
        return TerminationMessage(outcome.status, ExitCode.OK, outcome.message, again=again, warned=warned_in(outcome))

    def _work(self) -> tuple[TaskResult, bool]:
        name = f"{self._step.pipeline} {self._step.step}"
        with connect(f"medallion {name}") as connection:
            ledger.ensure(connection)
            pin, job = self._pin(connection)
            with advisory_lock(connection, job.lock) as waited:
                if waited:
                    self._log.event("lock_waited", f"waited for another run to let go of {job.lock}")
                self._fence = fence.acquire(connection, job.lock, name)
                # For the sessions that dbt opens.
                os.environ["MEDALLION_APPLICATION"] = fence.application_name(self._fence, name)
                ledger.require(connection, self._step)
                again = ledger.has_succeeded(connection, self._step)
                session = Session(self._step, connection, self._log, self._fence, pin)
                try:
                    job.work(session)
                except (Exception, KeyboardInterrupt) as error:
                    if not self._is_recorded(session):
                        raise
                    self._log.event("ended_late", f"the step has succeeded, and then: {error!r}", "warning")
                if session.outcome is None:
                    raise StepFailure(f"step {self._step.step!r} ended without a ledger row", "please report this")
                return session.outcome, again

    def _is_recorded(self, session: Session) -> bool:
        """Return whether the ledger has this attempt's success: a commit may be done, and its answer lost."""
        if session.outcome is None:
            return False
        try:
            with connect(f"medallion {self._step.pipeline} {self._step.step}") as connection:
                return ledger.has_succeeded(connection, self._step, session.fence.number)
        except (StepFailure, psycopg.Error):
            return False

    def _pin(self, connection: Connection) -> tuple[runs.Pin, Job]:
        """Pin the run to this task, or this step to what the run is pinned to; return the pin and the work."""
        task = self._task
        known = {task.plan[name]: content for name, content in task.others.items() if name in task.plan}
        if task.step in task.plan:
            known[task.plan[task.step]] = task.content()
        self._bring_project(connection)
        pin = runs.pin(connection, self._step, task.plan, known)
        if not pin.plan or (pin.commit, pin.plan) == (task.commit, task.plan):
            return pin, self._build(task)
        message = f"the run began with commit {pin.commit} and ends with it; this task is of commit {task.commit}"
        self._log.event("pinned", message, "warning", commit=pin.commit)
        if task.step not in pin.plan:
            self._step = make_step_run(task.model_copy(update={"commit": pin.commit, "needs": ()}))
            return pin, Job(_nothing, f"step:{task.pipeline}.{task.step}")
        self._task = self._pinned(connection, pin)
        self._step = make_step_run(self._task)
        return pin, self._build(self._task)

    def _bring_project(self, connection: Connection) -> None:
        """Store the dbt project that this pod was given, for the steps that come later, unless it is there already."""
        brought = delivered()
        if brought is None:
            return
        digest, parts = brought
        if not projects.is_stored(connection, digest):
            projects.store(connection, digest, b"".join(part.read_bytes() for part in parts))
            self._log.event("project_stored", f"the dbt project {digest} is in the warehouse", project=digest)

    def _pinned(self, connection: Connection, pin: runs.Pin) -> TaskSpec:
        """Return what the run's own commit says of this step."""
        task, digest = self._task, pin.plan[self._task.step]
        if task.plan.get(task.step) == digest:
            return task.model_copy(update={"commit": pin.commit})
        content = runs.content(connection, task.pipeline, str(digest))
        if content is None:
            raise Misconfigured(
                f"run {task.run_id} began with commit {pin.commit}, and the warehouse does not hold what that commit "
                f"says of the step {task.step}, which differs at commit {task.commit}",
                "start a new run: it takes all of its steps from the newer commit",
            )
        return parse_task({**content, "run_id": task.run_id, "commit": pin.commit}, f"the pinned step {task.step}")

    def _failed(self, failure: StepFailure) -> TerminationMessage:
        step, log = self._step, self._log
        outcome = failure.outcome or TaskResult()
        ended = {"status": "failed", "message": failure.message, "exit_code": int(failure.code)}
        kept = TaskResult(**{**outcome.__dict__, **ended})
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
        return TerminationMessage("failed", failure.code, failure.message, failure.remedy, failed=failed)

    def _seconds(self) -> float:
        return round((datetime.now(timezone.utc) - self._began).total_seconds(), 3)


def make_step_run(task: TaskSpec) -> StepRun:
    """Return what identifies a task's step in the ledger."""
    return StepRun(
        pipeline=task.pipeline,
        run_id=task.run_id,
        step=task.step,
        layer=task.work.layer if isinstance(task.work, LayerWork) else None,
        needs=task.needs,
        commit=task.commit,
        schema_prefix=task.schema_prefix,
        retention=task.retention,
    )


def _nothing(session: Session) -> None:
    message = f"no step of this run, which is pinned to commit {session.step.commit}; the next run has it"
    with session.connection.transaction():
        session.record(TaskResult(status="unchanged", message=message))
