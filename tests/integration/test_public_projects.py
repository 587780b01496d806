"""Public dbt projects, unmodified: `medallion init --dbt` and a run give what `dbt seed` and `dbt build` give.

So does a second run with a row less in some seeds and a column more in each. A rollback gives the first run's data, and a
repeated row in each seed closes a gate.

`make test-projects DIR=…` runs them: DIR has the projects, with their packages in `dbt_packages`. A package that holds a
project of its own (`integration_tests`) is tested by that one. `shop.yaml` next to the folder `shop` may have:

- `vars`: the project's variables.
- `runs`: for each of several first runs, the variables that it adds. Each run is compared. The tests decide in the last one
  only, for projects with tests that hold only when several runs have read all rows.
- `shorter` and `wider`: the seeds that lose a row and that get a column, by default all. A project's tests may compare
  seeds with each other, or with models.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

pytest.importorskip("dbt.cli.main")

from command_line import good, medallion
from databases import fresh_database
from layers import REPO
from medallion.errors import ExitCode
from medallion.protocol.project_archive import files_of
from plain_dbt import columns, count_tests, differences, plain_dbt

FOLDER = os.environ.get("MEDALLION_TEST_PROJECTS")
FOUND = sorted(
    path.parent
    for path in Path(FOLDER or REPO / "nowhere").glob("**/dbt_project.yml")
    if not {"dbt_packages", "target"} & set(path.parts)
)
PROJECTS = [path for path in FOUND if not any(path in other.parents for other in FOUND)]
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no projects here: make test-projects DIR=… names their folder")


def options(project: Path) -> dict[str, Any]:
    file = project.parent / f"{project.name}.yaml"
    return yaml.safe_load(file.read_text()) if file.is_file() else {}


class Team:
    """A team's repository with a copy of a project, and the warehouse that its runs write to."""

    def __init__(self, project: Path, folder: Path, url: str) -> None:
        given = options(project)
        self._shorter, self._wider = given.get("shorter"), given.get("wider")
        self.runs = [{**given.get("vars", {}), **run} for run in given.get("runs", [{}])]
        print(good(folder, "init", "team", "--dbt", project, "--vars", json.dumps(self.runs[0])))
        self.folder, self.url = folder / "team", url
        self.dbt = self.folder / "dags" / "dbt"
        (self._file,) = (self.folder / "dags" / "pipelines").iterdir()
        print(self._file.read_text())
        self._pipeline = yaml.safe_load(self._file.read_text())
        self.name, self.settings = self._file.stem, self._pipeline["dbt"]

    def good(self, *words: object) -> str:
        printed = good(self.folder, *words)
        print(printed)
        return printed

    def set(self, variables: dict[str, Any], on_test_failure: str) -> None:
        """Write variables to the pipeline file, and what a failed test does."""
        self.settings["vars"] = variables
        for layer in self._pipeline["layers"]:
            layer["on_test_failure"] = on_test_failure
        self._file.write_text(yaml.safe_dump(self._pipeline, sort_keys=False))

    def run(self) -> Counter[str]:
        """Run the pipeline; return how often each test ran."""
        report = self.folder / "report.json"
        self.good("run", self.name, "--warehouse", self.url, "--report", report)
        return Counter(test["name"] for step in json.loads(report.read_text())["steps"] for test in step["tests"])

    def published(self) -> dict[str, dict[str, str]]:
        """What readers see of the published layers."""
        query = "select distinct published_schema || '.' || unnest(relations) from medallion.publications"
        with psycopg.connect(self.url) as connection:
            names = {str(name) for (name,) in connection.execute(query).fetchall()}
        return {name: found for name, found in columns(self.url).items() if name in names}

    def change_seeds(self) -> None:
        """Leave a row out, and add a column."""

        def change(seed: str, rows: list[list[str]]) -> list[list[str]]:
            shorter = self._shorter is None or seed in self._shorter
            kept = rows[: max(2, len(rows) - 1)] if shorter else rows
            if self._wider is not None and seed not in self._wider:
                return kept
            return [[*row, "1" if number else "an_added_column"] for number, row in enumerate(kept)]

        self._rewrite_seeds(change)

    def repeat_rows(self) -> None:
        """Repeat the last row of each seed."""
        self._rewrite_seeds(lambda _, rows: [*rows, *rows[-1:]])

    def _rewrite_seeds(self, change: Callable[[str, list[list[str]]], list[list[str]]]) -> None:
        for path in (path for name, path in files_of(self.dbt) if name.endswith(".csv")):
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if row]
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(change(path.stem, rows))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_public_project_gives_what_plain_dbt_gives(
    project: Path, tmp_path: Path, warehouse_url: str, postgres_url: str
):
    team = Team(project, tmp_path, warehouse_url)
    team.good("lint")
    with fresh_database(postgres_url) as expected, fresh_database(postgres_url) as again:
        for number, variables in enumerate(team.runs, 1):
            last = number == len(team.runs)
            team.set(variables, "stop" if last else "warn")
            tests = team.run()
            for folder, url in (("plain", expected), ("again", again)):
                plain_dbt(project, url, tmp_path / folder, team.settings, tests=last)
            print(f"run {number}: {len(columns(expected))} relations of plain dbt, {tests.total()} tests")
            assert differences(expected, again, warehouse_url) == []
        assert tests == count_tests(tmp_path / "plain")
        first = team.published()
        team.change_seeds()
        assert team.run() == tests
        for folder, url in (("plain", expected), ("again", again)):
            plain_dbt(team.dbt, url, tmp_path / folder, team.settings, full_seeds=True)
        assert differences(expected, again, warehouse_url) == []
    second = team.published()
    assert second != first
    team.good("rollback", team.name, "--warehouse", warehouse_url)
    assert team.published() == first
    team.repeat_rows()
    done = medallion(team.folder, "run", team.name, "--warehouse", warehouse_url)
    print(done.stdout[-3000:])
    assert done.returncode == ExitCode.TEST_FAILED, done.stderr[-3000:]
    assert team.published() == first
