"""Everything that is wrong with a DAG folder, or with some of its files, as findings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from medallion.config.contract import Contract
from medallion.config.diagnostics import Finding, SpecError
from medallion.config.folder import DagFolder, Runnable, of_pipeline, of_runner
from medallion.config.load_job import JobFiles, jobs_folder
from medallion.config.load_pipeline import load_pipeline
from medallion.config.load_runner import load_runner
from medallion.config.yaml_loader import load
from medallion.lint.files import homeless, ignored
from medallion.lint.names import alike, one_model, one_table
from medallion.lint.schedules import intervals, retries, schedules
from medallion.lint.task_size import too_large
from medallion.lint.unused import stubs, unused

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


def each(folder: DagFolder) -> Iterable[Finding]:
    """Yield what single pipelines and schedules are warned of."""
    for one in folder.runnables:
        yield from of_runnable(one)


def of_runnable(one: Runnable) -> Iterable[Finding]:
    """Yield what one pipeline or schedule is warned of."""
    for check in RUNNABLE_CHECKS:
        yield from check(one)


RUNNABLE_CHECKS: tuple[Callable[[Runnable], Iterable[Finding]], ...] = (schedules, intervals, retries, too_large)
"""What `medallion lint` looks for in each pipeline and schedule on its own."""

CHECKS: tuple[Check, ...] = (broken_files, each, unused, stubs, ignored, homeless, alike, one_table, one_model)
"""What `medallion lint` looks for in a DAG folder: a further check is one more function here."""


def of_folder(dags: Path) -> list[Finding]:
    """Return what is wrong with the files of a DAG folder, and with what they say of each other."""
    if not dags.is_dir():
        raise SpecError([Finding(str(dags), 1, 1, "", "there is no such folder", "name the DAG folder with --dags")])
    folder = DagFolder(dags)
    return sorted({finding for check in CHECKS for finding in check(folder)})


def of_file(path: Path) -> tuple[Finding, ...]:
    """Return what is wrong with one file: a contract, a job, a runner file, or else a pipeline.

    The folder that it lies in says which, not the one that it may be a link to.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
    above = [folder.name for folder in absolute.parents]
    try:
        if above[0] == "contracts":
            load(path, Contract)
        elif above[0] == "pipelines":
            return tuple(sorted(of_runnable(of_pipeline(load_pipeline(path)))))
        elif (dags := _dags_of_job(absolute)) is not None:
            JobFiles(dags).job(jobs_folder(dags) / absolute.relative_to(dags / "jobs"))
        elif path.name.startswith("runner"):
            runner = load_runner(path, JobFiles(path.parent), {})
            warnings = [finding for one in of_runner(runner) for finding in of_runnable(one)]
            return tuple(sorted({*runner.all_findings(), *warnings}))
        else:
            load_pipeline(path)
    except SpecError as error:
        return error.findings
    return ()


def _dags_of_job(path: Path) -> Path | None:
    """The DAG folder whose `jobs/` a file lies in; a repository may lie below another folder called `jobs`."""
    for folder in path.parents:
        if folder.name == "jobs" and ((folder.parent / "contracts").is_dir() or folder in path.parents[:2]):
            return folder.parent
    return None
