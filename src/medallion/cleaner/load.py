"""The step: clean and load in one pass and one transaction, or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from medallion.cleaner import kept
from medallion.cleaner.increment import add
from medallion.cleaner.job import Job, Source
from medallion.cleaner.keys import add_key
from medallion.cleaner.outcome import read_delivery, refusal, task_result
from medallion.cleaner.reading import Counts, Reader, Stopwatch
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.base import ByCursor, ByFile
from medallion.config.sources.stream import Inputs
from medallion.errors import StepFailure, TooManyRejects
from medallion.protocol.result import TaskResult
from medallion.runtime.session import Session
from medallion.warehouse import builds, increments, ledger, publication, views

CLEANING = 1
"""Grows when the same input under the same contract gives other rows; a release alone reloads no table."""


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
    build = _growing(job)
    known = increments.load_state(session.connection, build) if build else {}
    with source.find(known) as inputs:
        if build is not None:
            add(job, inputs, build, known)
        elif _is_loaded(job, inputs.version):
            _unchanged(job, inputs, inputs.version)
        else:
            _replace(job, inputs)


def make_job(contract: Contract, increment: ByFile | ByCursor | None, session: Session) -> Job:
    """Return the load of a contract's table."""
    schema, table = contract.table.split(".")
    return Job(contract, increment, session, f"{session.step.schema_prefix}{schema}", table)


def _replace(job: Job, inputs: Inputs) -> None:
    """Load everything into a new build, and let readers see it."""
    session, connection = job.session, job.session.connection
    watch, reader = Stopwatch(session.log), Reader(job.contract, session.log)
    same = False
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
        with watch.time("load_cleaned_csv_to_postgres"):
            reader.counts.reject(add_key(target, job.duplicate_keys))
        with watch.time("validate_postgres_load"):
            _validate(target, reader.counts)
        outcome = task_result(reader.counts, version, watch, inputs.label)
        refused = refusal(job.contract, reader.counts, inputs.label)
        # A source that knows no version of itself is known by what was read.
        same = inputs.version is None and _is_loaded(job, version)
        if refused:
            kept.forget(connection, session.step)  # only rows of what readers see are replayed
        else:
            kept.keep_headers(connection, session.step, reader.headers, job.contract.dialect)
        if refused or same:
            builds.drop(connection, build)
        else:
            target.analyze()
            publication.publish(connection, job.schema, build, [job.table], _fingerprint(job, version))
            if job.increment is not None:
                increments.remember(connection, build, session.step.run_id, inputs.taken)
            session.record(replace(outcome, delivery=read_delivery(job, inputs)))
    if refused:
        raise TooManyRejects(*refused, outcome)
    if same:
        _unchanged(job, inputs, version)
    session.clean_up()


def _validate(target: Table, counts: Counts) -> None:
    if target.rows != counts.loaded:
        raise StepFailure(
            f"{counts.loaded} rows were sent and {target.rows} are in the table; nothing was published",
            "please report this with the file",
        )


def _unchanged(job: Job, inputs: Inputs, version: str | None) -> None:
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


def _growing(job: Job) -> str | None:
    """The build that readers see, if this load may add to it."""
    if job.increment is None:
        return None
    found = builds.current(job.session.connection, job.schema, job.table)
    return found[0] if found and found[1] == _fingerprint(job) else None


def _is_loaded(job: Job, version: str | None) -> bool:
    if version is None or job.increment is not None:
        return False
    found = builds.current_fingerprint(job.session.connection, job.schema, job.table)
    return found == _fingerprint(job, version)


def _fingerprint(job: Job, version: str = "") -> str:
    """Return what decides the table's content: the input, the contract and the number `CLEANING`.

    For a table that grows, the contract and the way it grows decide: a change of either reloads everything. Keys that
    have their default are left out: a release that knows more of them reloads nothing.
    """
    terms = job.contract.model_dump_json(by_alias=True, exclude_defaults=True)
    text = f"{version}\0{terms}\0{CLEANING}"
    if job.increment is not None:
        text = f"{terms}\0{job.increment.model_dump_json(exclude={'on_duplicate_key'}, exclude_defaults=True)}"
    return hashlib.sha256(text.encode()).hexdigest()
