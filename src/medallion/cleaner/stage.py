"""Files that become one table, each in a transaction of its own, in a build that no reader sees.

A bad file fails alone: the others are read to the end, and the load ends with a message that names each bad one.
Nothing is published then, and what is staged stays for the run's next attempt (decision 43).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import psycopg

from medallion.cleaner import kept
from medallion.cleaner.job import Job
from medallion.cleaner.outcome import refusal, task_result
from medallion.cleaner.reading import Counts, Reader, Stopwatch
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.stream import Input, Inputs
from medallion.errors import (
    BadInput,
    ContractViolation,
    FilesFailed,
    InputNotFound,
    StepFailure,
    TooManyRejects,
    UpstreamNotSucceeded,
)
from medallion.protocol.result import TaskResult
from medallion.warehouse import builds, fence, file_loads
from medallion.warehouse.connection import as_failure
from medallion.warehouse.file_loads import FileLoad

_OF_THE_FILE = (BadInput, ContractViolation, InputNotFound)
"""Failures that are the file's own: those of other files may differ."""
_LISTED = 20
CLEANING = 1
"""Grows when the same input under the same contract gives other rows; a release alone reloads no table."""


@dataclass(frozen=True)
class Stage:
    """Staged files: the build and its table."""

    job: Job
    build: str
    table: Table

    def drop(self) -> None:
        """Drop the stage, once its rows are elsewhere or are not wanted."""
        builds.drop(self.job.session.connection, self.build)

    def recount(self) -> None:
        """Correct the rows of each file, once rows whose key repeats have been moved to the quarantine."""
        counts = self.table.count_by_file()
        file_loads.recount(self.job.session.connection, self.job.step, self.build, counts)


@dataclass(frozen=True)
class Staged:
    """Files that are all staged: what they hold together."""

    stage: Stage
    counts: Counts
    version: str
    taken: dict[str, str]
    files: dict[str, int]


def terms(contract: Contract) -> str:
    """Return what decides the rows of a file, besides its content."""
    text = contract.model_dump_json(by_alias=True, exclude_defaults=True)
    return _hash(f"stage\0{text}\0{CLEANING}")


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


def open_stage(job: Job, inputs: Inputs, packs: int = 1) -> Stage:
    """Make the stage, or find that of an earlier attempt, and pin which files are loaded in which pack.

    Args:
        job: The load.
        inputs: The files that there are.
        packs: How many packs the files are divided into.
    """
    session, connection = job.session, job.session.connection
    files = [FileLoad(one.name, version=one.version, bytes=one.size) for one in inputs.inputs]
    with connection.transaction():
        fence.assert_held(connection, session.fence)
        build = file_loads.find_stage(connection, job.schema, job.step, under := terms(job.contract))
        made = build is None
        if build is None:
            build = builds.start(connection, job.schema, job.step, fresh=True, only=True)
            file_loads.name_terms(connection, build, under)
        stage = _stage(job, build, inputs.label)
        if made:
            stage.table.forget_quarantine()
            stage.table.create()
        adds = job.increment is not None
        stage.table.remove_files(file_loads.pin(connection, job.step, build, files, packs, adds=adds))
    return stage


def find_stage(job: Job, label: str) -> Stage | None:
    """Return the stage that the run has pinned, if there is one."""
    build = file_loads.find_stage(job.session.connection, job.schema, job.step, terms(job.contract))
    return None if build is None else _stage(job, build, label)


def load_pack(stage: Stage, inputs: Inputs, pack: int | None = None) -> None:
    """Stage the files of a pack, or of all packs, that are not yet staged, and record which failed."""
    session, step = stage.job.session, stage.job.step
    planned = file_loads.read(session.connection, step, stage.build, pack)
    there = {one.name: one for one in inputs.inputs}
    waiting = [one for one in planned if one.status != "loaded"]
    if kept_count := len(planned) - len(waiting):
        message = f"{kept_count} of {len(planned)} files are staged already, by an earlier attempt"
        session.log.event("files_kept", message, files=kept_count)
    for number, one in enumerate(waiting, 1):
        ended = _load(stage, there.get(one.file), one)
        place = f"({number} of {len(waiting)})"
        if ended.status == "failed":
            message, remedy = str(ended.details["message"]), ended.details["remedy"]
            session.log.event("file_failed", f"{message} {place}", "error", file=one.file, remedy=remedy)
        else:
            rows = f"{ended.rows_in or 0:,} rows in, {ended.rows_rejected or 0:,} rejected"
            session.log.event("file_loaded", f"{one.file}: {rows} {place}", file=one.file, rows=ended.rows_in)


