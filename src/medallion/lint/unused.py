"""Files that nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medallion.config.diagnostics import Diagnostic
from medallion.config.folder import DagFolder
from medallion.config.job import Job


def unused(folder: DagFolder) -> Iterator[Diagnostic]:
    """Yield a warning for each job and contract that nothing names."""
    runners = folder.runners
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


def _warning(path: Path, message: str, remedy: str) -> Diagnostic:
    return Diagnostic(str(path), 1, 1, "", message, remedy, "warning")
