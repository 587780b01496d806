"""Layers on a real Postgres: built, tested, gated and published by the dbt image's own command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from databases import fresh_database
from medallion.failures import ExitCode
from medallion.outcome import Outcome
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, environment
from medallion.warehouse.ledger import StepRun

REPO = Path(__file__).resolve().parents[2]
PIPELINE = "orders"

COLUMNS = """
    transaction_id text primary key, customer_id text not null, product_id text, product_name text, category text,
    quantity integer not null, unit_price numeric(12, 2) not null, tax_amount numeric(12, 2),
    total_amount numeric(14, 2) not null, payment_method text, location text, discount_applied boolean,
    transaction_date date not null, _line bigint not null
"""


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, baked as the image bakes it: with no database anywhere near."""
    folder = tmp_path_factory.mktemp("baked")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = run_command("bake", env={**environment, "MEDALLION_DBT_BAKED": str(folder)})
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def loaded(warehouse: Connection, baked: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A warehouse as the cleaner leaves it, in the run `one`."""
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    load(warehouse, "", "one")
    return warehouse


@pytest.fixture(scope="module")
def after_run_one(postgres_url: str, baked: Path) -> Iterator[str]:
    """A database in which run `one` went through; tests that start from there copy it."""
    with fresh_database(postgres_url) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDALLION_DBT_BAKED", str(baked))
        for name, value in environment(url).items():
            patch.setenv(name, value)
        with psycopg.connect(url, autocommit=True) as connection:
            load(connection, "", "one")
            run_all()
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture
def published(
    postgres_url: str, after_run_one: str, baked: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    """A warehouse in which run `one` has published gold."""
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    with fresh_database(postgres_url, after_run_one) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def load(warehouse: Connection, prefix: str, run: str, months: int = 3) -> None:
    """Cleaned rows with simple totals: month m sells 10 pieces of P1 for m each, and one unknown product for 0.50."""
    schema = f"{prefix}cleaned_data"
    warehouse.execute(f"create schema if not exists {schema}; drop table if exists {schema}.customer_transactions")  # type: ignore[arg-type]
    warehouse.execute(f"create table {schema}.customer_transactions ({COLUMNS})")  # type: ignore[arg-type]
    for month in range(1, months + 1):
        sell(warehouse, f"T{month}a", "C1", "P1", 10, Decimal(month), f"2025-{month:02}-03", prefix)
        sell(warehouse, f"T{month}b", "C2", None, 1, Decimal("0.50"), f"2025-{month:02}-04", prefix)
    ledger.ensure(warehouse)
    ledger.record(warehouse, StepRun(PIPELINE, run, "clean.orders"), datetime.now(timezone.utc), Outcome())


def sell(
    warehouse: Connection,
    id: str,
    customer: str,
    product: str | None,
    quantity: int,
    price: Decimal,
    day: str,
    prefix: str = "",
) -> None:
    warehouse.execute(
        f"insert into {prefix}cleaned_data.customer_transactions values "  # type: ignore[arg-type]
        "(%s, %s, %s, %s, 'Food', %s, %s, null, %s, 'Cash', 'Online', true, %s, 1)",
        (id, customer, product, product and "Apple", quantity, price, quantity * price, day),
    )


def run_command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medallion_dbt", *arguments],
        capture_output=True,
        text=True,
        env=with_path(env),
        check=False,
    )


def with_path(env: dict[str, str] | None = None) -> dict[str, str]:
    folders = os.pathsep.join(str(REPO / folder) for folder in ("dags", "images/dbt"))
    return {**(env or os.environ), "PYTHONPATH": folders}


def arguments_of(layer: str, run: str = "one", phase: str = "build", prefix: str = "") -> list[str]:
    before = {"bronze": "clean.orders", "silver": "bronze", "gold": "silver"}[layer]
    step, needs = (layer, before) if phase == "build" else (f"{layer}.{phase}", before)
    needs = f"{layer}.run" if phase == "test" else needs
    return [
        *("--pipeline", PIPELINE, "--run-id", run, "--step", step, "--layer", layer, "--phase", phase),
        *("--select", f"path:models/customer_transactions/{layer}", "--needs", needs),
        *(("--schema-prefix", prefix) if prefix else ()),
        *(("--publish",) if layer == "gold" else ()),
    ]


def run_layer(layer: str, run: str = "one", **options: str) -> subprocess.CompletedProcess[str]:
    return run_command(*arguments_of(layer, run, **options))


def run_all(run: str = "one", prefix: str = "") -> None:
    for layer in ("bronze", "silver", "gold"):
        done = run_layer(layer, run, prefix=prefix)
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr


def monthly(warehouse: Connection, schema: str = "gold") -> list[Any]:
    query = f"select sales_month::text, transaction_count, total_quantity, total_sales from {schema}.agg_monthly_sales order by 1"
    return warehouse.execute(query).fetchall()  # type: ignore[arg-type]


@contextmanager
def stuck_in_a_model(warehouse: Connection, table: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A layer's process that is certainly in the middle of its first model: the table it reads is locked."""
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect("") as blocker:
        blocker.execute(f"lock table {table} in access exclusive mode")  # type: ignore[arg-type]
        command = [sys.executable, "-m", "medallion_dbt", *arguments]
        process = subprocess.Popen(command, env=with_path(), stdout=subprocess.PIPE, text=True)
        while warehouse.execute(waiting).fetchone() == (0,):
            assert process.poll() is None
        yield process


EXPECTED = [(f"2025-{m:02}-01", 2, 11, Decimal(10 * m) + Decimal("0.50")) for m in (1, 2, 3)]


def entry(warehouse: Connection, step: str, run: str = "one") -> dict[str, Any]:
    return next(row for row in ledger.steps_of(warehouse, PIPELINE, run) if row["step"] == step)


def test_three_layers_end_in_gold_that_adds_up_and_in_a_ledger_that_tells_of_every_model(published: Connection):
    assert monthly(published) == EXPECTED
    gold = entry(published, "gold")
    assert gold["status"] == "succeeded"
    assert gold["details"]["parse"] == "baked"
    assert {model["name"]: model["rows"] for model in gold["details"]["models"]} == {
        "agg_monthly_sales": 3,
        "agg_product_sales": 2,
    }
    assert {test["status"] for test in gold["details"]["tests"]} == {"pass"}


def test_a_layer_does_not_start_before_the_one_below_it(loaded: Connection):
    done = run_layer("silver")
    assert done.returncode == ExitCode.GATE_CLOSED
    assert "needs bronze, which did not succeed in run one" in done.stdout


@pytest.mark.parametrize(
    ("layer", "poison", "test"),
    [
        ("bronze", "update cleaned_data.customer_transactions set transaction_date = '2999-01-01' where transaction_id = 'T1a'", "not_in_the_future"),
        ("silver", "update bronze.stg_customer_transactions set payment_method = 'Barter' where transaction_id = 'T1a'", "accepted_values"),
        ("gold", "update silver.fact_transactions set total_amount = 9999 where transaction_id = 'T1a'", "monthly_sales_add_up_to_the_facts"),
    ],
)  # fmt: skip
def test_a_poisoned_row_stops_the_run_at_its_layer_and_readers_keep_the_last_good_gold(
    published: Connection, layer: str, poison: str, test: str
):
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


def test_run_and_test_can_be_two_processes_and_only_the_second_publishes(loaded: Connection):
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


def test_a_model_that_cannot_be_built_is_named_with_what_the_database_says(loaded: Connection):
    loaded.execute("alter table cleaned_data.customer_transactions drop column location")
    done = run_layer("bronze")
    assert done.returncode == ExitCode.MODEL_FAILED
    message = entry(loaded, "bronze")["details"]["message"]
    assert "model stg_customer_transactions failed" in message
    assert 'column "location" does not exist' in message


def test_a_selector_that_fits_no_model_is_no_success(loaded: Connection):
    arguments = [
        word.replace("path:models/customer_transactions/bronze", "path:models/nowhere")
        for word in arguments_of("bronze")
    ]
    done = run_command(*arguments)
    assert done.returncode == ExitCode.USAGE
    assert "no model fits the selector 'path:models/nowhere'" in done.stdout


def test_a_killed_layer_leaves_readers_untouched_and_its_rerun_succeeds(published: Connection):
    for layer in ("bronze", "silver"):
        ledger.record(published, StepRun(PIPELINE, "two", layer, layer), datetime.now(timezone.utc), Outcome())
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
        process.wait()
    assert run_layer("gold", "two").returncode == 0
    stop.set()
    reader.join()
    assert seen == {3}
    assert monthly(published) == EXPECTED


def test_a_stopped_layer_leaves_no_session_behind(loaded: Connection):
    with stuck_in_a_model(loaded, "cleaned_data.customer_transactions", *arguments_of("bronze")) as process:
        process.terminate()
        assert process.wait(timeout=30) == ExitCode.TERMINATED
        left = "select count(*) from pg_stat_activity where datname = current_database() and application_name like '%medallion%'"
        while loaded.execute(left).fetchone() != (0,):
            pass


def test_a_database_that_goes_away_in_a_model_is_worth_a_retry_and_readers_keep_what_they_had(published: Connection):
    load(published, "", "two", months=1)
    others = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'medallion%'"
    with stuck_in_a_model(published, "cleaned_data.customer_transactions", *arguments_of("bronze", "two")) as process:
        published.execute(others)
        assert process.wait(timeout=60) == ExitCode.WAREHOUSE_AWAY
    assert monthly(published) == EXPECTED
    assert entry(published, "bronze", "two")["status"] == "failed"


def test_one_baked_manifest_serves_another_host_user_and_database(
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
    assert entry(published, "bronze", "two")["details"]["parse"] == "baked"


def test_a_changed_project_is_parsed_anew_nothing_is_written_to_it_and_its_warnings_close_no_gate(
    published: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = shutil.copytree(REPO / "images" / "dbt" / "project", tmp_path / "project")
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
    assert details["parse"] == "full"
    assert [(test["failures"], len(test["sample"])) for test in details["tests"] if test["status"] == "warn"] == [
        (1, 1)
    ]
    assert sorted(project.rglob("*")) == files


def test_a_layer_that_is_no_gate_publishes_and_still_tells_what_failed(published: Connection):
    ledger.record(published, StepRun(PIPELINE, "two", "silver", "silver"), datetime.now(timezone.utc), Outcome())
    published.execute("update silver.fact_transactions set total_amount = 9999 where transaction_id = 'T1a'")
    assert run_command(*arguments_of("gold", "two"), "--no-gate").returncode == ExitCode.OK
    failed = [test["name"] for test in entry(published, "gold", "two")["details"]["tests"] if test["status"] == "fail"]
    assert sorted(failed) == ["monthly_sales_add_up_to_the_facts", "product_sales_add_up_to_the_facts"]
    assert monthly(published) != EXPECTED


def test_debug_tells_whether_the_warehouse_can_be_reached(warehouse: Connection, monkeypatch: pytest.MonkeyPatch):
    found = run_command("debug")
    assert (found.returncode, "Connection test: [OK connection ok]" in found.stdout) == (ExitCode.OK, True), found
    monkeypatch.setenv("PGHOST", "/nowhere")
    away = run_command("debug")
    assert (away.returncode, "/nowhere" in away.stdout) == (ExitCode.WAREHOUSE_AWAY, True), away


UNIT_TESTS = "test_type:unit,path:models/customer_transactions"


def test_the_models_unit_tests_pass(published: Connection, tmp_path: Path):
    project = REPO / "images" / "dbt" / "project"
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", tmp_path, "--log-path", tmp_path)
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run([dbt, "test", "--select", UNIT_TESTS, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "PASS=3" in done.stdout
