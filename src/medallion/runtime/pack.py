"""The steps of a pack, one after the other in one process: one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medallion.errors import ExitCode, Misconfigured, StepFailure, TimeLimitExceeded
from medallion.protocol.task import Pack, TaskSpec
from medallion.protocol.termination_message import Failed, TerminationMessage
from medallion.runtime.attempt import Attempt, Build
from medallion.runtime.log import EventLog
from medallion.runtime.signals import TimedOut, is_stopping, time_limit
from medallion.warehouse import ledger
from medallion.warehouse.connection import connect

_NAMED = 12
"""Steps that the first line of a message names; a termination message has little room."""


def run_pack(task: TaskSpec, pack: Pack, build: Build) -> TerminationMessage:
    """Run the steps of a pack that have not succeeded in this run; if all have, it was started again: then all of them.

    Args:
        task: The first step, and what all have in common.
        pack: The others.
        build: Makes the work of a step.

    Returns:
        How the pack ended: as a success only if each of its steps has succeeded in this run.
    """
    log = EventLog(job_name=task.pipeline, run_id=task.run_id, tenant_id=task.tenant)
    try:
        running = _RunningPack(pack, task.steps(), build, log)
    except Misconfigured as failure:
        log.event("pack_failed", failure.message, "error", exit_code=int(failure.code), remedy=failure.remedy)
        return TerminationMessage("failed", failure.code, failure.message, failure.remedy)
    try:
        running.work()
    except KeyboardInterrupt:
        running.stopped = True
    message = running.summarize()
    if message.exit_code != ExitCode.OK:
        log.event("pack_failed", message.message, "error", exit_code=message.exit_code, remedy=message.remedy)
    else:
        log.event("pack_succeeded", message.message)
    return message


class _RunningPack:
    def __init__(self, pack: Pack, steps: Sequence[TaskSpec], build: Build, log: EventLog) -> None:
        self._pack, self._steps, self._build, self._log = pack, steps, build, log
        self._ended: dict[str, TerminationMessage] = {}
        self._done: set[str] = set()
        self._again = False
        self.stopped = False

    def work(self) -> None:
        self._done = _find_done(self._steps)
        self._again = len(self._done) == len(self._steps)
        if self._again:
            self._done = set()
        for step in self._steps:
            if step.step in self._done:
                self._log.event("step_skipped", f"{step.step} has succeeded in this run already", step=step.step)
        pinned = False
        for step in self._steps:
            if step.step in self._done:
                continue
            # What the warehouse needs of the run's other steps, it has from the first that has pinned the run.
            ended = self._attempt(step.model_copy(update={"others": {}}) if pinned else step)
            self._ended[step.step] = ended
            pinned = pinned or ended.exit_code == ExitCode.OK
            self.stopped = is_stopping()
            away = ended.exit_code == ExitCode.WAREHOUSE_UNAVAILABLE and not _is_reachable()
            if self.stopped or away:
                return

    def _attempt(self, step: TaskSpec) -> TerminationMessage:
        try:
            with time_limit(self._pack.step_seconds):
                return Attempt(step, self._build).run()
        except TimedOut:
            late = TimeLimitExceeded()
            self._log.event("step_failed", late.message, "error", step=step.step, exit_code=int(late.code))
            return TerminationMessage("failed", late.code, late.message, late.remedy)

    def summarize(self) -> TerminationMessage:
        failed = {name: ended for name, ended in self._ended.items() if ended.exit_code != ExitCode.OK}
        open_ = [step.step for step in self._steps if step.step not in self._ended and step.step not in self._done]
        count = len(self._steps)
        if not failed and not open_:
            loaded = f"all {count} sources are loaded"
            unchanged = all(ended.status == "unchanged" for ended in self._ended.values())
            return TerminationMessage("unchanged" if unchanged else "succeeded", message=loaded, again=self._again)
        parts = [f"{len(failed)} of {count} sources failed: {_list(failed)}"] if failed else []
        parts += [f"not started: {_list(open_)}"] if open_ else []
        if self.stopped:
            parts.insert(0, "stopped from outside")
        lines = ["; ".join(parts), *(f"{name}: {ended.message}" for name, ended in failed.items())]
        hints = {ended.remedy: name for name, ended in reversed(failed.items()) if ended.remedy}
        remedy = "\n".join(hints) if len(hints) == 1 else "\n".join(f"{name}: {hint}" for hint, name in hints.items())
        sources = tuple(Failed("source", name, message=ended.message) for name, ended in failed.items())
        return TerminationMessage("failed", self._exit_code(failed.values()), "\n".join(lines), remedy, failed=sources)

    def _exit_code(self, failed: Iterable[TerminationMessage]) -> int:
        """Return the code of the task: one that is retried, if there is such; else that of the first failure."""
        codes = [ended.exit_code for ended in failed]
        if self.stopped or not codes:
            return ExitCode.TERMINATED
        return next((code for code in codes if code in self._pack.retryable_exit_codes), codes[0])


def _list(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:_NAMED]) + (f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else "")


def _find_done(steps: Sequence[TaskSpec]) -> set[str]:
    """Return the steps that have succeeded in this run; none if the warehouse does not answer, which a step reports."""
    first = steps[0]
    try:
        with connect(f"medallion {first.pipeline} pack") as connection:
            ledger.ensure(connection)
            return ledger.find_done(connection, first.pipeline, first.run_id, [one.step for one in steps], first.needs)
    except StepFailure:
        return set()


def _is_reachable() -> bool:
    try:
        with connect("medallion pack"):
            return True
    except StepFailure:
        return False
