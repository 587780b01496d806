"""How each step of a task's process ended: a pack reports it by events, and the process has one exit code only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medallion.errors import ExitCode
from medallion.steps import Step
from medallion.tasks import Task


class StepEnds:
    """The exit codes of a task's steps, over all of its attempts.

    Attributes:
        code: Of the process itself.
        codes: Of the steps that were started, by name.
        current: The step that the last event was about.
    """

    def __init__(self, task: Task) -> None:
        self._task, self._steps = task, {step.name: step for step in task.steps}
        self._open: set[str] = set()
        self.code = int(ExitCode.INTERNAL)
        self.codes: dict[str, int] = {}
        self.current = task.first

    @property
    def failed(self) -> list[Step]:
        """The steps that were started and have not succeeded."""
        return [self._steps[name] for name, code in self.codes.items() if code != ExitCode.OK]

    def read(self, event: Mapping[str, Any]) -> bool:
        """Read an event of the process. Return whether a step of a pack has succeeded, while the process goes on."""
        self.current = self._steps.get(str(event.get("step")), self.current)
        name, kind = self.current.name, event.get("event_type")
        if kind == "step_started":
            self._open.add(name)
        elif kind in ("step_succeeded", "step_skipped"):
            self._end(name, ExitCode.OK)
            return self._task.is_pack
        elif kind == "step_failed":
            self._end(name, event["exit_code"])
        return False

    def finish(self, code: int) -> None:
        """Record the exit code of the process: it is that of the steps whose end it has not reported."""
        self.code = code
        if not self._task.is_pack or not self.codes:
            self._open.add(self._task.first.name)
        for name in tuple(self._open):
            self._end(name, code)

    def _end(self, name: str, code: int) -> None:
        self.codes[name] = int(code)
        self._open.discard(name)
