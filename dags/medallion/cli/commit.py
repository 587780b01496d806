"""The code version that goes to the ledger and to every pod."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from medallion import __version__


def current_commit() -> str:
    """The commit of this checkout, `+changes` if it has any; the version where there is no git."""
    if given := os.environ.get("MEDALLION_COMMIT"):
        return given
    here = Path(__file__).parent
    try:
        git = [
            "git",
            "-C",
            str(here),
            "describe",
            "--always",
            "--abbrev=40",
            "--dirty=+changes",
            "--exclude=*",
        ]
        return subprocess.run(git, check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"v{__version__}"
