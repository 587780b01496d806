"""Plans: what a pipeline file becomes, as plain data."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.config.load_pipeline import PipelineFile, load_pipeline
from medallion.plan import Plan, RunContext, make_plan

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture
def transactions() -> PipelineFile:
    return load_pipeline(DAGS / "pipelines" / "pipeline_customer_transaction.yaml")


def plan_of(file: PipelineFile, **changes: object) -> Plan:
    pipeline = file.pipeline.model_copy(update=changes)
    return make_plan(pipeline, file.contracts, RunContext("run-1", "/landing", "abc"))


def test_a_layer_is_one_step_and_waits_for_the_one_before(transactions: PipelineFile):
    plan = plan_of(transactions)
    assert {step.name: step.needs for step in plan.steps} == {
        "clean.transactions": (),
        "bronze": ("clean.transactions",),
        "silver": ("bronze",),
        "gold": ("silver",),
    }


def test_granularity_phase_gives_run_and_test_a_pod_each(transactions: PipelineFile):
    plan = plan_of(transactions, granularity="phase")
    assert [(step.name, step.task_id, step.needs) for step in plan.steps][1:3] == [
        ("bronze.run", "dbt_run_bronze", ("clean.transactions",)),
        ("bronze.test", "dbt_test_bronze", ("bronze.run",)),
    ]


def test_freshness_is_a_gate_between_loads_and_first_layer(transactions: PipelineFile):
    steps = {step.name: step for step in plan_of(transactions, source_freshness=True).steps}
    assert list(steps) == ["clean.transactions", "freshness", "bronze", "silver", "gold"]
    assert (steps["freshness"].needs, steps["bronze"].needs) == (("clean.transactions",), ("freshness",))
    assert steps["freshness"].task_id == "dbt_source_freshness"
    assert steps["freshness"].work.select == "path:models/customer_transactions"


def test_only_gold_is_published_unless_the_file_says_otherwise(transactions: PipelineFile):
    assert {step.name: step.work.publish for step in plan_of(transactions).steps if step.layer} == {
        "bronze": False,
        "silver": False,
        "gold": True,
    }


def test_full_refresh_reaches_every_layer_and_no_load(transactions: PipelineFile):
    context = RunContext("run-1", "/landing", full_refresh=True)
    plan = make_plan(transactions.pipeline, transactions.contracts, context)
    assert [step.name for step in plan.steps if getattr(step.work, "full_refresh", False)] == [
        "bronze",
        "silver",
        "gold",
    ]


def test_the_contract_travels_with_the_step(transactions: PipelineFile):
    task = plan_of(transactions).task("clean.transactions")
    assert task.work.contract.table == "cleaned_data.customer_transactions"


def test_task_groups_carry_the_names_that_the_file_gives(transactions: PipelineFile):
    plan = plan_of(transactions)
    assert [step.group for step in plan.steps] == [
        ("Clean-Transactions",),
        *[("DBT-Transformations", "dbt_models")] * 3,
    ]
    assert plan.markers[0].group == ("Load-To-Postgres",)


def test_a_prefix_reaches_every_step(transactions: PipelineFile):
    plan = plan_of(transactions, schema_prefix="acme_")
    assert {plan.task(step.name).schema_prefix for step in plan.steps} == {"acme_"}


def test_no_step_gets_a_password(transactions: PipelineFile):
    assert "PASSWORD" not in repr(plan_of(transactions)).upper()
