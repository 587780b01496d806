"""The pipeline `dbt_transform`: from fifteen files to gold that agrees with the books, and what stops it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from databases import fresh_database
from independent_adventureworks import Books
from medallion.config.load_pipeline import load_pipeline
from medallion.errors import ExitCode
from medallion.orchestrators.local.report import make_report
from medallion.plan import RunContext, make_plan
from medallion.samples.adventureworks import LATE_LINES, write_adventureworks
from medallion.warehouse.connection import Connection, environment
from poison import POISONS
from steps import REPO, run_steps
from task_file import task_file

pytest.importorskip("dbt.cli.main")
NAME = "dbt_transform"
GOLD = ("agg_territory_product_monthly_sales", "agg_customer_lifetime_value", "agg_reason_sales")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landing folder as `medallion sample --kind adventureworks` makes it."""
    folder = tmp_path_factory.mktemp("landing")
    write_adventureworks(folder, orders=60)
    return folder


@pytest.fixture(scope="module", autouse=True)
def baked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDALLION_DBT_BAKED", str(tmp_path_factory.mktemp("baked")))
        yield


def connected(url: str, patch: pytest.MonkeyPatch) -> Any:
    for name in ("PGPORT", "PGPASSWORD", "PGSSLMODE", "PGSERVICE"):
        patch.delenv(name, raising=False)
    for name, value in environment(url).items():
        patch.setenv(name, value)
    return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="module")
def after_a_good_run(postgres_url: str, sample: Path) -> Iterator[str]:
    """The name of a database in which the run `good` went through."""
    with fresh_database(postgres_url) as url, pytest.MonkeyPatch.context() as patch:
        with connected(url, patch):
            codes = run_steps(NAME, sample, "good")
            assert set(codes.values()) == {0}, codes
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture
def published(postgres_url: str, after_a_good_run: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A warehouse of the test's own, in which the run `good` has published."""
    with fresh_database(postgres_url, after_a_good_run) as url, connected(url, monkeypatch) as connection:
        yield connection


@pytest.fixture
def landing(sample: Path, tmp_path: Path) -> Path:
    """A landing folder of the test's own, delivered just now."""
    return Path(shutil.copytree(sample, tmp_path / "landing", copy_function=shutil.copyfile))


def report_of(connection: Connection, run: str) -> dict[str, dict[str, Any]]:
    file = load_pipeline(REPO / "dags" / "pipelines" / f"{NAME}.yaml")
    plan = make_plan(file.pipeline, file.contracts, RunContext(run, "/landing"))
    return {step["name"]: step for step in make_report(connection, plan, run).steps}


def checksum(connection: Connection) -> list[Any]:
    """What readers of gold see, in a few digits."""
    query = "select md5(string_agg(row::text, '/' order by row::text)) from gold.{} as row"
    return [connection.execute(query.format(name)).fetchone() for name in GOLD]  # type: ignore[arg-type]


def agrees_with_the_books(connection: Connection, landing: Path) -> None:
    books = Books(landing)
    cube = connection.execute(
        """select territory_id, product_id, order_month, order_count, customer_count, quantity, gross_sales, discounts,
               net_sales, margin
           from gold.agg_territory_product_monthly_sales"""
    ).fetchall()
    assert {tuple(row[:3]): tuple(row[3:]) for row in cube} == {
        key: (len(s.orders), len(s.customers), s.quantity, s.gross, s.discounts, s.net, s.net - s.cost)
        for key, s in books.cube().items()
    }
    values = connection.execute(
        """select customer_id, customer_name, first_order_date, last_order_date, order_count, lifetime_value,
               average_order_value
           from gold.agg_customer_lifetime_value"""
    ).fetchall()
    assert {row[0]: tuple(row[1:]) for row in values} == books.lifetime_values()
    reasons = connection.execute(
        "select reason_id, order_count, sales_of_orders, allocated_sales from gold.agg_reason_sales"
    ).fetchall()
    assert {row[0]: tuple(row[1:]) for row in reasons} == books.reasons()
    assert sum((Decimal(str(row[3])) for row in reasons), Decimal(0)) == books.booked


def test_gold_equals_an_independent_computation(published: Connection, sample: Path):
    agrees_with_the_books(published, sample)


def test_every_step_has_its_row_and_oddities_warn(published: Connection, sample: Path):
    steps = report_of(published, "good")
    assert len(steps) == 15 + 1 + 6
    assert {step["status"] for step in steps.values()} == {"succeeded"}
    assert steps["clean.person"]["reasons"] == {"persontype is not one of SC, IN, SP, EM, VC, GC": 1}
    assert steps["clean.address"]["reasons"] == {"addressid repeats an earlier row": 1}
    tests = [test for step in steps.values() for test in step["tests"]]
    warned = {test["name"]: test["failures"] for test in tests if test["status"] != "pass"}
    assert {test["status"] for test in tests} == {"pass", "warn"}
    assert warned["order_lines_whose_order_has_not_come_yet"] == LATE_LINES
    assert set(warned) == {
        "order_lines_whose_order_has_not_come_yet",
        "orders_name_known_addresses",
        "customers_name_known_persons",
    }


SLOW = pytest.mark.slow


@pytest.mark.parametrize("layer", ["bronze", pytest.param("silver", marks=SLOW), pytest.param("gold", marks=SLOW)])
def test_poisoned_row_stops_at_its_layer_and_fixed_file_succeeds(
    layer: str, published: Connection, landing: Path, sample: Path
):
    good = checksum(published)
    test = POISONS[layer](landing)
    codes = run_steps(NAME, landing, f"poisoned {layer}")
    assert (list(codes)[-1], codes[f"{layer}.test"]) == (f"{layer}.test", ExitCode.TEST_FAILED)
    step = report_of(published, f"poisoned {layer}")[f"{layer}.test"]
    failed = {found["name"]: found for found in step["tests"] if found["status"] == "fail"}
    assert (failed[test]["failures"], len(failed[test]["sample"])) == (1, 1)
    assert f"{test}: 1 failing rows, such as {{" in step["message"]
    assert checksum(published) == good
    shutil.copytree(sample, landing, dirs_exist_ok=True, copy_function=shutil.copyfile)
    assert set(run_steps(NAME, landing, f"mended {layer}").values()) == {0}
    assert checksum(published) == good


def test_stale_source_stops_the_run_before_bronze(published: Connection, landing: Path):
    header = delivered(landing / "adventureworks" / "sales" / "salesorderheader.csv", days_ago=9.1)
    delivered(landing / "adventureworks" / "person" / "person.csv", days_ago=2)
    codes = run_steps(NAME, landing, "stale")
    assert (list(codes)[-1], codes["freshness"]) == ("freshness", ExitCode.SOURCE_STALE)
    steps = report_of(published, "stale")
    assert (steps["clean.salesorderheader"]["status"], steps["bronze.run"]["status"]) == ("unchanged", "skipped")
    found = {test["name"]: test for test in steps["freshness"]["tests"]}
    assert {name: test["status"] for name, test in found.items() if test["status"] != "pass"} == {
        "freshness_of_sales.salesorderheader": "fail",
        "freshness_of_person.person": "warn",
    }
    message = steps["freshness"]["message"]
    assert message.startswith("1 of 6 sources are stale:\nsales.salesorderheader was last delivered 9 days 2 hours ago")
    assert message.endswith("stale after 7 days")
    assert found["freshness_of_sales.salesorderheader"]["sample"][0]["limit"] == "7 days"

    header.touch()  # the same content, delivered again
    assert run_steps(NAME, landing, "stale", until="freshness")["freshness"] == ExitCode.OK
    assert report_of(published, "stale")["freshness"]["message"] == "6 sources are fresh, 1 of them only just"


def delivered(path: Path, days_ago: float) -> Path:
    then = time.time() - days_ago * 86_400
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize(
    ("models", "code", "words"),
    [
        ("adventureworks", ExitCode.SOURCE_STALE, "sales.salesorderheader was never delivered; stale after 7 days"),
        ("customer_transactions", ExitCode.USAGE, "no source of 'path:models/customer_transactions' says how old"),
    ],
)
def test_undelivered_source_is_stale_without_limit_no_gate(
    warehouse: Connection, models: str, code: ExitCode, words: str
):
    step = ("--pipeline", NAME, "--run-id", "one", "--step", "freshness", "--phase", "freshness")
    done = command("-m", "medallion.dbt", *task_file([*step, "--select", f"path:models/{models}"]))
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = str(REPO / "src")
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300
    )


