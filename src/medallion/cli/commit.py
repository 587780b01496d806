"""The code version that goes to the ledger and to every pod."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_CHANGED = "+changes"
_DESCRIBE = ("describe", "--always", "--abbrev=40", f"--dirty={_CHANGED}", "--exclude=*")
_UNTRACKED = ("ls-files", "--others", "--exclude-standard", "--", ".")


def current_commit(dags: Path) -> str:
    """Return the commit of the repository that a DAG folder is in, `+changes` if it has any; else `unknown`.

    Args:
        dags: The DAG folder. What it holds is run, so its repository counts, and not the one of this package.
    """
    if given := os.environ.get("MEDALLION_COMMIT"):
        return given
    try:
        commit = _git(dags, *_DESCRIBE)
        if not commit.endswith(_CHANGED) and _git(dags, *_UNTRACKED):
            return commit + _CHANGED
        return commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    # In a git hook GIT_DIR names that hook's repository, whatever the folder.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder.resolve()), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10, env=variables)
    return done.stdout.strip()
