"""The command line as a person and a script meet it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from medallion import __version__
from medallion.config.sources import CONNECTORS
from medallion.errors import ExitCode
from runner_folder import schedule, write

REPO = Path(__file__).resolve().parents[2]


def medallion(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(REPO / "src"), "COLUMNS": "160", **environment}
    command = [sys.executable, "-m", "medallion.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=variables, cwd=REPO, timeout=300)


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    two = schedule("acme_orders", "acme/orders", 'cron: "@hourly", tags: {priority: high}')
    return write(
        tmp_path,
        two + schedule("globex_orders", "globex/orders", 'cron: "*/7 * * * *"') + schedule("broken", "acme/nothing"),
        *("acme/orders", "globex/orders"),
        settings="    tenants: {acme: {concurrency: 3, steps: 8}}\n",
    )


def test_version_is_that_of_the_package():
    assert medallion("--version").stdout.strip() == __version__


def test_describe_shows_dag_pods_retries_and_limits(dags: Path):
    done = medallion("describe", "acme_orders", "--dags", dags)
    assert done.returncode == 0, done.stderr
    for expected in (
        "acme_orders  @hourly UTC  owner acme",
        "tags in Airflow: connector:csv, medallion, priority:high, tenant:acme",
        "clean.orders",
        "evicted, first after 120 s",
        "limits of tenant acme: 3 jobs and 8 steps at once",
    ):
        assert expected in done.stdout


def test_describe_names_a_schedules_error_or_all_schedules(dags: Path):
    broken, none = medallion("describe", "broken", "--dags", dags), medallion("describe", "x", "--dags", dags)
    assert (broken.returncode, none.returncode) == (64, 64)
    assert "no job file" in broken.stderr
    assert "no such pipeline — there are: acme_orders, globex_orders, broken" in none.stderr


def test_remedy_of_a_missing_job_file_writes_it(dags: Path):
    (hint,) = re.findall(r"`medallion (new job [^`]+)`", medallion("describe", "broken", "--dags", dags).stderr)
    done = medallion(*hint.split(), "--dags", dags)
    assert done.returncode == 0, done.stderr
    assert medallion("describe", "broken", "--dags", dags).returncode == 0


def test_list_shows_every_schedule_and_marks_the_broken_ones(dags: Path):
    done = medallion("list", "--dags", dags)
    assert done.returncode == 1
    assert {"acme_orders", "globex_orders"} <= set(re.findall(r"\w+", done.stdout))
    assert "runner.yaml:8:24" in done.stderr


def test_lint_prints_a_line_a_finding_and_the_same_as_json(dags: Path):
    lines, data = medallion("lint", "--dags", dags), medallion("lint", "--json", "--dags", dags)
    assert lines.returncode == data.returncode == 1
    found: list[dict[str, Any]] = json.loads(data.stdout)
    places = [f"{one['file']}:{one['line']}:{one['column']}" for one in found]
    assert [line.split(": ")[0] for line in lines.stdout.splitlines()] == places
    assert {one["severity"] for one in found} == {"error", "warning"}


def test_lint_of_good_files_and_of_warnings_alone_is_no_failure(dags: Path):
    write(dags, schedule("a", "acme/orders"))
    done = medallion("lint", "--dags", dags)
    assert done.returncode == 0
    assert "warning: no schedule names this job" in done.stdout


def test_lint_of_one_file_knows_by_its_folder_what_it_is(dags: Path):
    job = dags / "jobs" / "acme" / "orders.yaml"
    job.write_text(job.read_text().replace("csv", "fax", 1))
    done = medallion("lint", job, dags / "contracts" / "orders.yaml")
    assert done.returncode == 1
    assert done.stdout.strip().endswith(f"connector: no connector 'fax' — there are: {', '.join(CONNECTORS)}")


def test_the_hook_for_other_repositories_sees_every_kind_of_file():
    (hook,) = yaml.safe_load((REPO / ".pre-commit-hooks.yaml").read_text())
    files = ["dags/pipelines/a.yaml", "dags/jobs/acme/a.yaml", "contracts/a.yaml", "dags/runner_eu.yaml"]
    assert all(re.search(hook["files"], file) for file in files)
    assert not re.search(hook["files"], "charts/values.yaml")


def test_names_are_completed_on_tab(dags: Path):
    words = {"_MEDALLION_COMPLETE": "complete_bash", "COMP_WORDS": "medallion describe g", "COMP_CWORD": "2"}
    code = "import sys; sys.argv[0] = 'medallion'; from medallion.cli import main; main()"
    variables = {**os.environ, "PYTHONPATH": str(REPO / "src"), "MEDALLION_DAGS": str(dags), **words}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, timeout=300)
    assert done.stdout.split() == ["globex_orders"]


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["new", "--help"], ["describe", "acme_orders"]])
def test_what_does_not_go_to_a_terminal_has_no_colours(dags: Path, words: list[str]):
    done = medallion(*words, MEDALLION_DAGS=str(dags))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "package", "code"),
    [
        (["lint"], "", 0),
        (["schema", "job"], "", 0),
        (["run", "x", "--landing", "y"], "psycopg", ExitCode.USAGE),
        (["dagster", "--port", "3000"], "psycopg", ExitCode.USAGE),
        (["new", "contract", "y", "--from", "y.csv"], "polars", ExitCode.USAGE),
    ],
)
def test_command_without_its_extra_names_it(words: list[str], package: str, code: int, tmp_path: Path):
    (tmp_path / "dags" / "pipelines").mkdir(parents=True)
    (tmp_path / "y.csv").write_text("a\n1\n")
    without = "import sys; sys.modules.update(dict.fromkeys(['psycopg', 'polars', 'dbt', 'dagster', 'ftfy'])); "
    command = [sys.executable, "-c", f"{without}from medallion.cli import main; main()", *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO / "src")},
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    hint = f"this command needs {package}, which is not installed\nhint: pip install 'medallion-platform["
    assert done.stderr.startswith(hint) == bool(package)
