"""How long Airflow takes to parse a runner file of 1,000 schedules, and where the time goes.

Goes the way of the DAG processor: read YAML, make DAGs, bag them, serialise them. Importing Airflow is not counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--tenants", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_HOME"] = f"{folder}/airflow"
        os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"] = f"{folder}/bundles"
        dags = fill(Path(folder) / "dags", given.schedules, given.tenants)
        measure(dags, given.schedules)


def fill(dags: Path, schedules: int, tenants: int) -> Path:
    """A DAG folder with a job, a contract and a schedule of its own for each name."""
    from runner_folder import schedule, write

    jobs = [f"tenant{number % tenants}/job{number}" for number in range(schedules)]
    write(dags, "".join(schedule(job.split("/")[1], job) for job in jobs), *jobs)
    return dags


def measure(dags: Path, schedules: int) -> None:
    import structlog
    from airflow.dag_processing.processor import DagFileParseRequest, _parse_file

    from medallion.config.load_runner import load_runners
    from medallion.orchestrators.airflow import runner_dags
    from medallion.orchestrators.airflow.bundle import TeamBundle

    bundle = TeamBundle(name="medallion", dags=str(dags))
    bundle.initialize()
    runner_dags(str(REPO / "tests"))  # whatever is imported late
    request = DagFileParseRequest(
        file=str(bundle.path / "schedules.py"), bundle_path=bundle.path, bundle_name="medallion", callback_requests=[]
    )
    spec = timed(lambda: load_runners(dags))
    made = timed(lambda: runner_dags(str(dags)))
    whole = timed(lambda: _parse_file(request, structlog.get_logger()))
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "job7"
    worker = timed(lambda: runner_dags(str(dags)))
    print(f"{schedules} schedules: {whole:.2f} s as the DAG processor parses them")
    print(f"  YAML and its checks {spec:.2f} s, operators {made - spec:.2f} s, bag and serialise {whole - made:.2f} s")
    print(f"in a worker, for one task: {worker:.2f} s")


def timed(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