def test_the_models_unit_tests_pass(published: Connection, tmp_path: Path):
    project = REPO / "dags" / "dbt"
    folders = ("--project-dir", project, "--profiles-dir", project, "--target-path", tmp_path, "--log-path", tmp_path)
    done = command("-m", "dbt.cli.main", "test", "--select", "path:models/adventureworks,test_type:unit", *folders)
    assert (done.returncode, "PASS=11" in done.stdout) == (0, True), done.stdout


def test_the_real_tables_agree_with_an_independent_computation(
    warehouse: Connection, shared_data: Path, tmp_path: Path
):
    if not (shared_data / "adventureworks").is_dir():
        pytest.skip("no AdventureWorks tables among the real data")
    landing = tmp_path / "landing"
    shutil.copytree(shared_data / "adventureworks", landing / "adventureworks", copy_function=shutil.copyfile)
    codes = run_steps(NAME, landing, "real")
    assert set(codes.values()) == {0}, codes
    agrees_with_the_books(warehouse, landing)
    loaded = report_of(warehouse, "real")
    assert {name: step["rows_rejected"] for name, step in loaded.items() if step["rows_rejected"]} == {}
    names = "select first_name || ' ' || last_name from bronze.stg_person__persons where person_id = 1"
    assert warehouse.execute(names).fetchone() == ("Ken Sánchez",)
    months = warehouse.execute(
        "select min(order_month), max(order_month) from gold.agg_territory_product_monthly_sales"
    ).fetchone()
    assert months == (date(2011, 5, 1), date(2011, 12, 1))
