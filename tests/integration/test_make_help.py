"""`make help`: a heading, then one line for each target."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def test_make_help_lists_targets_under_headings():
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = [re.sub(r"\x1b\[\d*m", "", line) for line in done.stdout.splitlines()]
    assert "help" not in {line.split()[0] for line in lines if line.startswith("  ")}
    assert [line for line in lines if not line.startswith("  ")] == [
        *("", "On this machine, without a cluster"),
        *("", "For those who change Medallion"),
        *("", "On Kubernetes (kind)"),
        *("", "Looking inside"),
    ]
