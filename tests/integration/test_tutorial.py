"""The tutorial as it is written: every command of docs/tutorial.md, from a release's folder to a tested table."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers import REPO

PAGE = (REPO / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

OURS = ("MEDALLION_", "PG", "MAKE", "MFLAGS", "PIPELINE", "K8S", "CLUSTER", "TAG")
"""Variables of this checkout's Makefile and tests, which a newcomer does not have."""


def test_the_tutorial_has_at_most_ten_commands():
    assert 0 < len(BLOCKS) <= 10


@pytest.mark.slow
def test_the_tutorial_ends_with_a_tested_gold_table(tmp_path: Path):
    platform, here = tmp_path / "platform", tmp_path / "here"
    here.mkdir()
    uv = Path(sys.executable).parent / "uv"
    build = [uv, "build", "-q", "--wheel", "--python", sys.executable, "--out-dir", platform, REPO]
    subprocess.run(build, check=True, timeout=300)
    shutil.copy(REPO / "requirements" / "run.txt", platform / "requirements.txt")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    variables |= {"MEDALLION_PLATFORM": str(platform), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", "\n".join(BLOCKS)]
    done = subprocess.run(command, cwd=here, env=variables, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["DE", "2", "1265.00"] in rows
    assert ["FR", "1", "99.90"] in rows
    assert ["IT", "1", "420.50"] in rows
    rejected = [row for row in rows if row and row[0] in ("5", "6")]
    assert len(rejected) == 2, done.stdout[-3000:]
