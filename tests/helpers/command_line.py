"""The `medallion` command as a user runs it, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from layers import REPO
from medallion.errors import ExitCode


def medallion(here: Path, *words: object) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    command = [sys.executable, "-m", "medallion.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=here, env=variables, timeout=3600)


def good(here: Path, *words: object) -> str:
    """Run a command that succeeds; return what it prints."""
    done = medallion(here, *words)
    assert done.returncode == ExitCode.OK, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout
