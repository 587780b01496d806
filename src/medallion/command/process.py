"""The command as a process of this machine: what a container does, without the container."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from medallion.command.output import Output
from medallion.command.run import GRACE_SECONDS, NOT_EXECUTABLE, NOT_FOUND, Start

_DRAIN_SECONDS = 5.0
"""For the rest of the output, once the command and what it started have ended."""


def starter(warehouse: bool) -> Start:
    """Return what starts a command with this process's variables.

    Args:
        warehouse: Whether it gets the warehouse's login too.
    """
    left_out = ("MEDALLION_",) if warehouse else ("MEDALLION_", "PG")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return lambda command, variables, on_line: Process(command, {**inherited, **variables}, on_line)


class Process:
    """A command that was started in a process group of its own.

    Args:
        command: The program and its arguments.
        variables: All of its variables.
        on_line: Called for each line of its output.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None]) -> None:
        self._output, self._refused = Output(on_line), 0
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._refused = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            self._output.add(f"{command[0]}: {error.strerror}")
            return
        self._reader = threading.Thread(target=self._output.read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def last_line(self) -> str:
        """The last line that is not empty."""
        return self._output.last_line

    def wait(self, seconds: float) -> int | None:
        """Return its exit code, or None if it still runs after that time."""
        if self._process is None:
            return self._refused
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._signal(signal.SIGKILL)  # what it left in the background: with a container, that would end too
        self._reader.join(_DRAIN_SECONDS)
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """End it: with SIGTERM, and after a while with SIGKILL."""
        self._signal(signal.SIGTERM)
        if self.wait(GRACE_SECONDS) is None:
            self._signal(signal.SIGKILL)
            self.wait(GRACE_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
