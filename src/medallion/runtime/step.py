"""The process of a task: read the task, do its step or the steps of its pack, report how it ended, exit."""

from __future__ import annotations

import os
from pathlib import Path

from medallion.errors import StepFailure
from medallion.protocol.task import TaskSpec
from medallion.protocol.termination_message import TerminationMessage
from medallion.protocol.wire import received
from medallion.runtime import signals
from medallion.runtime.attempt import Attempt, Build
from medallion.runtime.log import EventLog
from medallion.runtime.pack import run_pack
from medallion.warehouse.connection import enable_keepalives

TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows what is written here as the container's termination message."""


def main(arguments: list[str], prog: str, build: Build) -> int:
    """Run the step whose task this process was given.

    Args:
        arguments: The command's arguments.
        prog: The command's name.
        build: Makes the work of the task, or of the one that the run is pinned to.

    Returns:
        The process's exit code.
    """
    try:
        task = received(arguments, prog)
    except StepFailure as failure:
        EventLog().event("step_failed", failure.message, "error", exit_code=int(failure.code), remedy=failure.remedy)
        return _exit(TerminationMessage("failed", failure.code, failure.message, failure.remedy))
    return run_step(task, build)


def run_step(task: TaskSpec, build: Build) -> int:
    """Run a task's step, or the steps of its pack: whatever happens becomes ledger rows, a log and an exit code.

    Args:
        task: Which step of which run this is, and what it does.
        build: Makes the work, which calls `Session.record` in its last transaction.

    Returns:
        The process's exit code; never raises.
    """
    signals.install_sigterm_handler()
    enable_keepalives()
    return _exit(Attempt(task, build).run() if task.pack is None else run_pack(task, task.pack, build))


def _exit(message: TerminationMessage) -> int:
    if os.environ.get("KUBERNETES_SERVICE_HOST") and TERMINATION_LOG.exists():
        TERMINATION_LOG.write_text(message.to_json(), encoding="utf-8")
    return message.exit_code
