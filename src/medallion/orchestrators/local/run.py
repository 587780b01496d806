"""A whole plan on this machine: tasks start as soon as what they need has succeeded."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from medallion.errors import ExitCode
from medallion.orchestrators.local.process import TaskProcess
from medallion.orchestrators.local.step_ends import StepEnds
from medallion.plan import Plan
from medallion.steps import Step
from medallion.tasks import Task

MAX_WAIT_SECONDS = 5.0
"""A person is waiting: a retry on a laptop waits no longer than this, whatever the pipeline says."""


@dataclass(frozen=True)
class StepEvent:
    """An event that a step logged, or that happened to it."""

    step: Step
    event_type: str
    fields: Mapping[str, Any]


OnStepEvent = Callable[[StepEvent], None]


def run_plan(plan: Plan, environment: Mapping[str, str], on_event: OnStepEvent) -> dict[str, int]:
    """Run the tasks of a plan as processes.

    Args:
        plan: What to run.
        environment: The warehouse, as libpq's environment; added to this process's own.
        on_event: Called for every event, from the threads that follow the steps.

    Returns:
        The exit code of every step that was started. A step whose predecessor failed is not started.
    """
    return _Run(plan, environment, on_event).finish()


class _Run:
    def __init__(self, plan: Plan, environment: Mapping[str, str], on_event: OnStepEvent) -> None:
        self._plan = plan
        self._tasks = {task.name: task for task in plan.tasks}
        self._parallel = min(plan.pipeline.max_active_tasks, os.cpu_count() or 1)
        self._environment, self._on_event = environment, on_event
        self._stopping = threading.Event()
        self._running: dict[str, TaskProcess] = {}

    def finish(self) -> dict[str, int]:
        task_of = {step.name: task.name for task in self._tasks.values() for step in task.steps}
        order = TopologicalSorter({name: {task_of[need] for need in task.needs} for name, task in self._tasks.items()})
        order.prepare()
        codes: dict[str, int] = {}
        with ThreadPoolExecutor(self._parallel) as pool:
            futures: dict[Future[StepEnds], str] = {}
            try:
                while order.is_active():
                    for name in order.get_ready():
                        futures[pool.submit(self._attempts, self._tasks[name])] = name
                    if not futures:
                        break  # what is left needs a step that failed
                    ended, _ = wait(futures, return_when=FIRST_COMPLETED)
                    for future in ended:
                        name, ends = futures.pop(future), future.result()
                        codes |= ends.codes
                        if ends.code == ExitCode.OK:
                            order.done(name)
            except KeyboardInterrupt:
                self._stop()
                raise
        return codes

    def _attempts(self, task: Task) -> StepEnds:
        ends = StepEnds(task)
        for attempt in range(1, task.retry.max_retries + 2):
            ends.finish(self._attempt(task, attempt, ends))
            last = attempt > task.retry.max_retries or not task.retry.is_retryable(ends.code)
            if ends.code == ExitCode.OK or last or self._stopping.is_set():
                break
            pause = min(task.retry.delay(attempt), MAX_WAIT_SECONDS)
            for step in ends.failed:
                self._say(step, "step_retried", attempt=attempt, exit_code=ends.codes[step.name], wait_seconds=pause)
            if self._stopping.wait(pause):
                break
        for step in ends.failed if task.is_pack else task.steps:
            self._say(step, "step_ended", exit_code=ends.codes[step.name])
        return ends

    def _attempt(self, task: Task, attempt: int, ends: StepEnds) -> int:
        process = TaskProcess(
            task, self._plan.document(task), self._environment, lambda event: self._hand_on(event, ends)
        )
        self._running[task.name] = process
        if self._stopping.is_set():
            return int(ExitCode.TERMINATED)
        self._say(task.first, "attempt_started", attempt=attempt)
        code = process.run()
        if process.timed_out:
            self._say(ends.current, "step_timed_out", message=f"stopped after {task.timeout_seconds} s")
        return code

    def _stop(self) -> None:
        self._stopping.set()
        for process in list(self._running.values()):
            process.stop()

    def _hand_on(self, event: Mapping[str, Any], ends: StepEnds) -> None:
        kind = str(event.get("event_type", "output"))
        if kind.startswith("pack_"):
            return  # its steps have reported it
        succeeded = ends.read(event)
        self._on_event(StepEvent(ends.current, kind, event))
        if succeeded:
            self._say(ends.current, "step_ended", exit_code=int(ExitCode.OK))

    def _say(self, step: Step, event_type: str, **fields: Any) -> None:
        self._on_event(StepEvent(step, event_type, fields))
