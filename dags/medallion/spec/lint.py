"""Everything that is wrong with a DAG folder, or with some of its files, as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from medallion.spec.contract import Contract
from medallion.spec.entries import load_runner
from medallion.spec.findings import Finding, SpecError
from medallion.spec.folder import DagFolder
from medallion.spec.jobs import JobFiles, jobs_folder
from medallion.spec.lint_unused import unused
from medallion.spec.project import load_pipeline
from medallion.spec.source import load

Check = Callable[[DagFolder], Iterable[Finding]]


def broken_files(folder: DagFolder) -> Iterable[Finding]:
    """Yield what is wrong with each pipeline, contract, job and runner file that is read."""
    for pipeline in folder.pipelines:
        yield from pipeline.findings
    for path in folder.contract_files:
        yield from of_file(path)
    for path in folder.job_files:
        yield from of_file(path)
    for runner in folder.runners:
        yield from runner.all_findings()


CHECKS: tuple[Check, ...] = (broken_files, unused)
"""What `medallion lint` looks for in a DAG folder: a further check is one more function here."""


def of_folder(dags: Path) -> list[Finding]:
    """Return what is wrong with the files of a DAG folder, and with what they say of each other."""
    folder = DagFolder(dags)
    return sorted({finding for check in CHECKS for finding in check(folder)})


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
