"""Files that become one table, each in a transaction of its own, in a build that no reader sees.

A bad file fails alone: the others are read to the end. What is staged stays for the run's next attempt (decision 43).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

import psycopg

from medallion.cleaner import kept
from medallion.cleaner.clean import Cleaners
from medallion.cleaner.job import Job
from medallion.cleaner.reading import Counts, Reader
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.stream import Input, Inputs
from medallion.errors import BadInput, ContractViolation, InputNotFound, StepFailure
from medallion.warehouse import builds, fence, file_loads
from medallion.warehouse.connection import as_failure
from medallion.warehouse.file_loads import FileLoad

_OF_THE_FILE = (BadInput, ContractViolation, InputNotFound)
"""Failures that are the file's own: those of other files may differ."""
_LIST_AGAIN = "put it back, or run the step that lists the files again"
CLEANING = 1
"""Grows when the same input under the same contract gives other rows; a release alone reloads no table."""


@dataclass(frozen=True)
class Stage:
    """Staged files: the build, its table, and what cleans the files."""

    job: Job
    build: str
    table: Table
    cleaners: Cleaners

    def drop(self) -> None:
        """Drop the stage, once its rows are elsewhere or are not wanted."""
        builds.drop(self.job.session.connection, self.build)

    def recount(self) -> None:
        """Correct the rows of each file, once rows whose key repeats have been moved to the quarantine."""
        counts = self.table.count_by_file()
        file_loads.recount(self.job.session.connection, self.job.step, self.build, counts)


def terms(contract: Contract) -> str:
    """Return what decides the rows of a file, besides its content."""
    text = contract.model_dump_json(by_alias=True, exclude_defaults=True)
    return hashlib.sha256(f"stage\0{text}\0{CLEANING}".encode()).hexdigest()


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


def _stage(job: Job, build: str, label: str) -> Stage:
    table = Table(job.session.connection, build, job.contract, job.step, label, with_file=True, freeze=False)
    return Stage(job, build, table, Cleaners(job.contract))


def _load(stage: Stage, one: Input | None, planned: FileLoad) -> FileLoad:
    """Stage one file, or record why it cannot be."""
    job, session, began = stage.job, stage.job.session, time.monotonic()
    connection = session.connection
    try:
        if one is None:
            raise InputNotFound(f"{planned.file} went away after the run had listed it", _LIST_AGAIN)
        with connection.transaction():
            # Lost after a crash are the rows of a file and its row here, or neither.
            connection.execute("set local synchronous_commit = off")
            fence.assert_held(connection, session.fence)
            file_loads.hold_stage(connection, stage.build)
            if not file_loads.claim(connection, job.step, stage.build, planned.file):
                return planned
            # What another file has of a key is found when all are there.
            reader = Reader(job.contract, session.log, cleaners=stage.cleaners)
            checksum = reader.read(Inputs(planned.file, [one], many=True), stage.table)
            kept.keep_headers(connection, job.step, reader.headers, job.contract.dialect)
            ended = _loaded(one, reader.counts, checksum, time.monotonic() - began)
            file_loads.record(connection, job.step, stage.build, ended)
        return ended
    except (StepFailure, psycopg.Error) as error:
        failure = error if isinstance(error, StepFailure) else as_failure(error)
        if not isinstance(failure, _OF_THE_FILE):
            raise
        named = planned.file in failure.message
        message = failure.message if named else f"{planned.file}: {failure.message}"
        details = {"message": message, "remedy": failure.remedy, "exit_code": int(failure.code)}
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
