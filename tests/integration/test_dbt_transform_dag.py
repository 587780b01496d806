"""The DAG `dbt_transform` as Airflow sees it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    from medallion.orchestrators.airflow import pipeline_dag

    return pipeline_dag(str(DAGS / "pipelines" / "dbt_transform.yaml"))


def test_dag_runs_hourly_from_2024_one_at_a_time_no_catchup(dag: Any):
    assert dag.timetable._delta == timedelta(hours=1)
    assert dag.start_date == datetime(2024, 1, 1, tzinfo=timezone.utc)
    assert (dag.catchup, dag.max_active_runs, dag.dagrun_timeout) == (False, 1, timedelta(hours=2))


def test_fifteen_loads_in_two_packs_a_gate_and_groups_in_order(dag: Any):
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    loads = {name for name in upstream if name.startswith("Clean.")}
    assert loads == {"Clean.clean_and_transform_csv_1", "Clean.clean_and_transform_csv_2"}
    assert all(upstream[name] == set() for name in loads)
    assert {name: before for name, before in upstream.items() if name not in loads} == {
        "Load-To-Postgres.load_cleaned_csv_to_postgres": loads,
        "dbt_source_freshness": {"Load-To-Postgres.load_cleaned_csv_to_postgres"},
        "bronze.dbt_run_bronze": {"dbt_source_freshness"},
        "bronze.dbt_test_bronze": {"bronze.dbt_run_bronze"},
        "silver.dbt_run_silver": {"bronze.dbt_test_bronze"},
        "silver.dbt_test_silver": {"silver.dbt_run_silver"},
        "gold.dbt_run_gold": {"silver.dbt_test_silver"},
        "gold.dbt_test_gold": {"gold.dbt_run_gold"},
    }


def test_few_of_its_pods_run_at_once_and_the_loads_are_small(dag: Any):
    assert dag.max_active_tasks == 4
    loads = [task for task in dag.tasks if task.task_id.startswith("Clean.")]
    assert {task.container_resources.limits["memory"] for task in loads} == {"256Mi"}


def test_step_is_retried_twice_and_stopped_after_30_minutes(dag: Any):
    for task in (task for task in dag.tasks if hasattr(task, "arguments")):
        assert (task.retries, task.active_deadline_seconds) == (2, len(task.planned.steps) * 1800)
        assert [task.retry_policy.config.delay(attempt) for attempt in (1, 2, 3, 4)] == [300, 600, 1200, 1800]
        # Where a worker could not even ask the policy:
        waits = (task.retry_delay, task.retry_exponential_backoff, task.max_retry_delay)
        assert waits == (timedelta(seconds=300), 2, timedelta(seconds=1800))


def test_pack_names_its_sources_in_label_page_and_pod(dag: Any):
    first, second = (dag.get_task(f"Clean.clean_and_transform_csv_{number}") for number in (1, 2))
    names = ["salesorderheader", "salesorderdetail", "salesorderheadersalesreason", "salesreason", "customer", "store"]
    assert first.task_display_name == f"clean_and_transform_csv_1 ({', '.join([*names, 'creditcard'])})"
    assert "- `clean.store`: Cleans adventureworks/sales/store.csv" in first.doc_md
    assert second.annotations["medallion/steps"].split(", ")[0] == "clean.product"
    assert len(second.annotations["medallion/steps"].split(", ")) == 8
    assert first.active_deadline_seconds == 7 * 1800
    assert "| `clean.store` | `clean_and_transform_csv_1` |" in dag.doc_md
