"""How a task reaches its step: as a file, or, in a pod, in variables of its environment.

Linux takes no variable and no argument over 128 KiB, and Kubernetes no pod over about 1.5 MiB. So the task is
compressed and cut into several variables. Base64 has no `$`, which Kubernetes would expand, and no `{{`.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import gzip
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from medallion.errors import ExitCode, Misconfigured
from medallion.protocol.task import TaskSpec, parse_task

VARIABLE = "MEDALLION_TASK_"
"""The beginning of each variable's name; numbers from 0 follow."""
MAX_BYTES = 1_000_000
"""Of all the variables together; a laptop's file has no limit."""
_CHUNK = 96 * 1024


def encode(task: TaskSpec) -> str:
    """Return the compressed task; the same task always gives the same text."""
    return base64.b64encode(gzip.compress(task.to_json().encode(), mtime=0)).decode()


def environment(task: TaskSpec) -> dict[str, str]:
    """Return the variables that hand a task to a pod.

    Where the contents of the run's other tasks do not fit too, they are left out: if a push then changes a step that
    the warehouse has never seen, the run fails and does not mix two commits.

    Raises:
        Misconfigured: The task alone has more than `MAX_BYTES`.
    """
    text = encode(task)
    if len(text) > MAX_BYTES:
        own = task.pack.steps if task.pack else ()
        text = encode(task.model_copy(update={"others": {name: task.others[name] for name in own}}))
    if len(text) > MAX_BYTES:
        what = f"step {task.step}" if task.pack is None else f"the pod of {task.step} and {len(task.pack.steps)} more"
        raise Misconfigured(
            f"{what} has {len(text):,} bytes of compressed instructions, a pod can be given {MAX_BYTES:,}",
            "shorten the contract, such as its `enum`, or split the source"
            if task.pack is None
            else "lower `sources_per_pod`, or shorten the contracts, such as an `enum`",
        )
    return {f"{VARIABLE}{place // _CHUNK}": text[place : place + _CHUNK] for place in range(0, len(text), _CHUNK)}


def received(arguments: list[str], prog: str, variables: Mapping[str, str] = os.environ) -> TaskSpec:
    """Return the task of this process.

    Args:
        arguments: The command's arguments: `--file task.json`, or none.
        prog: The command's name.
        variables: Where the task is without a file.

    Raises:
        Misconfigured: There is no task, or it cannot be read.
    """
    parser = _Parser(prog=prog, description="Runs one step of a run, as its task says.")
    parser.add_argument("--file", type=Path, help="the task as JSON; without it, it is in MEDALLION_TASK_0 and so on")
    file = parser.parse_args(arguments).file
    if file is None:
        return parse_task(_decoded(variables), f"{VARIABLE}0")
    try:
        return parse_task(json.loads(file.read_text(encoding="utf-8")), str(file))
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}", "name the task's file") from error
    except ValueError as error:
        raise Misconfigured(f"{file} is not JSON: {error}", "write the task as JSON") from error


def _decoded(variables: Mapping[str, str]) -> Any:
    chunks: list[str] = []
    while (chunk := variables.get(f"{VARIABLE}{len(chunks)}")) is not None:
        chunks.append(chunk)
    if not chunks:
        raise Misconfigured(f"there is no task: {VARIABLE}0 is not set", "give `--file task.json`")
    try:
        return json.loads(gzip.decompress(base64.b64decode("".join(chunks), validate=True)))
    except (binascii.Error, EOFError, OSError, ValueError) as error:
        raise Misconfigured(f"the task in {VARIABLE}0 … cannot be read: {error}", "give it whole") from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the call and end the process."""
        self.print_usage(sys.stderr)
        self.exit(ExitCode.USAGE, f"{self.prog}: {message}\n")
