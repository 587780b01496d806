"""A whole plan on this machine: steps start as soon as what they need has succeeded."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from medallion.errors import ExitCode
from medallion.orchestrators.local.process import StepProcess
from medallion.plan import Plan
from medallion.steps import Step

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
    """Run the steps of a plan as processes.

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
        self._steps = {step.name: step for step in plan.steps}
        self._parallel = min(plan.pipeline.max_active_tasks, os.cpu_count() or 1)
        self._environment, self._on_event = environment, on_event
        self._stopping = threading.Event()
        self._running: dict[str, StepProcess] = {}

    def finish(self) -> dict[str, int]:
        order = TopologicalSorter({name: step.needs for name, step in self._steps.items()})
        order.prepare()
        codes: dict[str, int] = {}
        with ThreadPoolExecutor(self._parallel) as pool:
            futures: dict[Future[int], str] = {}
            try:
                while order.is_active():
                    for name in order.get_ready():
                        futures[pool.submit(self._attempts, self._steps[name])] = name
                    if not futures:
                        break  # what is left needs a step that failed
                    ended, _ = wait(futures, return_when=FIRST_COMPLETED)
                    for future in ended:
                        name = futures.pop(future)
                        codes[name] = future.result()
                        if codes[name] == ExitCode.OK:
                            order.done(name)
            except KeyboardInterrupt:
                self._stop()
                raise
        return codes

    def _attempts(self, step: Step) -> int:
        for attempt in range(1, step.retry.max_retries + 2):
            code = self._attempt(step, attempt)
            last = attempt > step.retry.max_retries or not step.retry.is_retryable(code)
            if code == ExitCode.OK or last or self._stopping.is_set():
                break
            pause = min(step.retry.delay(attempt), MAX_WAIT_SECONDS)
            self._say(step, "step_retried", attempt=attempt, exit_code=code, wait_seconds=pause)
            if self._stopping.wait(pause):
                break
        self._say(step, "step_ended", exit_code=code)
        return code

    def _attempt(self, step: Step, attempt: int) -> int:
        task = self._plan.task(step.name)
        process = StepProcess(step, task, self._environment, lambda event: self._hand_on(step, event))
        self._running[step.name] = process
        if self._stopping.is_set():
            return int(ExitCode.TERMINATED)
        self._say(step, "attempt_started", attempt=attempt)
        code = process.run()
        if process.timed_out:
            self._say(step, "step_timed_out", message=f"stopped after {step.timeout_seconds} s")
        return code

    def _stop(self) -> None:
        self._stopping.set()
        for process in list(self._running.values()):
            process.stop()

    def _hand_on(self, step: Step, event: Mapping[str, Any]) -> None:
        self._on_event(StepEvent(step, str(event.get("event_type", "output")), event))

    def _say(self, step: Step, event_type: str, **fields: Any) -> None:
        self._on_event(StepEvent(step, event_type, fields))
