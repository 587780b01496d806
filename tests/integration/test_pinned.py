"""A run ends on the commit that it began with, whichever commit its later steps receive."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medallion.config.contract import Contract
from medallion.config.load_pipeline import load_pipeline
from medallion.config.pipeline import Pipeline
from medallion.errors import ExitCode
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.samples.customer_transactions import write_sample
from medallion.warehouse import ledger, runs
from medallion.warehouse.connection import Connection

REPO = Path(__file__).resolve().parents[2]
NAME = "pipeline_customer_transaction"
OLD, NEW = "a" * 40, "b" * 40
FILE = load_pipeline(REPO / "dags" / "pipelines" / f"{NAME}.yaml")


def plan_of(landing: Path, commit: str, run: str = "one", **changes: Any) -> Plan:
    """The plan that the DAG of a commit runs; `changes` are what the commit changed in the contract."""
    contracts = {
        name: Contract.model_validate({**contract.model_dump(by_alias=True, exclude_unset=True), **changes})
        for name, contract in FILE.contracts.items()
    }
    return make_plan(FILE.pipeline, contracts, RunContext(run, str(landing), commit))


def start(plan: Plan, step: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as its pod would: with its task in the environment, and nothing else."""
    found = next(one for one in plan.steps if one.name == step)
    folders = str(REPO / "src")
    command = [sys.executable, "-m", f"medallion.{found.image}"]
    environment = {**os.environ, "PYTHONPATH": folders, **wire.environment(plan.task(step))}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def with_another(plan: Plan, step: str) -> Plan:
    """The plan with a layer that selects other models."""
    work: Any = next(one.work for one in plan.steps if one.name == step)
    select = "path:models/nowhere"
    layers = tuple((name, select if name == work.layer else chosen) for name, chosen in work.layers)
    work = work.model_copy(update={"select": select, "layers": layers})
    return replace(plan, steps=tuple(replace(one, work=work) if one.name == step else one for one in plan.steps))


