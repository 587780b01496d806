"""A team's repository and a release, as `make` in their folders reaches them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cluster import REPO
from medallion import __version__

RELEASE = REPO / "release" / f"medallion-{__version__}"
"""What `make release` writes."""


def make(folder: Path, *targets: str, cluster: str, platform: Path = RELEASE) -> str:
    """Run make in a folder, for a kind cluster and a release; returns what it printed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "KUBE_CONTEXT"))}
    variables |= {"CLUSTER": cluster, "MEDALLION_PLATFORM": str(platform), "TAG": ""}
    done = subprocess.run(
        ["make", *targets], cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=1800,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def delete_cluster(name: str) -> None:
    subprocess.run(["kind", "delete", "cluster", "--name", name], capture_output=True, timeout=300)
