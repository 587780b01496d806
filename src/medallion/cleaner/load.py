"""The step: clean and load in one pass and one transaction, or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from medallion.cleaner import kept
from medallion.cleaner.collect import Staged, collect, stage_files
from medallion.cleaner.increment import add
from medallion.cleaner.job import Job, Source
from medallion.cleaner.keys import add_key
from medallion.cleaner.outcome import read_delivery, refusal, task_result
from medallion.cleaner.reading import Counts, Reader, Stopwatch
from medallion.cleaner.stage import CLEANING, Stage
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.base import ByCursor, ByFile
from medallion.config.sources.stream import Inputs
from medallion.errors import StepFailure, TooManyRejects
from medallion.protocol.result import TaskResult
from medallion.runtime.session import Session
from medallion.warehouse import builds, increments, ledger, publication, views


def load(contract: Contract, source: Source, session: Session) -> None:
    """Load a source under its contract, publish the table and record the step.

    Raises:
        InputNotFound: There is no such input.
        BadInput: It cannot be read as its dialect says, or is empty.
        ContractViolation: Its columns are not the contract's.
        TooManyRejects: More rows were rejected than the contract allows; the quarantine keeps them.
        SourceUnavailable: The source fails for the moment.
        Misconfigured: A relation that Medallion did not make has the table's name.
    """
    job = make_job(contract, source.increment, session)
    views.refuse_taken(session.connection, session.step.pipeline, {job.schema: [job.table]})
    build = find_growing(job)
    known = increments.load_state(session.connection, build) if build else {}
    with source.find(known) as inputs:
        if build is not None:
            add(job, inputs, build, known)
        elif is_loaded(job, inputs.version):
            stay_unchanged(job, inputs, inputs.version)
        elif inputs.many:
            replace_by_files(job, inputs)
        else:
            _replace(job, inputs)


def make_job(
    contract: Contract, increment: ByFile | ByCursor | None, session: Session, part_of: str | None = None
) -> Job:
    """Return the load of a contract's table."""
    schema, table = contract.table.split(".")
    return Job(contract, increment, session, f"{session.step.schema_prefix}{schema}", table, part_of)


def _replace(job: Job, inputs: Inputs) -> None:
    """Load everything into a new build, and let readers see it."""
    session, connection = job.session, job.session.connection
    watch, reader = Stopwatch(session.log), Reader(job.contract, session.log)
    with connection.transaction():
        # Nothing that readers see is truncated: what an earlier attempt of this run left is.
        with watch.time("truncate_cleaned_table"):
            build = builds.start(connection, job.schema, session.step, fresh=True)
            target = Table(connection, build, job.contract, session.step, inputs.label, with_file=inputs.many)
            target.forget_quarantine()
        with watch.time("create_cleaned_table"):
            target.create()
        with watch.time("clean_and_transform_csv"):
            version = reader.read(inputs, target)
        kept.keep_headers(connection, session.step, reader.headers, job.contract.dialect)
        ended = _publish(job, inputs, Loaded(build, target, reader.counts, version), watch)
    _finish(job, inputs, ended, version)


def replace_by_files(job: Job, inputs: Inputs, stage: Stage | None = None) -> None:
    """Stage every file in a new build, unless packs have filled a stage, and let readers see it once all are right."""
    watch = Stopwatch(job.session.log)
    staged = collect(stage, inputs, watch) if stage else stage_files(job, inputs, watch)
    loaded = Loaded(staged.stage.build, staged.stage.table, staged.counts, staged.version, staged)
    with job.session.connection.transaction():
        ended = _publish(job, inputs, loaded, watch)
    _finish(job, inputs, ended, staged.version)


@dataclass(frozen=True)
class Loaded:
    """A build that is filled, and not yet published."""

    build: str
    table: Table
    counts: Counts
    version: str
    staged: Staged | None = None


@dataclass(frozen=True)
class _Ended:
    outcome: TaskResult
    refused: tuple[str, str] | None
    same: bool


