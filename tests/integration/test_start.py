"""`medallion start orchestrated`: the schedules of one runner file, in the folders `configs` and `jobs`."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from medallion.config.catalog import find
from medallion.errors import ExitCode
from medallion.lint.checks import lint_folder
from runner_folder import schedule, write

pytest.importorskip("dagster")

SRC = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runner files in `configs`, and a pipeline that neither of them names."""
    entries = schedule("hourly", "acme/orders") + schedule("off", "acme/orders", 'cron: "@daily", enabled: false')
    write(tmp_path, entries, "acme/orders")
    (tmp_path / "configs").mkdir()
    (tmp_path / "runner.yaml").rename(tmp_path / "configs" / "runner_airflow.yaml")
    write(tmp_path, schedule("other", "acme/orders"))
    (tmp_path / "runner.yaml").rename(tmp_path / "configs" / "runner_other.yaml")
    (tmp_path / "pipelines").mkdir()
    source = "sources: [{name: a, path: a.csv, contract: orders}]"
    (tmp_path / "pipelines" / "own.yaml").write_text(f"name: own\nowner: me\n{source}\n")
    return tmp_path


def start(folder: Path, file: str = "configs/runner_airflow.yaml") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medallion.cli", "start", "orchestrated", "--prepare", "--runner-config", file]
    variables = {**os.environ, "PYTHONPATH": str(SRC), "MEDALLION_HOME": str(folder / "state"), "COLUMNS": "160"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)


def test_start_lists_schedules_and_prepares_limits(folder: Path):
    done = start(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "hourly: 0 * * * * UTC",
        "off: when triggered",
        "limits of tenants: acme: 1 job at once",
    ]
    assert (folder / "state" / "dagster" / "dagster.yaml").is_file()


def test_start_gives_dagster_only_the_chosen_file(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from medallion.orchestrators.dagster.definitions import definitions

    monkeypatch.setenv("MEDALLION_RUNNER_CONFIG", str(folder / "configs" / "runner_airflow.yaml"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = definitions(folder, pods=False)
    states = {one.job_name: one.default_status.value for one in made.schedules}
    assert states == {"hourly": "RUNNING", "off": "STOPPED"}
    assert {job.name for job in made.jobs} == {"hourly", "off"}


def test_start_shows_a_broken_schedule_and_keeps_others(folder: Path):
    file = folder / "configs" / "runner_airflow.yaml"
    file.write_text(file.read_text() + schedule("broken", "acme/nothing"))
    done = start(folder)
    assert done.returncode == 0, done.stderr
    assert "configs/runner_airflow.yaml:8:24" in done.stderr
    assert "broken: does not run" in done.stdout
    assert "hourly: 0 * * * * UTC" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mode: orchestrated", "mode: oneshot", "has `mode: oneshot`"),
        ("type: airflow", "type: cron", "orchestrator.type"),
        ("runner:", "runner: [", "runner_airflow.yaml:"),
    ],
)
def test_start_refuses_a_file_that_it_cannot_run(folder: Path, old: str, new: str, message: str):
    file = folder / "configs" / "runner_airflow.yaml"
    file.write_text(file.read_text().replace(old, new, 1))
    done = start(folder)
    assert done.returncode == ExitCode.USAGE
    assert message in done.stderr


def test_start_without_a_folder_of_jobs_names_it(folder: Path):
    (folder / "jobs").rename(folder / "tasks")
    done = start(folder)
    assert done.returncode == ExitCode.USAGE
    assert "no folder jobs next to" in done.stderr
    assert "hint: put the job files in jobs/<tenant>/ there" in done.stderr


def test_runner_files_in_configs_are_read_everywhere(folder: Path):
    assert find(folder, "hourly").pipeline.tenant == "acme"
    assert [str(one) for one in lint_folder(folder) if one.severity == "error"] == []
