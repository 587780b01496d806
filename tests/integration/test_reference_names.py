"""The names that Medallion shares with the systems that it replaces: dashboards, scripts and habits depend on them.

Each name is compared with what the real files, plans, tables, logs and targets have.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medallion.cleaner.__main__ import main as clean
from medallion.config.dbt_docs import model_docs
from medallion.config.load_pipeline import load_pipeline
from medallion.config.load_runner import Entry, load_runners
from medallion.plan import Plan, RunContext, make_plan
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from runner_folder import write
from task_file import task_file

REPO = Path(__file__).resolve().parents[2]
DAGS = REPO / "dags"
CONTRACT = {"name": "orders", "table": "cleaned.things", "fields": [{"name": "id"}]}
RUNNER = """\
runner:
  mode: orchestrated
  orchestrator:
    type: airflow
    schedules:
      - name: my_job
        config: /app/jobs/acme/orders.yaml
        cron: "0 * * * *"
        enabled: true
        timezone: UTC
        max_concurrent_runs: 1
        tags: {environment: production}
      - {name: my_interval_job, config: /app/jobs/acme/orders.yaml, interval_seconds: 21600}
    concurrency_per_tenant: 1
"""
RETRIES = """\
retry_config:
  max_retries: 3
  initial_delay_seconds: 30
  backoff_multiplier: 2
  retryable_exit_codes: [75]
"""
MODELS = {
    "bronze": {"stg_customer_transactions"},
    "silver": {"dim_customers", "dim_products", "fact_transactions"},
    "gold": {"agg_monthly_sales"},
}
TARGETS = ("up", "down", "restart", "logs-airflow", "logs-scheduler", "shell-airflow", "shell-postgres", "dbt-debug")


def plan_of(name: str) -> Plan:
    file = load_pipeline(DAGS / "pipelines" / f"{name}.yaml")
    return make_plan(file.pipeline, file.contracts, RunContext("run-1", "/landing"))


def task_ids(plan: Plan) -> list[str]:
    tasks = [".".join((*step.group, step.task_id)) for step in plan.steps]
    return tasks + [".".join((*marker.group, marker.name)) for marker in plan.markers]


@pytest.fixture
def entries(tmp_path: Path) -> dict[str, Entry]:
    """The schedules of a runner file and a job file with all keys of the reference system."""
    dags = write(tmp_path, "", "acme/orders")
    (dags / "runner.yaml").write_text(RUNNER)
    job = dags / "jobs" / "acme" / "orders.yaml"
    job.write_text(job.read_text() + RETRIES)
    (runner,) = load_runners(dags)
    assert runner.diagnostics == ()
    return {entry.name: entry for entry in runner.entries}


def test_pipeline_customer_transaction_keeps_task_ids():
    plan = plan_of("pipeline_customer_transaction")
    assert plan.pipeline.name == "pipeline_customer_transaction"
    assert task_ids(plan) == [
        "Clean-Transactions.clean_and_transform_csv",
        "DBT-Transformations.dbt_models.bronze",
        "DBT-Transformations.dbt_models.silver",
        "DBT-Transformations.dbt_models.gold",
        "Load-To-Postgres.load_cleaned_csv_to_postgres",
    ]
    assert set(plan.tags) == {"medallion", "connector:csv", "data-pipeline", "csv", "postgres", "dbt", "end-to-end"}


def test_dbt_transform_keeps_task_ids():
    plan = plan_of("dbt_transform")
    assert plan.pipeline.name == "dbt_transform"
    layers = [one for one in task_ids(plan) if "dbt_run" in one or "dbt_test" in one]
    assert layers == [
        f"{layer}.dbt_{phase}_{layer}" for layer in ("bronze", "silver", "gold") for phase in ("run", "test")
    ]


def test_customer_transactions_keeps_models_and_table():
    models = DAGS / "dbt" / "models" / "customer_transactions"
    for layer, names in MODELS.items():
        assert names <= {model.name for model in model_docs(models / layer)}
        assert names <= {path.stem for path in (models / layer).glob("*.sql")}
    file = load_pipeline(DAGS / "pipelines" / "pipeline_customer_transaction.yaml")
    assert [contract.table for contract in file.contracts.values()] == ["cleaned_data.customer_transactions"]


def test_load_keeps_names_of_timings_and_log_fields(
    tmp_path: Path, warehouse: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MEDALLION_LOG_FORMAT", "json")
    (tmp_path / "a.csv").write_bytes(b"id\n1\n")
    arguments = ["--pipeline", "p", "--run-id", "one", "--step", "clean.input", "--tenant", "acme"]
    source = {"connector": "csv", "path": "a.csv"}
    assert clean(task_file([*arguments, "--landing", str(tmp_path)], CONTRACT, source)) == 0
    log: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"job_name", "tenant_id", "connector_type", "event_type", "execution_time_seconds"} <= set(log[-1])
    (step,) = ledger.list_steps(warehouse, "p", "one")
    assert {part["name"] for part in step["details"]["parts"]} == {
        "clean_and_transform_csv",
        "create_cleaned_table",
        "truncate_cleaned_table",
        "load_cleaned_csv_to_postgres",
        "validate_postgres_load",
    }


def test_schedule_keeps_its_keys_and_its_name_as_dag_id(entries: dict[str, Entry]):
    assert {name: entry.diagnostics for name, entry in entries.items()} == {"my_job": (), "my_interval_job": ()}
    pipelines = {name: entry.file.pipeline for name, entry in entries.items() if entry.file}
    assert [pipeline.name for pipeline in pipelines.values()] == ["my_job", "my_interval_job"]
    times = pipelines["my_job"].schedule
    assert (times.cron, times.enabled, times.timezone, times.max_concurrent_runs) == ("0 * * * *", True, "UTC", 1)
    assert pipelines["my_interval_job"].schedule.interval_seconds == 21600


def test_job_keeps_keys_of_retry_config(entries: dict[str, Entry]):
    file = entries["my_job"].file
    assert file is not None
    retry = make_plan(file.pipeline, file.contracts, RunContext("run-1", "/landing")).steps[0].retry
    assert (retry.max_retries, retry.initial_delay_seconds, retry.backoff_multiplier) == (3, 30, 2)
    assert retry.retryable_exit_codes == (75,)


def test_schedule_keeps_tags(entries: dict[str, Entry]):
    file = entries["my_job"].file
    assert file is not None
    plan = make_plan(file.pipeline, file.contracts, RunContext("run-1", "/landing"))
    assert set(plan.tags) == {"medallion", "tenant:acme", "connector:csv", "environment:production"}


@pytest.mark.parametrize("target", TARGETS)
def test_make_keeps_target(target: str):
    command = ["make", "--dry-run", "--assume-old=.venv/run.stamp", target]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" not in done.stdout  # as of a target that only .PHONY names
