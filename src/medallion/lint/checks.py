"""Everything that is wrong with a DAG folder, or with some of its files, as diagnostics."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.folder import DagFolder, Runnable, runnable_from_pipeline, runnables_from_runner
from medallion.config.load_job import JobFiles, jobs_folder
from medallion.config.load_pipeline import load_pipeline
from medallion.config.load_runner import load_runner
from medallion.config.yaml_loader import load
from medallion.lint.files import homeless, ignored
from medallion.lint.names import alike, one_model, one_table
from medallion.lint.schedules import intervals, retries, schedules
from medallion.lint.task_size import too_large
from medallion.lint.unused import unused

Check = Callable[[DagFolder], Iterable[Diagnostic]]


def broken_files(folder: DagFolder) -> Iterable[Diagnostic]:
    """Yield what is wrong with each pipeline, contract, job and runner file that is read."""
    for pipeline in folder.pipelines:
        yield from pipeline.diagnostics
    for path in folder.contract_files:
        yield from lint_file(path)
    for job in folder.jobs.values():
        if isinstance(job, ConfigError):
            yield from job.diagnostics
    for runner in folder.runners:
        yield from runner.all_diagnostics()


def each(folder: DagFolder) -> Iterable[Diagnostic]:
    """Yield what single pipelines and schedules are warned of."""
    for one in folder.runnables:
        yield from lint_runnable(one)


def lint_runnable(one: Runnable) -> Iterable[Diagnostic]:
    """Yield what one pipeline or schedule is warned of."""
    for check in RUNNABLE_CHECKS:
        yield from check(one)


RUNNABLE_CHECKS: tuple[Callable[[Runnable], Iterable[Diagnostic]], ...] = (schedules, intervals, retries, too_large)
"""What `medallion lint` looks for in each pipeline and schedule on its own."""

CHECKS: tuple[Check, ...] = (broken_files, each, unused, ignored, homeless, alike, one_table, one_model)
"""What `medallion lint` looks for in a DAG folder: a further check is one more function here."""


def lint_folder(dags: Path) -> list[Diagnostic]:
    """Return what is wrong with the files of a DAG folder, and with what they say of each other."""
    if not dags.is_dir():
        raise ConfigError(
            [Diagnostic(str(dags), 1, 1, "", "there is no such folder", "name the DAG folder with --dags")]
        )
    folder = DagFolder(dags)
    return sorted({diagnostic for check in CHECKS for diagnostic in check(folder)})


def lint_file(path: Path) -> tuple[Diagnostic, ...]:
    """Return what is wrong with one file: a contract, a job, a runner file, or else a pipeline.

    The folder that it lies in says which, not the one that it may be a link to.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
    above = [folder.name for folder in absolute.parents]
    try:
        if above[0] == "contracts":
            load(path, Contract)
        elif above[0] == "pipelines":
            return tuple(sorted(lint_runnable(runnable_from_pipeline(load_pipeline(path)))))
        elif (dags := _find_dags(absolute)) is not None:
            below = absolute.relative_to(dags / "jobs")
            dags = dags if path.is_absolute() else Path(os.path.relpath(dags))
            JobFiles(dags).job(jobs_folder(dags) / below)
        elif path.name.startswith("runner"):
            runner = load_runner(path, JobFiles(path.parent), {})
            warnings = [diagnostic for one in runnables_from_runner(runner) for diagnostic in lint_runnable(one)]
            return tuple(sorted({*runner.all_diagnostics(), *warnings}))
        else:
            load_pipeline(path)
    except ConfigError as error:
        return error.diagnostics
    return ()


def _find_dags(path: Path) -> Path | None:
    """The DAG folder whose `jobs/` a file lies in; a repository may lie below another folder called `jobs`."""
    for folder in path.parents:
        if folder.name == "jobs" and ((folder.parent / "contracts").is_dir() or folder in path.parents[:2]):
            return folder.parent
    return None
