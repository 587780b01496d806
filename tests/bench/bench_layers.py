"""What a run's three layers cost in dbt, by how many processes share the work.

    python tests/bench/bench_layers.py [--rounds 3] [--rows 20000]

Rounds are interleaved, so that a busy machine slows every way alike; read the ratios, not the seconds.
`run, then test` parses in each process, as six fresh pods would.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import psycopg

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from databases import fresh_database
from medallion.protocol.result import TaskResult
from medallion.warehouse import ledger
from medallion.warehouse.connection import environment
from medallion.warehouse.embedded import embedded_postgres
from medallion.warehouse.ledger import StepRun
from task_file import task_file

PROJECT = REPO / "dags" / "dbt"
LAYERS = ("bronze", "silver", "gold")
CLEANED = """
    create schema cleaned_data;
    create table cleaned_data.customer_transactions as
    select 'T' || n as transaction_id, 'C' || n % 500 as customer_id, 'P' || n % 200 as product_id,
        'Product ' || n % 200 as product_name, 'Food' as category, n % 9 + 1 as quantity,
        (n % 100 + 0.25)::numeric(12, 2) as unit_price, null::numeric(12, 2) as tax_amount,
        ((n % 9 + 1) * (n % 100 + 0.25))::numeric(14, 2) as total_amount, 'Cash' as payment_method,
        'Online' as location, true as discount_applied, date '2022-01-01' + n % 1000 as transaction_date,
        n::bigint as _line
    from generate_series(1, {rows}) as n
"""


def dbt(*arguments: str) -> None:
    """One dbt process with a target folder of its own, as in a fresh pod."""
    with tempfile.TemporaryDirectory() as target:
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", target]
        quiet = ["--log-path", target, "--quiet"]
        only_data = [] if arguments[0] == "run" else ["--exclude-resource-type", "unit_test"]
        command = [str(Path(sys.executable).with_name("dbt")), *arguments, *places, *quiet, *only_data]
        subprocess.run(command, check=True, timeout=1800)


def run_then_test() -> None:
    """Six processes: the reference way."""
    for layer in LAYERS:
        for command in ("run", "test"):
            dbt(command, "--select", f"path:models/customer_transactions/{layer}", "--indirect-selection", "buildable")


def layer_commands() -> None:
    """Three processes: each layer run, tested, gated and published by the image's own command."""
    before = "clean"
    for layer in LAYERS:
        names = ["--pipeline", "bench", "--run-id", "one", "--step", layer, "--layer", layer, "--needs", before]
        select = ["--select", f"path:models/customer_transactions/{layer}"]
        publish = ["--publish"] if layer == "gold" else []
        command = [sys.executable, "-m", "medallion.dbt", *task_file([*names, *select, *publish])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1800)
        before = layer


def one_build() -> None:
    """One process, no gates between layers and nothing published: the floor."""
    dbt("build", "--select", "path:models/customer_transactions", "--indirect-selection", "buildable")


def measure(way: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds of a way's processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    way()
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    ways = {"run, then test, per layer": run_then_test, "layer commands": layer_commands, "one build": one_build}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = embedded_postgres(Path(folder) / "pg")
        os.environ["MEDALLION_DBT_BAKED"] = str(Path(folder) / "baked")
        os.environ["PYTHONPATH"] = str(REPO / "src")
        subprocess.run(
            [sys.executable, "-m", "medallion.dbt", "bake"], check=True, stdout=subprocess.DEVNULL, timeout=1800
        )
        with fresh_database(server.get_uri()) as loaded:
            with psycopg.connect(loaded, autocommit=True) as connection:
                connection.execute(CLEANED.format(rows=given.rows))  # type: ignore[arg-type]
                ledger.ensure(connection)
                ledger.record(connection, StepRun("bench", "one", "clean"), datetime.now(timezone.utc), TaskResult())
                template = connection.info.dbname
            for _ in range(given.rounds):
                for name, way in ways.items():
                    with fresh_database(server.get_uri(), template) as url:
                        os.environ.update(environment(url))
                        taken[name].append(measure(way))
        server.stop()
    base = [statistics.median(column) for column in zip(*taken["run, then test, per layer"], strict=True)]
    print(f"{given.rows} rows, {given.rounds} rounds\n{'way':28}{'wall s':>8}{'CPU s':>8}{'wall x':>8}{'CPU x':>8}")
    for name, figures in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name:28}{wall:8.1f}{cpu:8.1f}{base[0] / wall:8.2f}{base[1] / cpu:8.2f}")


if __name__ == "__main__":
    main()