@pytest.fixture
def landing(tmp_path: Path, warehouse: Connection, baked: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    write_sample(tmp_path / "customer_transactions.csv", rows=300)
    return tmp_path


def commits(warehouse: Connection, run: str = "one") -> dict[str, str]:
    return {row["step"]: row["commit"] for row in ledger.list_steps(warehouse, NAME, run)}


def test_step_given_a_newer_commit_follows_the_runs_own_commit(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW)
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    done = start(with_another(new, "bronze"), "bronze")
    assert done.returncode == ExitCode.OK, done.stdout
    assert f"began with commit {OLD}" in done.stdout
    assert commits(warehouse) == {"clean.transactions": OLD, "bronze": OLD}


def test_repeated_load_uses_the_contract_of_its_run(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW, table="cleaned_data.elsewhere")
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    assert start(new, "clean.transactions").returncode == ExitCode.OK
    assert warehouse.execute("select to_regclass('cleaned_data.elsewhere')").fetchone() == (None,)
    assert start(plan_of(landing, NEW, "two", table="cleaned_data.elsewhere"), "clean.transactions").returncode == 0
    assert warehouse.execute("select count(*) > 0 from cleaned_data.elsewhere").fetchone() == (True,)
    assert (commits(warehouse), commits(warehouse, "two")) == ({"clean.transactions": OLD}, {"clean.transactions": NEW})


def test_run_with_a_failed_first_step_can_be_fixed_and_cleared(landing: Path, warehouse: Connection):
    broken = plan_of(landing, OLD, rejects={"max_share": 0})
    assert start(broken, "clean.transactions").returncode == ExitCode.TOO_MANY_REJECTS
    assert start(plan_of(landing, NEW), "clean.transactions").returncode == ExitCode.OK
    assert commits(warehouse) == {"clean.transactions": NEW}


def test_a_step_that_a_push_added_is_left_to_the_next_run(landing: Path, warehouse: Connection):
    old, new = plan_of(landing, OLD), plan_of(landing, NEW)
    assert start(old, "clean.transactions").returncode == ExitCode.OK
    added = replace(new.steps[1], name="extra")
    done = start(replace(new, steps=(*new.steps, added)), "extra")
    assert done.returncode == ExitCode.OK, done.stdout
    rows = {row["step"]: row for row in ledger.list_steps(warehouse, NAME, "one")}
    assert (rows["extra"]["status"], "the next run has it" in rows["extra"]["details"]["message"]) == (
        "unchanged",
        True,
    )


def other_sources(landing: Path, commit: str, width: dict[str, int], run: str = "one", codes: int = 0) -> Plan:
    """A plan of sources that only load, each with a file; `width` is the length that a commit allows in each."""
    contracts, sources = {}, []
    for name, length in width.items():
        constraints: dict[str, Any] = {"maxLength": length}
        if codes:
            constraints["enum"] = ["x", *(hashlib.sha256(f"{name}{n}".encode()).hexdigest()[:16] for n in range(codes))]
        fields = [{"name": "id", "constraints": constraints}]
        contracts[name] = Contract.model_validate({"name": name, "table": f"raw.{name}", "fields": fields})
        sources.append({"name": name, "path": f"{name}.csv", "contract": name})
        (landing / f"{name}.csv").write_text("id\nx\n")
    pipeline = Pipeline.model_validate({"name": NAME, "owner": "me", "sources": sources})
    return make_plan(pipeline, contracts, RunContext(run, str(landing), commit))


def stored(warehouse: Connection, run: str = "one") -> dict[str, int]:
    """The length that each step of a run is pinned to."""
    rows = warehouse.execute(
        """select entry.key, content #>> '{work,contract,fields,0,constraints,maxLength}'
           from medallion.runs, jsonb_each_text(plan) as entry inner join medallion.specs on digest = entry.value
           where run_id = %s""",
        (run,),
    ).fetchall()
    return {str(name): int(str(length)) for name, length in rows}


def test_unstarted_sibling_follows_the_runs_commit(landing: Path, warehouse: Connection):
    old, new = (other_sources(landing, commit, {"a": n, "b": n}) for commit, n in ((OLD, 5), (NEW, 9)))
    assert start(old, "clean.a").returncode == ExitCode.OK
    assert start(new, "clean.b").returncode == ExitCode.OK
    assert commits(warehouse) == {"clean.a": OLD, "clean.b": OLD}
    assert stored(warehouse) == {"clean.a": 5, "clean.b": 5}


def test_step_equal_at_both_commits_counts_as_the_older(landing: Path, warehouse: Connection):
    old, new = other_sources(landing, OLD, {"a": 5, "b": 5}), other_sources(landing, NEW, {"a": 5, "b": 5})
    assert start(old, "clean.b").returncode == ExitCode.OK
    assert start(new, "clean.a").returncode == ExitCode.OK
    assert commits(warehouse) == {"clean.a": OLD, "clean.b": OLD}


def test_an_earlier_run_shows_what_the_runs_commit_says(landing: Path, warehouse: Connection):
    before = other_sources(landing, OLD, {"a": 5, "b": 5}, "before")
    old, new = other_sources(landing, OLD, {"a": 5, "b": 5}), other_sources(landing, NEW, {"a": 9, "b": 9})
    assert [start(before, name).returncode for name in ("clean.a", "clean.b")] == [ExitCode.OK, ExitCode.OK]
    assert start(old, "clean.b").returncode == ExitCode.OK
    assert start(new, "clean.a").returncode == ExitCode.OK
    assert commits(warehouse) == {"clean.a": OLD, "clean.b": OLD}
    assert stored(warehouse) == {"clean.a": 5, "clean.b": 5}


def test_a_run_fails_at_once_when_its_own_commit_is_not_known(landing: Path, warehouse: Connection):
    old, new = (other_sources(landing, commit, {"a": n, "b": n}) for commit, n in ((OLD, 5), (NEW, 9)))
    assert start(old, "clean.b").returncode == ExitCode.OK  # not the first of the plan: it hands over itself alone
    done = start(new, "clean.a")
    assert done.returncode == ExitCode.USAGE
    assert (
        f"began with commit {OLD}, and the warehouse does not hold what that commit says of the step clean.a"
        in done.stdout
    )
    assert "start a new run" in done.stdout
    assert commits(warehouse)["clean.b"] == OLD


def test_contract_of_any_length_reaches_its_step(landing: Path, warehouse: Connection):
    plan = other_sources(landing, OLD, {"a": 20, "b": 20}, codes=12_000)
    assert len(plan.task("clean.a").to_json()) > 2 * 128 * 1024
    assert start(plan, "clean.a").returncode == ExitCode.OK
    assert start(plan, "clean.b").returncode == ExitCode.OK
    assert warehouse.execute("select id from raw.b").fetchall() == [("x",)]


def test_tasks_are_stored_once_and_removed_with_the_last_run(landing: Path, warehouse: Connection):
    for number in range(3):
        assert start(other_sources(landing, OLD, {"a": 5}, f"run-{number}"), "clean.a").returncode == ExitCode.OK
    count = "select count(*) from medallion.specs"
    assert warehouse.execute(count).fetchone() == (1,)
    warehouse.execute("update medallion.specs set used_at = now() - interval '10 days'")
    runs.prune(warehouse, NAME, 9)
    assert warehouse.execute(count).fetchone() == (1,)  # runs are pinned to it
    warehouse.execute("delete from medallion.runs")
    runs.prune(warehouse, NAME, 11)
    assert warehouse.execute(count).fetchone() == (1,)
    runs.prune(warehouse, NAME, 9)
    assert warehouse.execute(count).fetchone() == (0,)
