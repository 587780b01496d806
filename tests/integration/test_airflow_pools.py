"""Tenants' pools, as Airflow itself takes them from the DAG folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medallion.orchestrators.pool_sync import pools
from runner_folder import schedule, write

TWO = schedule("a", "acme/orders") + schedule("b", "globex/returns")


@pytest.mark.skipif(not Path(sys.executable).with_name("airflow").exists(), reason="Airflow is not installed")
def test_airflow_itself_takes_the_pools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    subprocess.run(["airflow", "db", "migrate"], capture_output=True, check=True, timeout=300)
    dags = write(tmp_path / "dags", TWO, "acme/orders", "globex/returns", settings="    concurrency_per_tenant: 3\n")
    assert pools(dags)
    repo = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "medallion.orchestrators.pool_sync", "--once", "--dags", str(dags)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(repo / "src")}, check=True, timeout=300)
    listed = subprocess.run(
        ["airflow", "pools", "list", "-o", "json"], capture_output=True, text=True, check=True, timeout=300
    )
    known = {pool["pool"]: pool["slots"] for pool in json.loads(listed.stdout[listed.stdout.index("[") :])}
    assert known["tenant-acme"] == known["tenant-globex"] == "3"
