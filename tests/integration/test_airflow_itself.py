"""Ten tenants with ten jobs each in Airflow's own database, and one bad schedule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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
    """Airflow's home, the DAG folder, and the schedules of its runner file."""

    home: Path
    dags: Path
    entries: str


def airflow(home: Path, dags: Path, *words: str, bundle: str = TEAM_BUNDLE) -> str:
    """Runs Python or Airflow with a database of its own."""
    variables = {
        **os.environ,
        **bundle_settings(home, dags, bundle),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, capture_output=True, text=True, env=variables, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A runner file with ten tenants, and its DAGs in a database of Airflow."""
    folder = tmp_path_factory.mktemp("airflow")
    jobs = [f"tenant{tenant}/job{tenant}{number}" for tenant in range(TENANTS) for number in range(JOBS)]
    entries = "".join(schedule(job.split("/")[1], job, 'cron: "@yearly", enabled: false') for job in jobs)
    dags = write(folder / "dags", entries, *jobs)
    airflow(folder, dags, "airflow", "db", "migrate")
    airflow(folder, dags, "airflow", "dags", "reserialize")
    return Deployment(folder, dags, entries)


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
