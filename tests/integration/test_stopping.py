"""How a command's process ends: with its exit code, and when SIGTERM comes before its step began."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medallion.errors import ExitCode

SAYS_SO = "stopped from outside before the step began\n"


@pytest.mark.parametrize(
    ("body", "code", "output"),
    [
        ("return 64", ExitCode.USAGE, ""),
        ("sys.exit(66)", 66, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", ExitCode.TERMINATED, SAYS_SO),
        # Dataclasses are made by code from a string, and Python then ends with another code of its own.
        ("exec('os.kill(os.getpid(), signal.SIGTERM)')", ExitCode.TERMINATED, SAYS_SO),
    ],
)
def test_command_ends_with_its_code(tmp_path: Path, body: str, code: int, output: str):
    (tmp_path / "command.py").write_text(
        "import os, signal, sys\n"
        "from medallion.runtime.signals import run_main\n"
        f"def main(arguments): print('all is written'); {body}\n"
        "run_main(main)\n"
    )  # as the images start their command: with -m
    done = subprocess.run([sys.executable, "-m", "command"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (code, "all is written\n", output)
