"""One step as one process: what a pod does, without the pod."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from medallion.failures import ExitCode
from medallion.plan import Image, Step

MODULES: Mapping[Image, str] = {"cleaner": "medallion_cleaner", "dbt": "medallion_dbt"}
"""The command of each image, as its Dockerfile's ENTRYPOINT names it too."""

OnEvent = Callable[[Mapping[str, Any]], None]


class StepProcess:
    """Runs a step's command and hands on its events."""

    def __init__(self, step: Step, environment: Mapping[str, str], on_event: OnEvent) -> None:
        self._step, self._environment, self._on_event = step, environment, on_event
        self._process: subprocess.Popen[str] | None = None
        self.timed_out = False

    def run(self) -> int:
        """Waits for the command to end, at most the step's own timeout.

        Returns:
            Its exit code; `ExitCode.TERMINATED` when it was stopped by a signal.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULES[self._step.image], *self._step.args],
            env={**os.environ, **self._environment, **self._step.env, "MEDALLION_LOG_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A Ctrl-C at the terminal reaches this process, which stops the step in order.
            start_new_session=True,
        )
        timer = threading.Timer(self._step.timeout_seconds, self._time_out)
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
        """Asks the command to stop; it rolls back and lets go of its locks."""
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
