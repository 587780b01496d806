"""A pipeline's tasks by the images' own commands, all in one process of its own: an interpreter starts once a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def run_steps(pipeline: str, landing: Path, run_id: str, until: str = "") -> dict[str, int]:
    """Runs the tasks of one of the project's pipelines in order, against the warehouse of libpq's environment.

    Args:
        pipeline: Its name.
        landing: The landing folder.
        run_id: The run.
        until: The last task to run.

    Returns:
        The exit codes of the tasks that were started: none after the first that failed.
    """
    path = str(REPO / "src")
    command = [sys.executable, __file__, pipeline, str(landing), run_id, until]
    environment = {**os.environ, "PYTHONPATH": path, "MEDALLION_LOG_FORMAT": "json"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    codes: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return codes


def _run(pipeline: str, landing: str, run_id: str, until: str) -> dict[str, int]:
    from medallion.cleaner.__main__ import main as clean
    from medallion.config.load_pipeline import load_pipeline
    from medallion.dbt.__main__ import main as dbt
    from medallion.plan import RunContext, make_plan
    from medallion.protocol import wire

    commands = {"cleaner": clean, "dbt": dbt}
    file = load_pipeline(REPO / "dags" / "pipelines" / f"{pipeline}.yaml")
    codes: dict[str, int] = {}
    plan = make_plan(file.pipeline, file.contracts, RunContext(run_id, landing, "test"))
    for task in plan.tasks:
        os.environ.update(wire.environment(plan.document(task)))
        codes[task.name] = int(commands[task.image]([]))
        if codes[task.name] or task.name == until:
            break
    return codes


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(_run(*sys.argv[1:]))}\n")
