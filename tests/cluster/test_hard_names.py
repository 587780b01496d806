"""Names at their limits and contracts over 128 KiB, on a real cluster: what lint accepts, runs."""

from __future__ import annotations

import random
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import REPO, Airflow, Cluster, push

NAME = "trail_"
SOURCES = ("s" * 58, "wide")
pytestmark = pytest.mark.slow_cluster


@pytest.fixture(scope="module")
def pushed(airflow: Airflow, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pipeline with such names and contracts, added by a push, and its finished run."""
    chance = random.Random(25)
    codes = ["".join(chance.choices(string.ascii_letters, k=15)) for _ in range(12_000)]
    dags, landing = checkout / "dags", tmp_path_factory.mktemp("landing")
    files = [dags / "pipelines" / f"{NAME}.yaml"]
    listed = ""
    for number, source in enumerate(SOURCES):
        contract = f"hard{number}"
        files.append(dags / "contracts" / f"{contract}.yaml")
        fields = f"fields:\n  - name: code\n    constraints: {{enum: [{', '.join(codes)}]}}\n"
        files[-1].write_text(f"name: {contract}\ntable: raw.{contract}\n{fields}")
        (landing / f"{contract}.csv").write_text(f"code\n{codes[number]}\n")
        subprocess.run([REPO / "k8s" / "upload.sh", landing / f"{contract}.csv"], check=True, timeout=120)
        listed += f"  - {{name: {source}, path: {contract}.csv, contract: {contract}}}\n"
    files[0].write_text(f"name: {NAME}\nowner: me\nsources:\n{listed}")
    push(checkout, "Hard names")
    airflow.appears(NAME)
    yield airflow.trigger(NAME)
    for file in files:
        file.unlink()
    push(checkout, "No hard names")


def test_names_at_their_limits_and_long_contracts_run(pushed: str, airflow: Airflow, cluster: Cluster):
    assert airflow.finished(NAME, pushed) == "success"
    rows = cluster.sql(
        f"select step, status, rows_loaded from medallion.step_runs where run_id = '{pushed}' order by step"
    )
    assert rows == [{"step": f"clean.{source}", "status": "succeeded", "rows_loaded": 1} for source in sorted(SOURCES)]
    stored = cluster.sql(f"select count(*) as specs from medallion.specs where pipeline = '{NAME}'")
    assert stored == [{"specs": len(SOURCES)}]
