"""Fifteen small files: a process for each, as before packs, against packs of the default size.

    python tests/bench/bench_packs.py [--rounds N] [FOLDER]

FOLDER is a landing folder with the files of `dbt_transform`; by default they are generated. Each round begins with an
empty database. The processes run one after the other. Postgres' CPU is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from databases import fresh_database, running_server
from medallion.config.load_pipeline import load_pipeline
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.samples.adventureworks import write_adventureworks
from medallion.warehouse.connection import environment

FILE = load_pipeline(REPO / "dags" / "pipelines" / "dbt_transform.yaml")


@dataclass
class Spent:
    """What the processes of one round took."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0


def plan_of(landing: Path, sources_per_pod: int) -> Plan:
    """Return the plan of the loads alone."""
    pipeline = FILE.pipeline.model_copy(
        update={"sources_per_pod": sources_per_pod, "layers": (), "source_freshness": False}
    )
    return make_plan(pipeline, FILE.contracts, RunContext("bench", str(landing.resolve())))


def measure(plan: Plan, url: str) -> Spent:
    """Run the tasks of a plan, one after the other."""
    spent, began = Spent(), time.monotonic()
    for task in plan.tasks:
        variables = {**os.environ, **environment(url), **wire.environment(plan.document(task))}
        command = [sys.executable, "-m", task.module]
        process = subprocess.Popen(
            command, env={**variables, "PYTHONPATH": str(REPO / "src")}, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{task.name} failed"
        spent.cpu += usage.ru_utime + usage.ru_stime
        spent.memory = max(spent.memory, usage.ru_maxrss / 1024)
    spent.wall = time.monotonic() - began
    return spent


def main() -> None:
    """Print medians of alternating rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        landing = given.folder or Path(folder)
        if given.folder is None:
            write_adventureworks(landing, orders=2000)
        rounds: dict[int, list[Spent]] = {most: [] for most in (1, FILE.pipeline.sources_per_pod, 15)}
        for _ in range(given.rounds):
            for most, known in rounds.items():
                with fresh_database(server) as url:
                    known.append(measure(plan_of(landing, most), url))
    print("| Sources per pod | Processes | Wall | CPU | Memory of the largest |\n| --- | --- | --- | --- | --- |")
    for most, known in rounds.items():
        wall, cpu, memory = (
            statistics.median(getattr(one, name) for one in known) for name in ("wall", "cpu", "memory")
        )
        processes = len(plan_of(Path(), most).tasks)
        print(f"| {most} | {processes} | {wall:.1f} s | {cpu:.1f} s | {memory:.0f} MiB |")


if __name__ == "__main__":
    main()
