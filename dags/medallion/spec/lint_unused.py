"""Files that nothing runs or that Airflow does not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medallion.spec.findings import Finding
from medallion.spec.folder import DagFolder


def unused(folder: DagFolder) -> Iterator[Finding]:
    """Yield a warning for each job that no schedule names, and each file that Airflow does not see."""
    dags, runners = folder.path, folder.runners
    used = {entry.job_file for runner in runners for entry in runner.entries}
    # A schedule that could not be read may be the one that names the job.
    complete = all(runner.runner is not None and None not in used for runner in runners)
    for path in folder.job_files if complete else ():
        if path not in used:
            yield _warning(path, "no schedule names this job", "add one to a runner file, or remove the job")
    for pipeline in folder.pipelines:
        stub = dags / f"{pipeline.path.stem}.py"
        if not stub.is_file():
            yield _warning(pipeline.path, "Airflow does not see this pipeline", f"add {stub}, see docs/pipelines.md")
    if runners and not (dags / "runner.py").is_file():
        remedy = f"add {dags / 'runner.py'}, see docs/runner.md"
        yield _warning(runners[0].path, "Airflow does not see runner files", remedy)


def _warning(path: Path, message: str, remedy: str) -> Finding:
    return Finding(str(path), 1, 1, "", message, remedy, "warning")
