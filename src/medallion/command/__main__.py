"""`python -m medallion.command`: does one task of kind `command`, which runs a team's own command.

In a pod the command runs in a container of its own, whose image needs neither Medallion nor Python.
"""

from __future__ import annotations

import os
from contextlib import nullcontext

from medallion.command.container import Container
from medallion.command.process import starter
from medallion.command.run import Start, run_command
from medallion.errors import Misconfigured
from medallion.protocol.command_folder import FOLDER, IMAGE_VARIABLE
from medallion.protocol.task import TaskSpec
from medallion.protocol.work import CommandWork
from medallion.runtime import step
from medallion.runtime.session import Job
from medallion.runtime.signals import run_main


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    image = os.environ.get(IMAGE_VARIABLE)
    # Opened first and closed last: the command's container ends when this process does, however it ends.
    with Container(FOLDER) if image else nullcontext() as container:
        start = container.start if container else None
        return step.main(arguments, "medallion.command", lambda task: build_job(task, start, image))


def build_job(task: TaskSpec, start: Start | None = None, image: str | None = None) -> Job:
    """Return the work that a task asks for.

    Args:
        task: The task.
        start: Starts the command; by default as a process of this machine.
        image: The image of the command's container, in a pod.

    Raises:
        Misconfigured: It is another module's work, or the run is pinned to a commit with another image.
    """
    work = task.work
    if not isinstance(work, CommandWork):
        raise Misconfigured(f"`medallion.command` does no work of kind {work.kind!r}", "use the module of that kind")
    if image is not None and image != work.image:
        raise Misconfigured(
            f"run {task.run_id} began with commit {task.commit}, in which the image of step {task.step} is "
            f"{work.image}; this pod has {image}",
            "start a new run: it takes all of its steps from the newer commit",
        )
    start = start or starter(work.warehouse)
    return Job(lambda session: run_command(work, task, start, session), f"command:{task.pipeline}.{task.step}")


if __name__ == "__main__":
    run_main(main)
