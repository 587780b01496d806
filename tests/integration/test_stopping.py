"""SIGTERM before a command's step began."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion.errors import ExitCode
from medallion.runtime.signals import run_main


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_command_that_is_stopped_before_its_step_began_says_so(capsys: pytest.CaptureFixture[str]):
    def importing(_: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return ExitCode.OK

    assert run_main(importing) == ExitCode.TERMINATED
    assert "before the step began" in capsys.readouterr().err


def test_unstopped_command_keeps_its_own_exit_code():
    assert run_main(lambda _: int(ExitCode.USAGE)) == ExitCode.USAGE


def test_command_stopped_in_an_import_ends_with_its_code(tmp_path: Path):
    # Dataclasses are made by code from a string; `-m` is how the images start their command.
    (tmp_path / "stopped.py").write_text(
        "import os, signal, sys\n"
        "from medallion.runtime.signals import run_main\n"
        "sys.exit(run_main(lambda _: exec('os.kill(os.getpid(), signal.SIGTERM)')))\n"
    )
    done = subprocess.run([sys.executable, "-m", "stopped"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (ExitCode.TERMINATED, "stopped from outside before the step began\n")
