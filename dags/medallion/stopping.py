"""SIGTERM, from a command's first moment to its last."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from medallion.failures import ExitCode


def obey() -> None:
    """Lets SIGTERM raise KeyboardInterrupt, on which dbt cancels its queries.

    As process 1 of a pod Python would ignore it, and work on until it is killed.
    """
    signal.signal(signal.SIGTERM, _interrupt)


def stoppable(command: Callable[[list[str]], int]) -> int:
    """Runs a command with the process's arguments; it can be stopped while it still imports what it needs.

    Returns:
        Its exit code; `ExitCode.TERMINATED` when it was stopped before its step began.
    """
    obey()
    try:
        return command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("stopped from outside before the step began\n")
        return ExitCode.TERMINATED


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
