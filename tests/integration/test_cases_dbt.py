"""Cases from the field about dbt projects: each gives what its `case.md` says is right, by `medallion run`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layers import with_path
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from readers import polling
from team import CASES

ROLE = "reporter_of_case_14"


class Case:
    """A case's folder, copied, and runs of its pipeline `shop`."""

    def __init__(self, name: str, folder: Path) -> None:
        if not (CASES / name).is_dir():
            pytest.skip(f"the case {name} is not on this machine")
        self.folder = Path(shutil.copytree(CASES / name, folder / "case"))

    def run(self) -> tuple[int, str, dict[str, Any]]:
        """The exit code, what the command printed, and the steps of its report."""
        report = self.folder / "report.json"
        command = [sys.executable, "-m", "medallion.cli", "run", "shop", "--dags", "dags", "--landing", "landing"]
        project = {"MEDALLION_DBT_PROJECT": str(self.folder / "project")}
        done = subprocess.run(
            [*command, "--report", str(report)], cwd=self.folder, env=with_path({**os.environ, **project}),
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        steps = {step["name"]: step for step in json.loads(report.read_text())["steps"]} if report.exists() else {}
        return done.returncode, done.stdout + done.stderr, steps


def test_case_12_a_gold_view_is_there_all_along(warehouse: Connection, tmp_path: Path):
    case = Case("12-gold-view-dropped", tmp_path)
    code, output, steps = case.run()
    assert code == 0, output
    assert {model["name"]: model["rows"] for model in steps["gold"]["models"]} == {"v_orders": None, "sales": 2}
    rows = "select array_agg(country order by id)::text from gold.v_orders"
    shutil.copy(case.folder / "landing" / "orders-second-run.csv", case.folder / "landing" / "orders.csv")
    with polling(rows) as seen:
        code, output, _ = case.run()
    assert code == ExitCode.TEST_FAILED, output
    assert seen == {("{SE,SE,NO}",)}


def test_case_13_a_test_of_two_parents_closes_the_gate(warehouse: Connection, tmp_path: Path):
    code, output, steps = Case("13-test-of-two-parents-never-run", tmp_path).run()
    assert code == ExitCode.TEST_FAILED, output
    assert [test["name"] for test in steps["gold"]["tests"] if test["status"] == "fail"] == ["sales_match_control"]
    assert warehouse.execute("select to_regclass('gold.sales')").fetchone() == (None,)


@pytest.mark.slow
def test_case_14_grants_reach_readers_and_hooks_run_once(warehouse: Connection, tmp_path: Path):
    case = Case("14-grants-and-hooks", tmp_path)
    model = case.folder / "project" / "models" / "shop" / "gold" / "sales.yml"
    model.write_text(model.read_text().replace("reporter", ROLE))
    warehouse.execute(f"create role {ROLE}")  # type: ignore[arg-type]
    try:
        code, output, steps = case.run()
        assert code == 0, output
        warehouse.execute(f"set role {ROLE}")  # type: ignore[arg-type]
        assert len(warehouse.execute("select * from gold.sales").fetchall()) == 2
        warehouse.execute("reset role")
        hooks = warehouse.execute("select split_part(s, ' ', 2) from public.hooks").fetchall()
        assert hooks == [("bronze+gold+silver",)]
        assert [model["name"] for model in steps["gold"]["models"]] == ["sales"]
        assert [test["name"] for test in steps["gold"]["tests"]] == ["not_null_sales_country"]
    finally:
        warehouse.execute(f"reset role; drop owned by {ROLE}; drop role {ROLE}")  # type: ignore[arg-type]


@pytest.mark.slow
def test_case_15_a_seed_is_loaded_before_what_reads_it(warehouse: Connection, tmp_path: Path):
    code, output, steps = Case("15-seed-not-loaded", tmp_path).run()
    assert code == 0, output
    assert {model["name"] for model in steps["silver"]["models"]} == {"countries", "fct_orders"}
    assert warehouse.execute("select name from silver.fct_orders where id = 3").fetchone() == ("Norway",)
