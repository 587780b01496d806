"""Layers on a real Postgres: built, tested, gated and published by the dbt image's own command."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from layers import (
    EXPECTED,
    PIPELINE,
    REPO,
    arguments_of,
    entry,
    load,
    monthly,
    run_all,
    run_command,
    run_layer,
    sell,
    stuck_in_a_model,
)
from medallion.errors import ExitCode
from medallion.protocol.result import TaskResult
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun


def test_three_layers_give_right_gold_and_a_full_ledger(published: Connection):
    assert monthly(published) == EXPECTED
    gold = entry(published, "gold")
    assert gold["status"] == "succeeded"
    assert gold["details"]["files_parsed"] == 0
    assert {model["name"]: model["rows"] for model in gold["details"]["models"]} == {
        "agg_monthly_sales": 3,
        "agg_product_sales": 2,
    }
    assert {test["status"] for test in gold["details"]["tests"]} == {"pass"}


def test_a_layer_does_not_start_before_the_one_below_it(loaded: Connection):
    done = run_layer("silver")
    assert done.returncode == ExitCode.UPSTREAM_NOT_SUCCEEDED
    assert "needs bronze, which did not succeed in run one" in done.stdout


@pytest.mark.parametrize(
    ("layer", "poison", "test"),
    [
        ("bronze", "update cleaned_data.customer_transactions set transaction_date = '2999-01-01' where transaction_id = 'T1a'", "not_in_the_future"),
        ("silver", "update bronze.stg_customer_transactions set payment_method = 'Barter' where transaction_id = 'T1a'", "accepted_values"),
        ("gold", "update silver.fact_transactions set total_amount = 9999 where transaction_id = 'T1a'", "monthly_sales_add_up_to_the_facts"),
    ],
)  # fmt: skip
def test_poisoned_row_stops_its_layer_and_readers_keep_gold(published: Connection, layer: str, poison: str, test: str):
    load(published, "", "two")
    for name in ("bronze", "silver", "gold"):
        if name == layer:
            published.execute(poison)  # type: ignore[arg-type]
        done = run_layer(name, "two")
        if name == layer:
            break
    assert done.returncode == ExitCode.TEST_FAILED, done.stdout
    row = entry(published, layer, "two")
    failed = [found for found in row["details"]["tests"] if found["status"] == "fail"]
    assert any(test in found["name"] for found in failed)
    assert all(found["failures"] >= 1 and found["sample"] for found in failed)
    assert failed[0]["name"] in row["details"]["message"]
    assert monthly(published) == EXPECTED


@pytest.mark.slow
def test_run_and_test_as_two_processes_second_publishes(loaded: Connection):
    for layer in ("bronze", "silver"):
        assert run_layer(layer).returncode == 0
    assert run_layer("gold", phase="run").returncode == 0
    assert loaded.execute("select to_regclass('gold.agg_monthly_sales')").fetchone() == (None,)
    assert run_layer("gold", phase="test").returncode == 0
    assert monthly(loaded) == EXPECTED


def test_a_prefix_keeps_two_pipelines_on_the_same_models_apart(published: Connection):
    load(published, "acme_", "one", months=1)
    run_all(prefix="acme_")
    assert (monthly(published), monthly(published, "acme_gold")) == (EXPECTED, EXPECTED[:1])


def test_failed_model_is_named_with_the_database_error(loaded: Connection):
    loaded.execute("alter table cleaned_data.customer_transactions drop column location")
    done = run_layer("bronze")
    assert done.returncode == ExitCode.MODEL_FAILED
    message = entry(loaded, "bronze")["details"]["message"]
    assert "stg_customer_transactions failed: " in message
    assert "models/customer_transactions/bronze/stg_customer_transactions.sql" in message
    assert 'column "location" does not exist' in message


def test_a_selector_that_fits_no_model_is_no_success(loaded: Connection):
    arguments = [
        word.replace("path:models/customer_transactions/bronze", "path:models/nowhere")
        for word in arguments_of("bronze")
    ]
    done = run_command(*arguments)
    assert done.returncode == ExitCode.USAGE
    assert "no model fits the selector 'path:models/nowhere'" in done.stdout


def test_killed_layer_leaves_readers_alone_rerun_succeeds(published: Connection):
    for layer in ("bronze", "silver"):
        ledger.record(published, StepRun(PIPELINE, "two", layer, layer), datetime.now(timezone.utc), TaskResult())
    seen: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect("", autocommit=True) as reader:
            while not stop.is_set():
                seen.add(len(monthly(reader)))

    reader = threading.Thread(target=read)
    reader.start()
    with stuck_in_a_model(published, "silver.fact_transactions", *arguments_of("gold", "two")) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(120)
    assert run_layer("gold", "two").returncode == 0
    stop.set()
    reader.join(120)
    assert seen == {3}
    assert monthly(published) == EXPECTED


def test_a_stopped_layer_leaves_no_session_behind(loaded: Connection):
    with stuck_in_a_model(loaded, "cleaned_data.customer_transactions", *arguments_of("bronze")) as process:
        process.terminate()
        assert process.wait(timeout=30) == ExitCode.TERMINATED
        left = "select count(*) from pg_stat_activity where datname = current_database() and application_name like '%medallion%'"
        while loaded.execute(left).fetchone() != (0,):
            pass


@pytest.mark.parametrize("end", ["stopped", pytest.param("sessions terminated", marks=pytest.mark.slow)])
def test_published_layer_succeeds_when_clean_up_is_killed(published: Connection, end: str):
    load(published, "", "two", months=1)
    for layer in ("bronze", "silver"):
        assert run_layer(layer, "two").returncode == ExitCode.OK
    with stuck_in_a_model(published, "medallion.rejected_rows", *arguments_of("gold", "two")) as process:
        # Threads of dbt may wait for each other for a moment, before the clean-up does.
        while not any(row["step"] == "gold" for row in ledger.list_steps(published, PIPELINE, "two")):
            assert process.poll() is None
        held = "select count(*) from pg_locks where not granted and relation = 'medallion.rejected_rows'::regclass"
        while published.execute(held).fetchone() == (0,):
            assert process.poll() is None
        assert entry(published, "gold", "two")["status"] == "succeeded"
        if end == "stopped":
            process.terminate()
        else:
            waits = "wait_event_type = 'Lock' and datname = current_database()"
            published.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {waits}")  # type: ignore[arg-type]
        assert process.wait(timeout=60) == ExitCode.OK
    assert monthly(published) == EXPECTED[:1]
    assert entry(published, "gold", "two")["status"] == "succeeded"


def test_lost_database_in_a_model_is_retryable_readers_keep(published: Connection):
    load(published, "", "two", months=1)
    others = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'medallion%'"
    with stuck_in_a_model(published, "cleaned_data.customer_transactions", *arguments_of("bronze", "two")) as process:
        published.execute(others)
        assert process.wait(timeout=60) == ExitCode.WAREHOUSE_UNAVAILABLE
    assert monthly(published) == EXPECTED
    assert entry(published, "bronze", "two")["status"] == "failed"


def test_baked_manifest_serves_other_host_user_and_database(
    published: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    host, role = tmp_path / "elsewhere", f"role_{uuid.uuid4().hex[:8]}"
    host.symlink_to(published.info.host)
    published.execute(f"create role {role} login superuser")  # type: ignore[arg-type]
    monkeypatch.setenv("PGHOST", str(host))
    monkeypatch.setenv("PGUSER", role)
    try:
        load(published, "", "two")
        assert run_layer("bronze", "two").returncode == ExitCode.OK
    finally:
        published.execute(f"reassign owned by {role} to current_user; drop role {role}")  # type: ignore[arg-type]
    assert entry(published, "bronze", "two")["details"]["files_parsed"] == 0


def test_changed_project_is_reparsed_unmodified_despite_warnings(
    published: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = shutil.copytree(REPO / "dags" / "dbt", tmp_path / "project")
    tests = project / "models" / "customer_transactions" / "bronze" / "stg_customer_transactions.yml"
    warned = "{not_in_the_future: {config: {severity: warn}}}"
    tests.write_text(tests.read_text().replace("not_in_the_future]", f"{warned}]"))
    files = sorted(project.rglob("*"))
    monkeypatch.setenv("MEDALLION_DBT_PROJECT", str(project))
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(tmp_path / "baked"))
    load(published, "", "two")
    sell(published, "T9", "C1", "P1", 1, Decimal(1), "2999-01-01")
    assert run_layer("bronze", "two").returncode == ExitCode.OK
    details = entry(published, "bronze", "two")["details"]
    assert details["files_parsed"] > 0
    assert [(test["failures"], len(test["sample"])) for test in details["tests"] if test["status"] == "warn"] == [
        (1, 1)
    ]
    assert sorted(project.rglob("*")) == files


def test_layer_without_gate_publishes_and_reports_failures(published: Connection):
    ledger.record(published, StepRun(PIPELINE, "two", "silver", "silver"), datetime.now(timezone.utc), TaskResult())
    published.execute("update silver.fact_transactions set total_amount = 9999 where transaction_id = 'T1a'")
    assert run_command(*arguments_of("gold", "two"), "--no-gate").returncode == ExitCode.OK
    failed = [test["name"] for test in entry(published, "gold", "two")["details"]["tests"] if test["status"] == "fail"]
    assert sorted(failed) == ["monthly_sales_add_up_to_the_facts", "product_sales_add_up_to_the_facts"]
    assert monthly(published) != EXPECTED


def test_debug_reports_whether_the_warehouse_can_be_reached(warehouse: Connection, monkeypatch: pytest.MonkeyPatch):
    found = run_command("debug")
    assert (found.returncode, "Connection test: [OK connection ok]" in found.stdout) == (ExitCode.OK, True), found
    monkeypatch.setenv("PGHOST", "/nowhere")
    away = run_command("debug")
    assert (away.returncode, "/nowhere" in away.stdout) == (ExitCode.WAREHOUSE_UNAVAILABLE, True), away


UNIT_TESTS = "test_type:unit,path:models/customer_transactions"


def test_the_models_unit_tests_pass(published: Connection, tmp_path: Path):
    project = REPO / "dags" / "dbt"
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", tmp_path, "--log-path", tmp_path)
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run([dbt, "test", "--select", UNIT_TESTS, *folders], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "PASS=3" in done.stdout