def collect(stage: Stage, inputs: Inputs, watch: Stopwatch) -> Staged:
    """Return what the staged files hold together.

    Raises:
        FilesFailed: One is not staged.
        TooManyRejects: More rows are rejected than the contract allows.
    """
    job = stage.job
    loads = file_loads.read(job.session.connection, job.step, stage.build)
    check_files(loads)
    counts = Counts()
    for one in loads:
        counts.loaded += one.rows_loaded or 0
        counts.rejected += one.rows_rejected or 0
        for kind in ("reasons", "rounded", "dialect"):
            getattr(counts, kind).update(one.details.get(kind, {}))
    # Of the files as they were read, which another pod may have done, as `Inputs.version` makes it of what there is.
    taken = {one.file: str(one.version or one.details["checksum"]) for one in loads}
    version = _hash("\n".join(f"{file}\0{version}" for file, version in taken.items()))
    if refused := refusal(job.contract, counts, inputs.label):
        raise TooManyRejects(*refused, task_result(counts, version, watch, inputs.label))
    return Staged(stage, counts, version, taken, {"loaded": len(loads)})


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


def _stage(job: Job, build: str, label: str) -> Stage:
    table = Table(job.session.connection, build, job.contract, job.step, label, with_file=True, freeze=False)
    return Stage(job, build, table)


def _load(stage: Stage, one: Input | None, planned: FileLoad) -> FileLoad:
    """Stage one file, or record why it cannot be."""
    job, session, began = stage.job, stage.job.session, time.monotonic()
    connection = session.connection
    try:
        if one is None:
            raise InputNotFound(f"{planned.file} went away after the run had listed it", "put it back, and run again")
        with connection.transaction():
            # Lost after a crash are the rows of a file and its row here, or neither.
            connection.execute("set local synchronous_commit = off")
            fence.assert_held(connection, session.fence)
            file_loads.hold_stage(connection, stage.build)
            if not file_loads.claim(connection, job.step, stage.build, planned.file):
                return planned
            reader = Reader(job.contract, session.log)
            checksum = reader.read(Inputs(planned.file, [one], many=True), stage.table)
            kept.keep_headers(connection, job.step, reader.headers, job.contract.dialect)
            ended = _loaded(one, reader.counts, checksum, time.monotonic() - began)
            file_loads.record(connection, job.step, stage.build, ended)
        return ended
    except (StepFailure, psycopg.Error) as error:
        failure = error if isinstance(error, StepFailure) else as_failure(error)
        if not isinstance(failure, _OF_THE_FILE):
            raise
        details = {"message": failure.message, "remedy": failure.remedy, "exit_code": int(failure.code)}
        seconds = round(time.monotonic() - began, 3)
        ended = FileLoad(planned.file, planned.pack, planned.version, None, "failed", seconds=seconds, details=details)
        file_loads.record(connection, job.step, stage.build, ended)
        return ended


def _loaded(one: Input, counts: Counts, checksum: str, seconds: float) -> FileLoad:
    details = {
        "checksum": checksum, "reasons": counts.reasons, "rounded": counts.rounded, "dialect": counts.dialect
    }  # fmt: skip
    return FileLoad(
        one.name,
        version=one.version,
        status="loaded",
        rows_in=counts.rows,
        rows_loaded=counts.loaded,
        rows_rejected=counts.rejected,
        seconds=round(seconds, 3),
        details=details,
    )


def _files_failed(lacking: list[FileLoad], count: int, outcome: TaskResult) -> FilesFailed:
    first = next(one for one in lacking if one.status == "failed")
    code, remedy = int(first.details["exit_code"]), str(first.details["remedy"])
    if len(lacking) == 1:
        message = f"{first.details['message']}; {count - 1} other files are staged, and nothing was published"
        return FilesFailed(code, message, remedy, outcome)
    names = ", ".join(one.file for one in lacking[:_LISTED])
    more = f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else ""
    lines = [str(one.details.get("message", f"{one.file} is not loaded yet")) for one in lacking[:_LISTED]]
    head = f"{len(lacking)} of {count} files failed, and nothing was published: {names}{more}"
    return FilesFailed(code, "\n".join([head, *lines]), remedy, outcome)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
