"""Tenants' limits: what a runner file says of them, and Airflow's pools in step with it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medallion.orchestrators.pool_sync import follow
from medallion.orchestrators.pools import limits
from runner_folder import schedule, write

TWO = schedule("a", "acme/orders") + schedule("b", "globex/returns")


def test_a_tenant_has_the_files_limit_or_its_own(tmp_path: Path):
    settings = "    concurrency_per_tenant: 2\n    tenants: {globex: {concurrency: 5}}\n"
    assert limits(write(tmp_path, TWO, "acme/orders", "globex/returns", settings=settings)) == {"acme": 2, "globex": 5}


def test_without_a_limit_one_step_runs_at_a_time(tmp_path: Path):
    assert limits(write(tmp_path, TWO, "acme/orders", "globex/returns")) == {"acme": 1, "globex": 1}


def test_a_limit_that_cannot_be_read_is_one(tmp_path: Path):
    settings = "    concurrency_per_tenant: plenty\n"
    assert limits(write(tmp_path, TWO, "acme/orders", "globex/returns", settings=settings)) == {"acme": 1, "globex": 1}


def test_of_two_files_that_limit_one_tenant_the_smaller_counts(tmp_path: Path):
    dags = write(tmp_path, TWO, "acme/orders", "globex/returns", settings="    concurrency_per_tenant: 4\n")
    other = schedule("c", "acme/orders")
    (dags / "runner_more.yaml").write_text(
        f"runner:\n  orchestrator:\n    concurrency_per_tenant: 3\n    schedules:\n{other}"
    )
    assert limits(dags) == {"acme": 3, "globex": 4}


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command `airflow` that notes what it is asked to import: a line of JSON for each call."""
    notes = tmp_path / "imported"
    command = tmp_path / "bin" / "airflow"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ntest "$1 $2" = "pools import" && {{ cat "$3"; echo; }} >> {notes}\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    return notes


class Looks(threading.Event):
    """Stops after some looks, and does something between them."""

    def __init__(self, *between) -> None:
        super().__init__()
        self.between = list(between)

    def wait(self, timeout: float | None = None) -> bool:
        if not self.between:
            return True
        self.between.pop(0)()
        return False


def test_the_pod_is_ready_while_the_pools_are_in_step(tmp_path: Path, airflow: Path):
    dags, ready = write(tmp_path / "dags", TWO, "acme/orders", "globex/returns"), tmp_path / "ready"
    seen: list[bool] = []

    def look() -> None:
        seen.append(ready.exists())

    def take_away() -> None:
        look()
        dags.rename(tmp_path / "away")

    def put_back() -> None:
        look()
        (tmp_path / "away").rename(dags)

    follow(dags, 0, Looks(take_away, put_back, look), ready)
    assert seen == [True, False, True]


def test_the_pod_is_not_ready_while_airflow_takes_no_pools(tmp_path: Path, airflow: Path):
    dags, ready = write(tmp_path / "dags", TWO, "acme/orders", "globex/returns"), tmp_path / "ready"
    (tmp_path / "bin" / "airflow").write_text("#!/bin/sh\nexit 1\n")
    follow(dags, 0, Looks(lambda: None), ready)
    assert not ready.exists()


def test_pools_are_written_when_the_file_changes_and_only_then(tmp_path: Path, airflow: Path):
    dags = write(tmp_path / "dags", TWO, "acme/orders", "globex/returns")

    def more() -> None:
        write(dags, TWO, settings="    concurrency_per_tenant: 7\n")

    follow(dags, 0, Looks(lambda: None, more, lambda: None))
    written = [json.loads(line) for line in airflow.read_text().splitlines()]
    assert [{name: pool["slots"] for name, pool in one.items()} for one in written] == [
        {"tenant-acme": 1, "tenant-globex": 1},
        {"tenant-acme": 7, "tenant-globex": 7},
    ]


def test_waiting_for_a_change_imports_nothing_of_airflow():
    code = "import sys, medallion.orchestrators.pool_sync; print([name for name in sys.modules if name.startswith('airflow')])"
    repo = Path(__file__).resolve().parents[2]
    variables = {**os.environ, "PYTHONPATH": str(repo / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"
