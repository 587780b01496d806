"""SIGTERM, from a command's first moment to its last, and the time limit of a part of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from medallion.errors import ExitCode


class Stopped(KeyboardInterrupt):
    """SIGTERM has come. On any KeyboardInterrupt dbt cancels its queries.

    It is a class of its own for the sake of the exit code: when KeyboardInterrupt itself goes through code that was
    made from a string, as that of dataclasses is at their import, Python ends with 130 although it was caught
    (`run_eval_code_obj` in CPython's `pythonrun.c` looks for that very class).
    """


class TimedOut(KeyboardInterrupt):
    """A part of the command took longer than it may. What listens to SIGTERM listens to it too."""


_stopping = False


def is_stopping() -> bool:
    """Return whether SIGTERM has come, also where what it interrupted had ended already."""
    return _stopping


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise `TimedOut` in the main thread if what is inside takes longer."""
    signal.signal(signal.SIGALRM, _time_out)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def install_sigterm_handler() -> None:
    """Make the first SIGTERM raise `Stopped`.

    As process 1 of a pod Python would ignore it, and work on until it is killed.
    """
    global _stopping
    _stopping = False
    signal.signal(signal.SIGTERM, _stop)


def run_main(command: Callable[[list[str]], int]) -> NoReturn:
    """Run a command with the process's arguments, and end the process with the exit code that it returns.

    It can be stopped while it still imports what it needs: then the exit code is `ExitCode.TERMINATED`.
    """
    install_sigterm_handler()
    try:
        code = command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("stopped from outside before the step began\n")
        code = ExitCode.TERMINATED
    sys.exit(code)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    global _stopping
    _stopping = True
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: a second one would end the end
    raise Stopped


def _time_out(_signal: int, _frame: FrameType | None) -> None:
    raise TimedOut
