"""The main job on a real cluster: official chart, git-sync, KubernetesExecutor, a pod per layer."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cluster import REPO, Airflow, Cluster, RetailRun, git, push, until
from independent import by_product, monthly, retail_sales

DAG = "pipeline_customer_transaction"
STEPS = ["clean.transactions", "bronze", "silver", "gold"]


def ledger(cluster: Cluster, dag: str, run: str) -> dict[str, dict[str, Any]]:
    rows = cluster.sql(f"select * from medallion.step_runs where pipeline = '{dag}' and run_id = '{run}' order by id")
    return {row["step"]: row for row in rows}


def test_the_first_run_succeeds_in_airflow_and_in_the_ledger(airflow: Airflow, cluster: Cluster, transactions_run: str):
    states = {task: found["state"] for task, found in airflow.tasks(DAG, transactions_run).items()}
    assert states == dict.fromkeys(
        [
            "Clean-Transactions.clean_and_transform_csv",
            "Load-To-Postgres.load_cleaned_csv_to_postgres",
            "DBT-Transformations.dbt_models.bronze",
            "DBT-Transformations.dbt_models.silver",
            "DBT-Transformations.dbt_models.gold",
        ],
        "success",
    )
    found = ledger(cluster, DAG, transactions_run)
    assert list(found) == STEPS
    assert {row["status"] for row in found.values()} <= {"succeeded", "unchanged"}


def test_only_the_first_pod_of_a_new_project_parses_it(cluster: Cluster, transactions_run: str):
    rows = ledger(cluster, DAG, transactions_run)
    assert [rows[step]["details"]["files_parsed"] for step in STEPS[2:]] == [0, 0]


def test_every_row_is_loaded_or_rejected_with_a_reason(cluster: Cluster, transactions_run: str):
    row = ledger(cluster, DAG, transactions_run)["clean.transactions"]
    assert row["rows_in"] == row["rows_loaded"] + row["rows_rejected"] == 20_000
    (counted,) = cluster.sql(
        "select count(distinct line) as lines, count(*) filter (where reason = '') as silent from medallion.rejected_rows "
        f"where pipeline = '{DAG}' and run_id = (select run_id from medallion.step_runs where pipeline = '{DAG}' and "
        f"step = 'clean.transactions' and status = 'succeeded' and id <= {row['id']} order by id desc limit 1)"
    )
    assert counted == {"lines": row["rows_rejected"], "silent": 0}


def test_a_pushed_pipeline_appears_and_runs_without_a_new_image(retail: RetailRun, cluster: Cluster):
    assert retail.appeared_seconds < 120
    assert {row["status"] for row in ledger(cluster, retail.dag, retail.run).values()} == {"succeeded"}


def test_a_pushed_model_is_used_without_a_new_image(retail: RetailRun, cluster: Cluster):
    used = cluster.sql(
        "select distinct content -> 'work' ->> 'project' as project from medallion.specs "
        f"where pipeline = '{retail.dag}' and content -> 'work' ->> 'kind' = 'layer'"
    )
    assert used == [{"project": retail.project}]
    (stored,) = cluster.sql(f"select count(*) as projects from medallion.projects where digest = '{retail.project}'")
    assert stored == {"projects": 1}


def test_the_retail_gold_tables_equal_an_independent_computation(retail: RetailRun, cluster: Cluster):
    sales, rejected = retail_sales(retail.source)
    row = ledger(cluster, retail.dag, retail.run)["clean.sales"]
    assert (row["rows_in"], row["rows_loaded"], row["rows_rejected"]) == (13_203, len(sales), rejected)
    months = cluster.sql(
        "select *, total_sales::text as total, average_sale::text as average from retail_gold.agg_monthly_sales"
    )
    assert {
        found["sales_month"]: (
            found["transaction_count"],
            found["customer_count"],
            found["total_quantity"],
            Decimal(found["total"]),
            Decimal(found["average"]),
        )
        for found in months
    } == monthly(sales)
    products = cluster.sql("select *, total_sales::text as total from retail_gold.agg_product_sales")
    assert {
        found["product_id"]: (found["transaction_count"], found["total_quantity"], Decimal(found["total"]))
        for found in products
    } == by_product(sales)


def test_the_local_run_gives_the_same_gold(retail: RetailRun, cluster: Cluster, warehouse_url: str, tmp_path: Path):
    import psycopg

    contract = REPO / "dags" / "contracts" / "retail_store_sales.yaml"
    medallion = REPO / ".venv" / "bin" / "medallion"
    options = ("--input", retail.source, "--contract", contract, "--warehouse", warehouse_url)
    done = subprocess.run(
        [medallion, "run", DAG, *options, "--report", tmp_path / "report.json"],
        capture_output=True,
        text=True,
        cwd=REPO,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for table in ("agg_monthly_sales", "agg_product_sales"):
        query = "select md5(string_agg(t::text, '|' order by t::text)) as digest from {}.{} as t"
        with psycopg.connect(warehouse_url) as local:
            here = local.execute(query.format("gold", table)).fetchone()  # type: ignore[arg-type]
        there = cluster.sql(query.format("retail_gold", table))[0]["digest"]
        assert here == (there,)


def test_kubectl_logs_shows_each_steps_output(retail: RetailRun):
    events = {step: [json.loads(line) for line in text.splitlines()] for step, text in retail.logs.items()}
    assert {step: found[-1]["event_type"] for step, found in events.items()} == dict.fromkeys(
        ["clean.sales", "bronze", "silver", "gold"], "step_succeeded"
    )
    assert "agg_monthly_sales: success" in retail.logs["gold"]


def test_task_logs_outlive_their_pods(retail: RetailRun, airflow: Airflow, cluster: Cluster):
    def gone() -> bool:
        return not cluster.get("pods", "-l", f"medallion/pipeline={retail.dag}")["items"]

    until("the step pods are gone", gone)
    assert "agg_monthly_sales: success" in airflow.log(retail.dag, retail.run, "DBT-Transformations.gold")


def test_a_broken_pipeline_shows_its_error_and_the_others_stay(
    airflow: Airflow, checkout: Path, transactions_run: str, request: pytest.FixtureRequest
):
    dags = checkout / "dags"
    (dags / "pipelines" / "pipeline_broken.yaml").write_text("name: pipeline_broken\nowner: me\nlayer: []\n")
    push(checkout, "A mistake")

    def take_back() -> None:
        git(checkout, "revert", "--no-edit", "HEAD")
        git(checkout, "push", "-q")

    request.addfinalizer(take_back)

    def shown() -> str | None:
        errors = airflow.get("/importErrors")["import_errors"]
        return next((e["stack_trace"] for e in errors if "pipeline_broken" in e["filename"]), None)

    error = until("the import error is shown", shown)
    assert "pipeline_broken.yaml:3:1: layer: unknown key 'layer' — did you mean 'layers'?" in error
    assert airflow.get(f"/dags/{DAG}")["dag_id"] == DAG


def test_the_namespace_enforces_the_restricted_standard(cluster: Cluster):
    labels = cluster.get("namespace", cluster.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
