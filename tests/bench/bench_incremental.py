"""What an incremental model of a published layer costs, by how much is new.

    python tests/bench/bench_incremental.py [--rows 2000000] [--rounds 3]

A run is one layer command on one model over an embedded Postgres. `from nothing` is what every run was before builds
went on from each other. Seconds of the model are dbt's own; WAL and the build's size are what the server says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from medallion.warehouse.connection import environment
from medallion.warehouse.embedded import embedded_postgres
from task_file import task_file

SETTINGS = """
name: bench
version: "1.0.0"
config-version: 2
profile: medallion
flags: {send_anonymous_usage_stats: false}
models: {bench: {+schema: gold, +materialized: incremental}}
"""
MODEL = """
{{ config(unique_key='id', indexes=[{'columns': ['id'], 'unique': true}]) }}
select id, day, customer, amount, note from silver.sales
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
"""
ROWS = """
    insert into silver.sales
    select n, date '2022-01-01' + (n / 2000)::int, n % 5000, (n % 1000 + 0.25)::numeric(12, 2), 'note number ' || n
    from generate_series({first}, {last}) as n
"""
WAYS = ("from nothing", "nothing new", "1% new")


def make_project(folder: Path) -> None:
    """A dbt project of one model."""
    ours = REPO / "dags" / "dbt"
    for place in ("models", "macros"):
        (folder / place).mkdir(parents=True)
    (folder / "dbt_project.yml").write_text(SETTINGS)
    (folder / "models" / "sales.sql").write_text(MODEL)
    shutil.copy(ours / "profiles.yml", folder)
    shutil.copy(ours / "macros" / "generate_schema_name.sql", folder / "macros")


def run(connection: psycopg.Connection[tuple[object, ...]], number: int, *more: str) -> tuple[float, float, int, int]:
    """Seconds of the command and of the model, bytes of WAL, and of the build."""
    names = ["--pipeline", "bench", "--run-id", f"run-{number}", "--step", "gold", "--layer", "gold"]
    task = task_file([*names, "--select", "path:models", "--publish", "--retention", json.dumps({"builds": 1}), *more])
    command = [sys.executable, "-m", "medallion.dbt", *task]
    connection.execute("vacuum")  # else what an earlier run left for the first reader to tidy would count here
    connection.execute("checkpoint")
    (before,) = connection.execute("select pg_current_wal_lsn()").fetchone() or ("",)
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=1800)
    wall = time.monotonic() - began
    row = connection.execute(
        """select pg_wal_lsn_diff(pg_current_wal_lsn(), %s)::bigint, (
               select sum(pg_total_relation_size(oid))::bigint from pg_class
               where relnamespace = to_regnamespace((select build_schema from medallion.builds order by created_at desc limit 1))
                   and relkind in ('r', 'v')),
           (select details #>> '{models,0,seconds}' from medallion.step_runs order by id desc limit 1)::float""",
        (before,),
    ).fetchone()
    assert row is not None
    return wall, float(row[2]), int(row[0]), int(row[1])  # type: ignore[arg-type]


def main() -> None:
    """Prints a table of seconds and megabytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    taken: dict[str, list[tuple[float, float, int, int]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        make_project(folder / "project")
        os.environ["MEDALLION_DBT_PROJECT"] = str(folder / "project")
        os.environ["MEDALLION_DBT_BAKED"] = str(folder / "baked")
        os.environ["PYTHONPATH"] = str(REPO / "src")
        subprocess.run(
            [sys.executable, "-m", "medallion.dbt", "bake"], check=True, stdout=subprocess.DEVNULL, timeout=1800
        )
        server = embedded_postgres(folder / "pg")
        os.environ.update(environment(server.get_uri()))
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("alter system set autovacuum = off")
            connection.execute("select pg_reload_conf()")
            columns = "id bigint, day date, customer int, amount numeric(12, 2), note text"
            connection.execute(f"create schema silver; create table silver.sales ({columns})")  # type: ignore[arg-type]
            connection.execute(ROWS.format(first=1, last=given.rows))  # type: ignore[arg-type]
            last, number = given.rows, 0
            for _ in range(given.rounds):
                for way in WAYS:
                    if way == "1% new":
                        step = given.rows // 100
                        connection.execute(ROWS.format(first=last + 1, last=last + step))  # type: ignore[arg-type]
                        last += step
                    number += 1
                    taken[way].append(run(connection, number, *(["--full-refresh"] if way == "from nothing" else [])))
        server.stop()
    print(
        f"{given.rows} rows, {given.rounds} rounds\n{'run':14}{'command s':>11}{'model s':>9}{'WAL MB':>9}{'build MB':>10}"
    )
    for way, figures in taken.items():
        wall, model, wal, size = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{way:14}{wall:11.1f}{model:9.2f}{wal / 1e6:9.2f}{size / 1e6:10.1f}")


if __name__ == "__main__":
    main()
