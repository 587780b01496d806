"""Clean and load a CSV: Medallion's cleaner, the pandas way and COPY alone, in turns.

    python tests/bench/bench_cleaner.py --rows 2000000

The ratios are what counts; the machine decides the seconds. CPU and memory are the client's, not the server's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from medallion.samples.customer_transactions import write_sample
from medallion.warehouse.connection import environment
from medallion.warehouse.embedded import embedded_postgres
from task_file import task_file

CONTRACT = REPO / "dags" / "contracts" / "customer_transactions.yaml"
COPY_ALONE = """
import sys, psycopg
with psycopg.connect("") as connection:
    connection.execute(sys.argv[2])
    with open(sys.argv[1], "rb") as file, connection.cursor().copy("copy bare from stdin with (format csv)") as copy:
        while data := file.read(1 << 20):
            copy.write(data)
"""


@dataclass(frozen=True)
class Cost:
    """What a process took: wall and CPU seconds, and the most memory, in MiB."""

    wall: float
    cpu: float
    rss: float


def cost_of(arguments: list[str], variables: dict[str, str]) -> Cost:
    """Runs a command to its end.

    Raises:
        RuntimeError: It failed.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(arguments, env={**os.environ, **variables}, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace")[-3000:])
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def database(url: str, name: str) -> Iterator[dict[str, str]]:
    """A fresh database, as libpq's environment."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"create database {name}")  # type: ignore[arg-type]
        try:
            yield {**environment(url), "PGDATABASE": name}
        finally:
            server.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]


def python_with_pandas(folder: Path) -> str:
    """An interpreter that has pandas: this one, or one set up for the purpose."""
    if subprocess.run([sys.executable, "-c", "import pandas"], capture_output=True, timeout=1800).returncode == 0:
        return sys.executable
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=1800)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "pandas", "psycopg[binary]"], check=True, timeout=1800)
    return python


def clean_copy(url: str, ours: list[str], variables: dict[str, str], path: Path) -> str:
    """Writes what the cleaner loads as a CSV that needs no cleaning; returns the table to copy it into."""
    with database(url, "bench_once") as place:
        cost_of(ours, {**place, **variables})
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


def main() -> None:
    """Runs the three ways in turns and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medallion-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, cleaned = folder / "input.csv", folder / "clean.csv"
        write_sample(source, rows=given.rows)
        server = embedded_postgres(folder / "pg")
        try:
            url = server.get_uri()
            step = ["--pipeline", "bench", "--run-id", "bench", "--step", "clean", "--input", str(source)]
            variables = {"PYTHONPATH": str(REPO / "src")}
            ours = [sys.executable, "-m", "medallion.cleaner", *task_file(step, CONTRACT.read_text())]
            bare = clean_copy(url, ours, variables, cleaned)
            reference = [python_with_pandas(folder / "venv"), str(Path(__file__).with_name("reference_cleaner.py"))]
            ways = {
                "medallion": ours,
                "pandas": [*reference, str(source), str(folder / "reference.csv")],
                "COPY alone": [sys.executable, "-c", COPY_ALONE, str(cleaned), bare],
            }
            costs: dict[str, list[Cost]] = {way: [] for way in ways}
            for number in range(given.rounds):
                for way, command in ways.items():
                    with database(url, f"bench_{number}") as place:
                        costs[way].append(cost_of(command, {**place, **variables}))
            report(costs, source.stat().st_size, given.rows)
        finally:
            server.stop()


def report(costs: dict[str, list[Cost]], size: int, rows: int) -> None:
    """Prints a table: medians, and how many times less (or more) than Medallion each way takes."""

    def middle(way: str, what: str) -> float:
        return statistics.median(getattr(cost, what) for cost in costs[way])

    print(f"{rows:,} rows, {size / 1e6:.0f} MB, medians of {len(next(iter(costs.values())))} rounds in turns")
    print(f"{'':12} {'wall s':>8} {'CPU s':>8} {'MiB':>6}   wall, CPU and memory as a multiple of medallion's")
    for way in costs:
        now = [middle(way, what) for what in ("wall", "cpu", "rss")]
        times = [value / middle("medallion", what) for value, what in zip(now, ("wall", "cpu", "rss"), strict=True)]
        print(f"{way:12} {now[0]:8.2f} {now[1]:8.2f} {now[2]:6.0f}   {times[0]:5.2f} {times[1]:5.2f} {times[2]:5.2f}")


if __name__ == "__main__":
    main()
