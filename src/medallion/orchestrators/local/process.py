"""One task as one process: what a pod does, without the pod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medallion.errors import ExitCode
from medallion.protocol.task import TaskSpec
from medallion.tasks import Task

OnEvent = Callable[[Mapping[str, Any]], None]


class TaskProcess:
    """Runs a task's command on its document and hands on its events.

    Args:
        task: The task: its command and its limits.
        document: What it does.
        environment: Added to this process's own.
        on_event: Called for each event.
    """

    def __init__(self, task: Task, document: TaskSpec, environment: Mapping[str, str], on_event: OnEvent) -> None:
        self._task, self._document, self._environment, self._on_event = task, document, environment, on_event
        self._process: subprocess.Popen[str] | None = None
        self.timed_out = False

    def run(self) -> int:
        """Wait for the command to end, at most the task's own timeout.

        Returns:
            Its exit code; `ExitCode.TERMINATED` when it was stopped by a signal.
        """
        with tempfile.TemporaryDirectory(prefix="medallion-") as folder:
            file = Path(folder) / "task.json"
            file.write_text(self._document.to_json(), encoding="utf-8")
            return self._run(file)

    def _run(self, file: Path) -> int:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._task.module, "--file", str(file)],
            env={**os.environ, **self._environment, "MEDALLION_LOG_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A Ctrl-C at the terminal reaches this process, which stops the step in order.
            start_new_session=True,
        )
        timer = threading.Timer(self._task.timeout_seconds, self._time_out)
        timer.start()
        try:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._on_event(_event(line))
            code = self._process.wait()
        finally:
            timer.cancel()
        return code if code >= 0 else int(ExitCode.TERMINATED)

    def stop(self) -> None:
        """Ask the command to stop; it rolls back and lets go of its locks."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _time_out(self) -> None:
        self.timed_out = True
        self.stop()


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) else {"event_type": "output", "message": line.rstrip()}
