"""Ten tenants with ten jobs each in Airflow's own database, under its own scheduler: limits, and one bad schedule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bundles import TEAM_BUNDLE, bundle_settings
from runner_folder import schedule, write

TENANTS, JOBS = 10, 10
pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")


DAGS_AND_ERRORS = """
import json
from airflow.models.dag import DagModel
from airflow.models.errors import ParseImportError
from airflow.utils.session import create_session
from sqlalchemy import select
with create_session() as session:
    stopped = [dag.dag_id for dag in session.scalars(select(DagModel)) if dag.is_stale or dag.has_import_errors]
    errors = {error.filename: error.stacktrace for error in session.scalars(select(ParseImportError))}
print("ANSWER" + json.dumps([stopped, errors]))
"""


@dataclass(frozen=True)
class Deployment:
    """Airflow's home, the DAG folder, and the end of its runner file."""

    home: Path
    dags: Path
    entries: str


def airflow(home: Path, dags: Path, *words: str, bundle: str = TEAM_BUNDLE) -> str:
    """Runs Python or Airflow with a database of its own."""
    variables = {
        **os.environ,
        **bundle_settings(home, dags, bundle),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "64",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, capture_output=True, text=True, env=variables, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def most_at_once(tasks: list[dict[str, Any]]) -> int:
    """The largest number of tasks that were running at one time."""
    changes = sorted([(task["start"], 1) for task in tasks] + [(task["end"], -1) for task in tasks])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A runner file with ten tenants, its pools and its DAGs in a database of Airflow."""
    folder = tmp_path_factory.mktemp("airflow")
    jobs = [f"tenant{tenant}/job{tenant}{number}" for tenant in range(TENANTS) for number in range(JOBS)]
    entries = "".join(schedule(job.split("/")[1], job, 'cron: "@yearly", enabled: false') for job in jobs)
    settings = "    concurrency_per_tenant: 1\n    tenants: {tenant3: {concurrency: 3}}\n"
    dags = write(folder / "dags", entries, *jobs, settings=settings)
    airflow(folder, dags, "airflow", "db", "migrate")
    airflow(folder, dags, sys.executable, "-m", "medallion.orchestrators.pool_sync", "--once", "--dags", str(dags))
    airflow(folder, dags, "airflow", "dags", "reserialize")
    return Deployment(folder, dags, entries + settings)


@pytest.fixture(scope="module")
def history(deployment: Deployment) -> list[dict[str, Any]]:
    """What the tasks table says after every job of every tenant was triggered at once."""
    script = Path(__file__).with_name("scheduler_of_tenants.py")
    output = airflow(deployment.home, deployment.dags, sys.executable, str(script))
    (line,) = [line for line in output.splitlines() if line.startswith("HISTORY")]
    found: list[dict[str, Any]] = json.loads(line.removeprefix("HISTORY"))
    return found


def test_every_job_of_every_tenant_runs(history: list[dict[str, Any]]):
    assert len({task["dag"] for task in history}) == TENANTS * JOBS
    assert {task["state"] for task in history} == {"success"}


def test_never_more_of_a_tenants_steps_run_than_its_limit(history: list[dict[str, Any]]):
    pools = defaultdict(list)
    for task in history:
        if task["pool"] != "default_pool":
            pools[task["pool"]].append(task)
    assert {pool: len(tasks) for pool, tasks in pools.items()} == {f"tenant-tenant{n}": JOBS for n in range(TENANTS)}
    most = {pool: most_at_once(tasks) for pool, tasks in pools.items()}
    assert most == {f"tenant-tenant{n}": 3 if n == 3 else 1 for n in range(TENANTS)}


def test_tenants_do_not_wait_for_each_other(history: list[dict[str, Any]]):
    steps = [task for task in history if task["pool"] != "default_pool"]
    assert most_at_once(steps) >= TENANTS / 2, "the scheduler queues 16 tasks at a time at most"


@pytest.mark.parametrize(
    ("bundle", "file", "stopped"),
    [
        (TEAM_BUNDLE, "schedule_errors.py", set()),
        # What would happen with one file for both: this is why there are two.
        (
            "odd_bundles.OneFile",
            "schedules.py",
            {f"job{tenant}{number}" for tenant in range(TENANTS) for number in range(JOBS)},
        ),
    ],
)
def test_an_error_in_a_file_of_its_own_stops_no_dag(deployment: Deployment, bundle: str, file: str, stopped: set[str]):
    dags = deployment.dags
    write(dags, schedule("broken", "tenant0/nothing") + deployment.entries)
    airflow(deployment.home, dags, "airflow", "dags", "reserialize", bundle=bundle)
    output = airflow(deployment.home, dags, sys.executable, "-c", DAGS_AND_ERRORS)
    (line,) = [line for line in output.splitlines() if line.startswith("ANSWER")]
    found, errors = json.loads(line.removeprefix("ANSWER"))
    assert set(found) - {"broken"} == stopped
    assert "no job file" in errors[file]
