"""What staged files hold together; and, where some could not be staged, a message that names each of them."""

from __future__ import annotations

from dataclasses import dataclass

from medallion.cleaner.job import Job
from medallion.cleaner.outcome import refusal, task_result
from medallion.cleaner.reading import Counts, Stopwatch
from medallion.cleaner.stage import Stage, load_pack, open_stage
from medallion.config.sources.stream import Inputs, hash_versions
from medallion.errors import FilesFailed, TooManyRejects, UpstreamNotSucceeded
from medallion.protocol.result import TaskResult
from medallion.warehouse import file_loads
from medallion.warehouse.file_loads import FileLoad

_LISTED = 20


@dataclass(frozen=True)
class Staged:
    """Files that are all staged: what they hold together.

    Attributes:
        version: Of all of them, as `Inputs.version` makes it.
        is_new: Whether their versions, known before the read, are known not to be those that readers see.
        taken: The version of each.
    """

    stage: Stage
    counts: Counts
    version: str
    is_new: bool
    taken: dict[str, str]
    files: dict[str, int]


def stage_files(job: Job, inputs: Inputs, watch: Stopwatch) -> Staged:
    """Stage the files of a source that no earlier attempt of the run has staged.

    Raises:
        FilesFailed: Some failed; the others are staged.
        TooManyRejects: As for a load of one file; all are staged.
    """
    with watch.time("create_cleaned_table"):
        stage = open_stage(job, inputs)
    with watch.time("clean_and_transform_csv"):
        load_pack(stage, inputs)
    return collect(stage, inputs, watch)


def collect(stage: Stage, inputs: Inputs, watch: Stopwatch) -> Staged:
    """Return what the staged files hold together.

    Raises:
        FilesFailed: One is not staged.
        TooManyRejects: More rows are rejected than the contract allows.
    """
    job = stage.job
    loads = file_loads.read(job.session.connection, job.step, stage.build)
    check_files(loads)
    stage.table.count()
    counts = Counts()
    for one in loads:
        counts.loaded += one.rows_loaded or 0
        counts.rejected += one.rows_rejected or 0
        for kind in ("reasons", "rounded", "dialect"):
            getattr(counts, kind).update(one.details.get(kind, {}))
    # Of the files as they were read, which another pod may have done, as `Inputs.version` makes it of what there is.
    taken = {one.file: str(one.version or one.details["checksum"]) for one in loads}
    version = hash_versions(taken)
    if refused := refusal(job.contract, counts, inputs.label):
        raise TooManyRejects(*refused, task_result(counts, version, watch, inputs.label))
    is_new = all(one.version is not None for one in loads)
    return Staged(stage, counts, version, is_new, taken, {"loaded": len(loads)})


def check_files(loads: list[FileLoad]) -> None:
    """Raise unless all files are staged.

    Raises:
        FilesFailed: Some failed; the message names each.
        UpstreamNotSucceeded: The pack of some has not been loaded.
    """
    lacking = [one for one in loads if one.status != "loaded"]
    if lacking and all(one.status == "waiting" for one in lacking):
        names = ", ".join(one.file for one in lacking[:_LISTED])
        message = f"{len(lacking)} of {len(loads)} files are not loaded yet: {names}"
        raise UpstreamNotSucceeded(message, "run the steps that load their packs")
    if lacking:
        files = {"loaded": len(loads) - len(lacking), "failed": len(lacking)}
        raise _files_failed(lacking, len(loads), TaskResult(files=files))


def _files_failed(lacking: list[FileLoad], count: int, outcome: TaskResult) -> FilesFailed:
    first = next(one for one in lacking if one.status == "failed")
    code, remedy = int(first.details["exit_code"]), str(first.details["remedy"])
    if len(lacking) == 1:
        others = f"; {count - 1} other files are staged, and nothing was published" if count > 1 else ""
        message = f"{first.details['message']}{others}"
        return FilesFailed(code, message, remedy, outcome)
    names = ", ".join(one.file for one in lacking[:_LISTED])
    more = f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else ""
    lines = [str(one.details.get("message", f"{one.file} is not loaded yet")) for one in lacking[:_LISTED]]
    head = f"{len(lacking)} of {count} files failed, and nothing was published: {names}{more}"
    return FilesFailed(code, "\n".join([head, *lines]), remedy, outcome)
