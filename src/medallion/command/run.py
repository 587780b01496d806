"""The work of a team's own step: start the command, hold the lock while it runs, and record how it ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from medallion.errors import CommandFailed
from medallion.protocol.result import TaskResult
from medallion.protocol.task import TaskSpec
from medallion.protocol.work import CommandWork
from medallion.runtime.session import Session
from medallion.warehouse import fence

CHECK_SECONDS = 5.0
"""Between two looks at whether this attempt still holds its lock."""
GRACE_SECONDS = 10.0
"""From SIGTERM to SIGKILL. Kubernetes gives a pod 30 s in all."""
NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""What a shell, and so every container, reports of a program that cannot be started."""
_REMEDIES = {
    NOT_EXECUTABLE: "make it executable for the container's user, and build the image for the node's architecture",
    NOT_FOUND: "correct `command`: on Kubernetes the program is in the image, under `medallion run` on this machine",
}


class Running(Protocol):
    """A command that was started."""

    @property
    def last_line(self) -> str:
        """The last line of its output that is not empty."""

    def wait(self, seconds: float) -> int | None:
        """Return its exit code, or None if it still runs after that time. A signal N is the code 128 + N."""

    def stop(self) -> None:
        """End it: with SIGTERM, and after `GRACE_SECONDS` with SIGKILL."""


Start = Callable[[Sequence[str], Mapping[str, str], Callable[[str], None]], Running]
"""Starts a program with its arguments, with variables on top of its surroundings' own; is given each line of output."""


def run_command(work: CommandWork, task: TaskSpec, start: Start, session: Session) -> None:
    """Run the command and record its success.

    Raises:
        CommandFailed: It ended with another exit code than 0.
        WarehouseUnavailable: The warehouse went away, or a later attempt took the lock: the command was stopped.
    """
    variables = {**describe_run(task), **work.env}
    running = start([*work.command, *work.args], variables, lambda line: session.log.event("output", line))
    try:
        while (code := running.wait(CHECK_SECONDS)) is None:
            fence.assert_held(session.connection, session.fence)
    except BaseException:
        running.stop()
        raise
    if code != 0:
        raise CommandFailed(code, _explain(code, running.last_line), _REMEDIES.get(code, "see the output in the log"))
    with session.connection.transaction():
        session.record(TaskResult(exit_code=0, message=f"{work.command[0]} ended with exit code 0"))
    session.clean_up()


def describe_run(task: TaskSpec) -> dict[str, str]:
    """Return the variables that every command gets."""
    return {
        "MEDALLION_PIPELINE": task.pipeline,
        "MEDALLION_RUN_ID": task.run_id,
        "MEDALLION_STEP": task.step,
        "MEDALLION_COMMIT": task.commit,
        "MEDALLION_TENANT": task.tenant or "",
        "MEDALLION_SCHEMA_PREFIX": task.schema_prefix,
    }


def _explain(code: int, last_line: str) -> str:
    killed = f" ({signal.Signals(code - 128).name})" if code - 128 in set(signal.Signals) else ""
    return f"the command ended with exit code {code}{killed}" + (f": {last_line[:300]}" if last_line else "")
