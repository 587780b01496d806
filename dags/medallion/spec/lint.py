"""Everything that is wrong with a DAG folder, or with some of its files, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medallion.spec.contract import Contract
from medallion.spec.entries import load_runner, load_runners, runner_files
from medallion.spec.findings import Finding, SpecError
from medallion.spec.jobs import JobFiles, job_files, jobs_folder
from medallion.spec.project import load_pipeline, pipeline_files
from medallion.spec.source import load


def of_folder(dags: Path) -> list[Finding]:
    """What is wrong with the files of a DAG folder, and with what they say of each other."""
    found = {finding for path in pipeline_files(dags) for finding in of_file(path)}
    found |= {finding for path in (dags / "contracts").glob("*.yaml") for finding in of_file(path)}
    found |= {finding for path in job_files(dags) for finding in of_file(path)}
    found |= {finding for runner in load_runners(dags) for finding in runner.all_findings()}
    return sorted(found | set(_orphans(dags)))


def of_file(path: Path) -> tuple[Finding, ...]:
    """What is wrong with one file: a contract, a job, a runner file, or else a pipeline. Its folder tells which."""
    above = [folder.name for folder in path.resolve().parents]
    try:
        if above[0] == "contracts":
            load(path, Contract)
        elif "jobs" in above:
            dags = path.resolve().parents[above.index("jobs") + 1]
            JobFiles(dags).job(jobs_folder(dags) / path.resolve().relative_to(dags / "jobs"))
        elif path.name.startswith("runner") and above[0] != "pipelines":
            return tuple(load_runner(path, JobFiles(path.parent), {}).all_findings())
        else:
            load_pipeline(path)
    except SpecError as error:
        return error.findings
    return ()


def _orphans(dags: Path) -> Iterator[Finding]:
    """Files that are there and that nothing runs."""
    runners = load_runners(dags)
    used = {entry.job_file for runner in runners for entry in runner.entries}
    # A schedule that could not be read may be the one that names the job.
    complete = all(runner.runner is not None and None not in used for runner in runners)
    for path in job_files(dags) if complete else ():
        if path not in used:
            yield _warning(path, "no schedule names this job", "add one to a runner file, or remove the job")
    for path in pipeline_files(dags):
        if not (dags / f"{path.stem}.py").is_file():
            yield _warning(
                path, "Airflow does not see this pipeline", f"add {dags / path.stem}.py, see docs/pipelines.md"
            )
    if runner_files(dags) and not (dags / "runner.py").is_file():
        path = runner_files(dags)[0]
        yield _warning(path, "Airflow does not see runner files", f"add {dags / 'runner.py'}, see docs/runner.md")


def _warning(path: Path, message: str, remedy: str) -> Finding:
    return Finding(str(path), 1, 1, "", message, remedy, "warning")
