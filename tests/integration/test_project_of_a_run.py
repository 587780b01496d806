"""The dbt project of a run's commit: the first step brings it, the warehouse hands it on, and a push changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dbt.cli.main")

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from team import Team, team_of, write_team

OLD, NEW = "a" * 40, "b" * 40
SALES = "models/shop/gold/sales.sql"


@pytest.fixture
def team(tmp_path: Path, warehouse: Connection) -> Iterator[Team]:
    with team_of(write_team(tmp_path)) as team:
        team.as_pods = True
        team.deliver((1, "DE", 10), (2, "FR", 5))
        yield team


def change(team: Team, file: str = SALES) -> None:
    """One line of a model: amounts in cents."""
    path = team.folder / "project" / file
    path.write_text(path.read_text().replace("sum(amount)", "100 * sum(amount)"))


def sales(warehouse: Connection) -> Any:
    return dict(warehouse.execute("select country, total from gold.sales").fetchall())


def files_parsed(team: Team, warehouse: Connection) -> list[int]:
    report = team.report(warehouse)
    return [report[layer]["files_parsed"] for layer in ("bronze", "silver", "gold")]


def test_pods_without_checkout_parse_the_project_once(team: Team, warehouse: Connection):
    team.good(commit=OLD)
    assert sales(warehouse) == {"DE": 10, "FR": 5}
    assert [count > 0 for count in files_parsed(team, warehouse)] == [True, False, False]
    team.good(commit=OLD)
    assert files_parsed(team, warehouse) == [0, 0, 0]
    change(team)
    team.good(commit=NEW)
    assert sales(warehouse) == {"DE": 1000, "FR": 500}
    assert files_parsed(team, warehouse) == [1, 0, 0]
    assert warehouse.execute("select count(*) from medallion.projects").fetchone() == (2,)


def test_a_push_in_the_middle_of_a_run_changes_the_next_run_only(team: Team, warehouse: Connection):
    team.good(run="one", until="clean.orders", commit=OLD)
    change(team)
    team.good(run="one", after="clean.orders", commit=NEW)
    assert sales(warehouse) == {"DE": 10, "FR": 5}
    team.good(run="two", commit=NEW)
    assert sales(warehouse) == {"DE": 1000, "FR": 500}


def test_a_project_that_nobody_brought_is_named(team: Team, warehouse: Connection):
    team.good(run="one", until="clean.orders", commit=OLD)
    warehouse.execute("delete from medallion.projects")
    codes = team.run(run="one", after="clean.orders", commit=OLD)
    assert codes == {"bronze": ExitCode.USAGE}
    assert (
        f"the warehouse does not hold the dbt project {team.plan.steps[1].work.project} of commit {OLD}" in team.output
    )
