"""Layers as tests use them: the dbt image's own command, on cleaned rows with simple totals."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from medallion.errors import ExitCode
from medallion.protocol.result import TaskResult
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun
from task_file import task_file
from warm import Warm, warm

REPO = Path(__file__).resolve().parents[2]
PIPELINE = "orders"
LAYERS = ("bronze", "silver", "gold")

COLUMNS = """
    transaction_id text primary key, customer_id text not null, product_id text, product_name text, category text,
    quantity integer not null, unit_price numeric(12, 2) not null, tax_amount numeric(12, 2),
    total_amount numeric(14, 2) not null, payment_method text, location text, discount_applied boolean,
    transaction_date date not null, _line bigint not null
"""


def load(warehouse: Connection, prefix: str, run: str, months: int = 3) -> None:
    """Cleaned rows with simple totals: month m sells 10 pieces of P1 for m each, and one unknown product for 0.50."""
    schema = f"{prefix}cleaned_data"
    warehouse.execute(f"create schema if not exists {schema}; drop table if exists {schema}.customer_transactions")  # type: ignore[arg-type]
    warehouse.execute(f"create table {schema}.customer_transactions ({COLUMNS})")  # type: ignore[arg-type]
    for month in range(1, months + 1):
        sell(warehouse, f"T{month}a", "C1", "P1", 10, Decimal(month), f"2025-{month:02}-03", prefix)
        sell(warehouse, f"T{month}b", "C2", None, 1, Decimal("0.50"), f"2025-{month:02}-04", prefix)
    ledger.ensure(warehouse)
    ledger.record(warehouse, StepRun(PIPELINE, run, "clean.orders"), datetime.now(timezone.utc), TaskResult())


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
        [sys.executable, "-m", "medallion.dbt", *(task_file(arguments) if "--pipeline" in arguments else arguments)],
        capture_output=True,
        text=True,
        env=with_path(env),
        check=False,
        timeout=300,
    )


def with_path(env: dict[str, str] | None = None) -> dict[str, str]:
    folders = str(REPO / "src")
    return {**(env or os.environ), "PYTHONPATH": folders}


def arguments_of(layer: str, run: str = "one", phase: str = "build", prefix: str = "") -> list[str]:
    before = {"bronze": "clean.orders", "silver": "bronze", "gold": "silver"}[layer]
    step, needs = (layer, before) if phase == "build" else (f"{layer}.{phase}", before)
    needs = f"{layer}.run" if phase == "test" else needs
    return [
        *("--pipeline", PIPELINE, "--run-id", run, "--step", step, "--layer", layer, "--phase", phase),
        *("--select", f"path:models/customer_transactions/{layer}", "--needs", needs),
        *("--models", "customer_transactions"),
        *(word for name in LAYERS for word in ("--layers", f"{name}=path:models/customer_transactions/{name}")),
        *(("--schema-prefix", prefix) if prefix else ()),
        *(("--publish",) if layer == "gold" else ()),
    ]


def run_layer(layer: str, run: str = "one", **options: str) -> subprocess.CompletedProcess[str]:
    """Runs a layer's command to its end, as a fork of a process that has imported dbt, on this repository's project."""
    if "MEDALLION_DBT_PROJECT" in os.environ:
        return run_command(*arguments_of(layer, run, **options))
    return _forks().run(*arguments_of(layer, run, **options))


@cache
def _forks() -> Warm:
    """The process to fork from; it parses the project and keeps the manifest in `MEDALLION_DBT_BAKED`."""
    kept = ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(warm({}))


def bake(folder: Path) -> None:
    """Parses this repository's project, with no database anywhere near, and keeps the manifest in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PG") or name == "MEDALLION_DBT_PROJECT"]:
            patch.delenv(name)
        patch.setenv("MEDALLION_DBT_BAKED", str(folder))
        _forks.cache_clear()  # one that is there already has parsed into another folder
        _forks().run()  # a command without a task fails, once the manifest is there
    assert list(folder.iterdir())


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
        command = [sys.executable, "-m", "medallion.dbt", *task_file(arguments)]
        process = subprocess.Popen(command, env=with_path(), stdout=subprocess.PIPE, text=True)
        while warehouse.execute(waiting).fetchone() == (0,):
            assert process.poll() is None
        yield process


EXPECTED = [(f"2025-{m:02}-01", 2, 11, Decimal(10 * m) + Decimal("0.50")) for m in (1, 2, 3)]


def entry(warehouse: Connection, step: str, run: str = "one") -> dict[str, Any]:
    return next(row for row in ledger.list_steps(warehouse, PIPELINE, run) if row["step"] == step)
