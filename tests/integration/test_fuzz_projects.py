"""Random dbt projects, run for real, twice: every test of each runs once, passes, and readers see what was tested."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medallion.warehouse.connection import Connection
from projects import files_of, generate
from team import environment_of, team_of, write_team

PROJECTS = int(os.environ.get("MEDALLION_FUZZ", "1"))
SEED = int(os.environ.get("MEDALLION_FUZZ_SEED", "12"))


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(SEED, SEED + PROJECTS))
def test_every_test_of_a_project_runs_once_in_each_run(
    seed: int, warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = generate(seed)
    without = dict.fromkeys(
        ("models/shop/bronze/stg_orders.sql", "models/shop/silver/fct_orders.sql", "models/shop/gold/sales.sql")
    )
    folder = write_team(tmp_path / "shop", {**without, **files_of(project)})
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    with team_of(folder) as team:
        for id in (1, 2):
            team.deliver((id, "SE", 1))
            team.good()
            report = team.report(warehouse)
            ran = [test["name"] for step in report.values() for test in step["tests"]]
            assert sorted(ran) == sorted(thing.name for thing in project.of("test"))
            built = [
                model["name"] for step in report.values() for model in step["models"] if model["status"] != "no-op"
            ]
            real = [t.name for t in project.of("model", "seed", "snapshot") if t.materialized != "ephemeral"]
            assert sorted(built) == sorted(real)
