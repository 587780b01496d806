"""A run ends on the commit that it began with, whatever its later steps are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medallion import pinned
from medallion.failures import ExitCode
from medallion.plan import Plan, RunContext, make_plan
from medallion.sample import write_sample
from medallion.spec.contract import Contract
from medallion.spec.project import load_pipeline
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection

REPO = Path(__file__).resolve().parents[2]
NAME = "pipeline_customer_transaction"
OLD, NEW = "a" * 40, "b" * 40
FILE = load_pipeline(REPO / "dags" / "pipelines" / f"{NAME}.yaml")


def plan_of(landing: Path, commit: str, run: str = "one", **changes: Any) -> Plan:
    """What the DAG of a commit tells its pods; `changes` are what the commit changed in the contract."""
    contracts = {
        name: Contract.model_validate({**contract.model_dump(by_alias=True, exclude_unset=True), **changes})
        for name, contract in FILE.contracts.items()
    }
    return make_plan(FILE.pipeline, contracts, RunContext(run, str(landing), commit))


def start(plan: Plan, step: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as its pod would: the arguments and the environment of its plan, and nothing else."""
    found = next(one for one in plan.steps if one.name == step)
    folders = os.pathsep.join(str(REPO / folder) for folder in ("dags", "images/cleaner", "images/dbt"))
    command = [sys.executable, "-m", f"medallion_{found.image}", *found.args]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": folders, **found.env}
    )


@pytest.fixture
def landing(tmp_path: Path, warehouse: Connection, baked: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    write_sample(tmp_path / "customer_transactions.csv", rows=300)
    return tmp_path


def commits(warehouse: Connection, run: str = "one") -> dict[str, str]:
    return {row["step"]: row["code_version"] for row in ledger.steps_of(warehouse, NAME, run)}


def test_a_step_that_was_told_of_a_newer_commit_does_what_the_runs_own_says(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW)
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    other = tuple(
        arg.replace("path:models/customer_transactions/bronze", "path:models/nowhere") for arg in new.steps[1].args
    )
    changed = replace(
        new, steps=tuple(replace(step, args=other) if step.name == "bronze" else step for step in new.steps)
    )
    done = start(changed, "bronze")
    assert done.returncode == ExitCode.OK, done.stdout
    assert f"began with commit {OLD}" in done.stdout
    assert commits(warehouse) == {"clean.transactions": OLD, "bronze": OLD}


def test_a_repeated_load_goes_by_the_contract_that_the_run_began_with(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW, table="cleaned_data.elsewhere")
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    assert start(new, "clean.transactions").returncode == ExitCode.OK
    assert warehouse.execute("select to_regclass('cleaned_data.elsewhere')").fetchone() == (None,)
    assert start(plan_of(landing, NEW, "two", table="cleaned_data.elsewhere"), "clean.transactions").returncode == 0
    assert warehouse.execute("select count(*) > 0 from cleaned_data.elsewhere").fetchone() == (True,)
    assert (commits(warehouse), commits(warehouse, "two")) == ({"clean.transactions": OLD}, {"clean.transactions": NEW})


def test_a_run_whose_first_step_failed_can_be_mended_and_cleared(landing: Path, warehouse: Connection):
    broken = plan_of(landing, OLD, rejects={"max_share": 0})
    assert start(broken, "clean.transactions").returncode == ExitCode.TOO_MANY_REJECTS
    assert start(plan_of(landing, NEW), "clean.transactions").returncode == ExitCode.OK
    assert commits(warehouse) == {"clean.transactions": NEW}


def test_a_step_that_a_push_added_is_left_to_the_next_run(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW)
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    added = replace(new.steps[1], name="extra", args=tuple("extra" if a == "bronze" else a for a in new.steps[1].args))
    done = start(replace(new, steps=(*new.steps, added)), "extra")
    assert done.returncode == ExitCode.OK, done.stdout
    rows = {row["step"]: row for row in ledger.steps_of(warehouse, NAME, "one")}
    assert (rows["extra"]["status"], "the next run has it" in rows["extra"]["details"]["message"]) == (
        "unchanged",
        True,
    )


def test_the_pinned_plan_is_small_says_no_run_and_is_the_same_for_the_same_commit(tmp_path: Path):
    first, second = plan_of(tmp_path, OLD, "one").steps, plan_of(tmp_path, OLD, "two").steps
    texts = {step.env[pinned.VARIABLE] for step in (*first, *second)}
    assert len(texts) == 1
    (text,) = texts
    assert len(text) < 16_384
    assert "one" not in json.dumps([entry["args"] for entry in pinned.decode(text).values()]).split('"')
    assert pinned.arguments_of(pinned.decode(text)["gold"], "two")[-2:] == ["--run-id", "two"]
