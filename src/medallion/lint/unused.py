"""Files that nothing runs or that Airflow does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from medallion.config.diagnostics import Diagnostic
from medallion.config.folder import DagFolder
from medallion.config.job import Job

_STUB = re.compile(r"^[^#\n]*\bairflow_dag\(\s*__file__", re.MULTILINE)


def unused(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a warning for each job and contract that nothing names, and each file that Airflow does not see."""
    dags, runners = folder.path, folder.runners
    used = {entry.job_file for runner in runners for entry in runner.entries}
    # A schedule that could not be read may be the one that names the job.
    complete = all(runner.runner is not None and None not in used for runner in runners)
    for path in folder.job_files if complete else ():
        if path not in used:
            yield _warning(path, "no schedule names this job", "add one to a runner file, or remove the job")
    contracts = {name for one in folder.runnables for name in one.file.contracts}
    contracts |= {job.contract for job in folder.jobs.values() if isinstance(job, Job)}
    for path in folder.contract_files if folder.is_whole else ():
        if path.stem not in contracts:
            yield _warning(path, "no pipeline and no job uses this contract", "name it in a source, or remove it")
    for pipeline in folder.pipelines:
        stub = dags / f"{pipeline.path.stem}.py"
        if not stub.is_file():
            yield _warning(pipeline.path, "Airflow does not see this pipeline", f"add {stub}, see docs/pipelines.md")
    if runners and not (dags / "runner.py").is_file():
        remedy = f"add {dags / 'runner.py'}, see docs/runner.md"
        yield _warning(runners[0].path, "Airflow does not see runner files", remedy)
    elif runners and not (dags / "runner_errors.py").is_file():
        remedy = f"add {dags / 'runner_errors.py'}, see docs/runner.md"
        yield _warning(runners[0].path, "Airflow does not show what is wrong with runner files", remedy)


def stubs(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield an error for each DAG file whose pipeline is missing."""
    there = {pipeline.path.stem for pipeline in folder.pipelines}
    for path in sorted(folder.path.glob("*.py")):
        if path.stem not in there and path.is_file() and _STUB.search(path.read_text("utf-8", "replace")):
            remedy = f"add pipelines/{path.stem}.yaml, or remove the DAG file"
            yield Diagnostic(str(path), 1, 1, "", f"there is no pipeline {path.stem!r} for this DAG file", remedy)


def _warning(path: Path, message: str, remedy: str) -> Diagnostic:
    return Diagnostic(str(path), 1, 1, "", message, remedy, "warning")