def _publish(job: Job, inputs: Inputs, loaded: Loaded, watch: Stopwatch) -> _Ended:
    """Publish a build, unless too many rows are rejected or readers see the same. Call it in a transaction."""
    session, connection, counts = job.session, job.session.connection, loaded.counts
    with watch.time("load_cleaned_csv_to_postgres"):
        moved = add_key(loaded.table, job.duplicate_keys)
        counts.reject(moved)
        if moved and loaded.staged:
            loaded.staged.stage.recount()
    with watch.time("validate_postgres_load"):
        _validate(loaded.table, counts)
    outcome = task_result(counts, loaded.version, watch, inputs.label)
    outcome = replace(outcome, files=loaded.staged.files if loaded.staged else {})
    refused = refusal(job.contract, counts, inputs.label)
    # A source that knows no version of itself is known by what was read.
    is_new = loaded.staged.is_new if loaded.staged else inputs.version is not None
    same = not is_new and is_loaded(job, loaded.version)
    if refused:
        kept.forget(connection, session.step)  # only rows of what readers see are replayed
    if refused or same:
        builds.drop(connection, loaded.build)
    else:
        loaded.table.analyze()
        publication.publish(connection, job.schema, loaded.build, [job.table], _fingerprint(job, loaded.version))
        if job.increment is not None:
            taken = loaded.staged.taken if loaded.staged else inputs.taken
            increments.remember(connection, loaded.build, session.step.run_id, taken)
        session.record(replace(outcome, delivery=read_delivery(job, inputs)))
    return _Ended(outcome, refused, same)


def _finish(job: Job, inputs: Inputs, ended: _Ended, version: str) -> None:
    if ended.refused:
        raise TooManyRejects(*ended.refused, ended.outcome)
    if ended.same:
        stay_unchanged(job, inputs, version)
    job.session.clean_up()


def _validate(target: Table, counts: Counts) -> None:
    if target.rows != counts.loaded:
        raise StepFailure(
            f"{counts.loaded} rows were sent and {target.rows} are in the table; nothing was published",
            "please report this with the file",
        )


def stay_unchanged(job: Job, inputs: Inputs, version: str | None) -> None:
    """Record that readers keep what they see."""
    session = job.session
    earlier = ledger.latest_load(session.connection, session.step, version or "") or {}
    known = f" of run {earlier['run_id']}" if earlier else ""
    with session.connection.transaction():
        publication.confirm(session.connection, session.step, job.schema, job.table)
        session.record(
            TaskResult(
                status="unchanged",
                rows_in=earlier.get("rows_in"),
                rows_loaded=earlier.get("rows_loaded"),
                rows_rejected=earlier.get("rows_rejected"),
                input_checksum=version,
                reasons=earlier.get("details", {}).get("reasons", {}),
                rounded=earlier.get("details", {}).get("rounded", {}),
                dialect=earlier.get("details", {}).get("dialect", {}),
                delivery=read_delivery(job, inputs),
                message=f"{inputs.label} is the same as in the load{known}: {job.schema}.{job.table} stays as it is",
            )
        )


def find_growing(job: Job) -> str | None:
    """Return the build that readers see, if this load may add to it."""
    if job.increment is None:
        return None
    found = builds.current(job.session.connection, job.schema, job.table)
    return found[0] if found and found[1] == _fingerprint(job) else None


def is_loaded(job: Job, version: str | None) -> bool:
    """Return whether readers see what this version of the input gives."""
    if version is None or job.increment is not None:
        return False
    found = builds.current_fingerprint(job.session.connection, job.schema, job.table)
    return found == _fingerprint(job, version)


def _fingerprint(job: Job, version: str = "") -> str:
    """Return what decides the table's content: the input, the contract and the number `CLEANING`.

    For a table that grows, the contract and the way it grows decide: a change of either reloads everything. Keys that
    have their default are left out: a release that knows more of them reloads nothing.
    """
    contract = job.contract.model_dump_json(by_alias=True, exclude_defaults=True)
    text = f"{version}\0{contract}\0{CLEANING}"
    if job.increment is not None:
        text = f"{contract}\0{job.increment.model_dump_json(exclude={'on_duplicate_key'}, exclude_defaults=True)}"
    return hashlib.sha256(text.encode()).hexdigest()
