"""A DAG folder with a runner file, jobs and contracts, as tests write it."""

from __future__ import annotations

from pathlib import Path

RUNNER = """\
runner:
  mode: orchestrated
  orchestrator:
    type: airflow
    schedules:
"""
JOB = """\
tenant: {tenant}
connector: csv
source: {{path: {name}.csv}}
contract: {name}
"""
CONTRACT = """\
name: {name}
table: raw.{name}
fields: [{{name: id}}]
"""


def schedule(name: str, job: str, rest: str = 'cron: "0 * * * *"') -> str:
    """One entry of `schedules`, on a line of its own."""
    return f"      - {{name: {name}, config: jobs/{job}.yaml, {rest}}}\n"


def write(dags: Path, schedules: str, *jobs: str, settings: str = "") -> Path:
    """Writes `runner.yaml`, and each job `<tenant>/<name>` with its contract; returns the DAG folder."""
    (dags / "contracts").mkdir(parents=True, exist_ok=True)
    (dags / "runner.yaml").write_text(RUNNER + schedules + settings)
    for job in jobs:
        tenant, name = job.split("/")
        (dags / "jobs" / tenant).mkdir(parents=True, exist_ok=True)
        (dags / "jobs" / f"{job}.yaml").write_text(JOB.format(tenant=tenant, name=name))
        (dags / "contracts" / f"{name}.yaml").write_text(CONTRACT.format(name=name))
    return dags
