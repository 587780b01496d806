"""A full DAG folder under Airflow's own DagBag and DAG processor: each DAG belongs to one file, and stays there."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bundles import TEAM_BUNDLE, bundle_settings
from runner_folder import CONTRACT, RUNNER, schedule, write

SCHEDULES, PIPELINES = 12, 2
pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")

BAG = """
import json
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag
bundle = DagBundlesManager().get_bundle("medallion")
bundle.initialize()
bag = DagBag(bundle.path)
print("ANSWER" + json.dumps([{dag.dag_id: dag.fileloc for dag in bag.dags.values()}, bag.import_errors]))
"""
WATCH = """
create table changes (dag text, change text);
create trigger moved after update of relative_fileloc on dag
    when old.relative_fileloc is not new.relative_fileloc
    begin insert into changes values (new.dag_id, old.relative_fileloc || ' to ' || new.relative_fileloc); end;
create trigger stopped after update of is_stale on dag
    when new.is_stale and not old.is_stale
    begin insert into changes values (new.dag_id, 'stale'); end;
create trigger failed after update of has_import_errors on dag
    when new.has_import_errors and not old.has_import_errors
    begin insert into changes values (new.dag_id, 'import error'); end;
"""


def airflow(home: Path, dags: Path, *words: str, bundle: str = TEAM_BUNDLE) -> str:
    """Run Python or Airflow with a database of its own."""
    environment = {
        **os.environ,
        **bundle_settings(home, dags, bundle),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "360",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runner files with nothing wrong with them, and pipelines next to them."""
    dags = tmp_path / "dags"
    jobs = [f"acme/job{number}" for number in range(SCHEDULES)]
    entries = [schedule(job.split("/")[1], job) for job in jobs]
    write(dags, "".join(entries[: SCHEDULES // 2]), *jobs)
    (dags / "runner-eu.yaml").write_text(RUNNER + "".join(entries[SCHEDULES // 2 :]))
    (dags / "pipelines").mkdir()
    for number in range(PIPELINES):
        name = f"pipeline{number}"
        (dags / "contracts" / f"{name}.yaml").write_text(CONTRACT.format(name=name))
        sources = f"sources: [{{name: a, path: {name}.csv, contract: {name}}}]"
        (dags / "pipelines" / f"{name}.yaml").write_text(f"name: {name}\nowner: me\n{sources}\n")
    return dags


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    """The file of each DAG."""
    found = {f"job{number}": "schedules.py" for number in range(SCHEDULES)}
    return found | {f"pipeline{number}": f"pipelines/pipeline{number}.yaml.py" for number in range(PIPELINES)}


def test_airflows_dag_bag_finds_each_dag_in_one_file(folder: Path, expected: dict[str, str], tmp_path: Path):
    output = airflow(tmp_path, folder, sys.executable, "-c", BAG)
    (line,) = [line for line in output.splitlines() if line.startswith("ANSWER")]
    dags, errors = json.loads(line.removeprefix("ANSWER"))
    made = tmp_path / "bundles" / "medallion" / "dags"
    assert {dag: str(Path(file).relative_to(made)) for dag, file in dags.items()} == expected
    assert errors == {}, "AirflowDagDuplicatedIdException: a DAG is in two files"


@pytest.fixture
def home(tmp_path: Path, folder: Path) -> Path:
    """Airflow's home, with a database that notes what becomes of a DAG that is there."""
    home = tmp_path / "airflow"
    airflow(home, folder, "airflow", "db", "migrate")
    with sqlite3.connect(home / "airflow.db") as database:
        database.executescript(WATCH)
    return home


def parsed(
    home: Path, dags: Path, times: int, bundle: str = TEAM_BUNDLE
) -> tuple[dict[str, str], set[tuple[str, str]], list[str]]:
    """Has the DAG processor parse a folder some times; returns each DAG's file, what changed, and files with errors."""
    airflow(home, dags, "airflow", "dag-processor", "--num-runs", str(times), bundle=bundle)
    with sqlite3.connect(home / "airflow.db") as database:
        files = dict(database.execute("select dag_id, relative_fileloc from dag where not is_stale").fetchall())
        changes = set(database.execute("select dag, change from changes").fetchall())
        errors = [row[0] for row in database.execute("select filename from import_error")]
        database.execute("delete from changes")
    return files, changes, errors


def test_dags_stay_in_their_files_when_a_parse_is_killed(home: Path, folder: Path, expected: dict[str, str]):
    assert parsed(home, folder, 2) == (expected, set(), [])
    runner = folder / "runner-eu.yaml"
    runner.write_text(runner.read_text() + schedule("broken", "acme/nothing"))
    assert parsed(home, folder, 2) == (expected | {"broken": "schedules.py"}, set(), ["schedule_errors.py"])
    files, changes, _ = parsed(home, folder, 2, "odd_bundles.KilledErrors")
    assert (files, changes) == (expected | {"broken": "schedules.py"}, set())


def paused(home: Path) -> dict[str, bool]:
    """Whether each of two schedules is paused."""
    with sqlite3.connect(home / "airflow.db") as database:
        query = "select dag_id, is_paused from dag where dag_id in ('job0', 'job1')"
        return {name: bool(state) for name, state in database.execute(query)}


def test_enabled_decides_the_first_state_and_users_the_later(home: Path, folder: Path):
    runner = folder / "runner.yaml"
    off = 'cron: "0 * * * *", enabled: false'
    runner.write_text(runner.read_text().replace(schedule("job1", "acme/job1"), schedule("job1", "acme/job1", off)))
    parsed(home, folder, 2)
    assert paused(home) == {"job0": False, "job1": True}
    with sqlite3.connect(home / "airflow.db") as database:  # as the UI's switch does
        database.execute("update dag set is_paused = not is_paused where dag_id in ('job0', 'job1')")
    parsed(home, folder, 2)
    assert paused(home) == {"job0": True, "job1": False}
