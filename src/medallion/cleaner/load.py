"""The step: clean and load in one pass and one transaction, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from medallion.cleaner.reading import Counts, Reader, Stopwatch
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.base import ByCursor, ByFile
from medallion.config.sources.stream import Inputs
from medallion.errors import StepFailure, TooManyRejects
from medallion.protocol.result import Delivery, TaskResult
from medallion.runtime.step import Session
from medallion.warehouse import builds, increments, ledger, views

CLEANING = 1
"""Grows when the same input under the same contract gives other rows; a release alone reloads no table."""


@dataclass(frozen=True)
class Source:
    """Where the rows come from.

    Attributes:
        find: What there is to load, given the versions of what earlier loads took.
        increment: How loads add to what is there; None: each replaces it.
    """

    find: Callable[[Mapping[str, str]], AbstractContextManager[Inputs]]
    increment: ByFile | ByCursor | None = None


@dataclass(frozen=True)
class Job:
    """One load: what is loaded, and the relation that readers know."""

    contract: Contract
    increment: ByFile | ByCursor | None
    session: Session
    schema: str
    table: str


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
    from medallion.cleaner.increment import add

    schema, table = contract.table.split(".")
    job = Job(contract, source.increment, session, f"{session.step.schema_prefix}{schema}", table)
    views.refuse_taken(session.connection, session.step.pipeline, {job.schema: [table]})
    build = _growing(job)
    known = increments.load_state(session.connection, build) if build else {}
    with source.find(known) as inputs:
        if build is not None:
            add(job, inputs, build, known)
        elif _is_loaded(job, inputs.version):
            _unchanged(job, inputs, inputs.version)
        else:
            _replace(job, inputs)


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
            reader.counts.reject(target.add_key())
        with watch.time("validate_postgres_load"):
            _validate(target, reader.counts)
        outcome = task_result(reader.counts, version, watch, inputs.label)
        refused = refusal(job.contract, reader.counts, inputs.label)
        # A source that knows no version of itself is known by what was read.
        same = inputs.version is None and _is_loaded(job, version)
        if refused or same:
            builds.drop(connection, build)
        else:
            target.analyze()
            builds.publish(connection, job.schema, build, [job.table], _fingerprint(job, version))
            if job.increment is not None:
                increments.remember(connection, build, session.step.run_id, inputs.taken)
            session.record(replace(outcome, delivery=read_delivery(job, inputs)))
    if refused:
        raise TooManyRejects(*refused, outcome)
    if same:
        _unchanged(job, inputs, version)
    session.clean_up()


def refusal(contract: Contract, counts: Counts, label: str) -> tuple[str, str] | None:
    """Return why so many rejects are too many, and what to do; None if they are not."""
    limits = contract.rejects
    share = counts.rejected / counts.rows if counts.rows else 0.0
    over_rows = limits.max_rows is not None and counts.rejected > limits.max_rows
    if share <= limits.max_share and not over_rows:
        return None
    allowed = f"{limits.max_rows} rows" if over_rows else f"{limits.max_share:.1%}"
    worst = "; ".join(f"{count} × {reason}" for reason, count in counts.reasons.most_common(3))
    return (
        f"{counts.rejected} of {counts.rows} rows of {label} were rejected, {allowed} are allowed: {worst}. "
        "Nothing was published",
        "see medallion.rejected_rows for every row and reason; correct the file, or `rejects` in the contract",
    )


def task_result(counts: Counts, version: str, watch: Stopwatch, label: str) -> TaskResult:
    """Return what a load did."""
    message = f"{label}: {counts.rows:,} rows in, {counts.loaded:,} loaded, {counts.rejected:,} rejected"
    if counts.rounded:
        message += "; rounded to `decimals`: " + ", ".join(f"{n:,} of {name}" for name, n in counts.rounded.items())
    return TaskResult(
        rows_in=counts.rows,
        rows_loaded=counts.loaded,
        rows_rejected=counts.rejected,
        input_checksum=version,
        reasons=dict(counts.reasons.most_common()),
        rounded=dict(counts.rounded.most_common()),
        parts=tuple(watch.parts),
        message=message,
    )


def read_delivery(job: Job, inputs: Inputs) -> Delivery:
    """Return what freshness is judged by."""
    return Delivery(f"{job.schema}.{job.table}", inputs.delivered_at.isoformat())


def _validate(target: Table, counts: Counts) -> None:
    there = target.count()
    if there != counts.loaded:
        raise StepFailure(
            f"{counts.loaded} rows were sent and {there} are in the table; nothing was published",
            "please report this with the file",
        )


def _unchanged(job: Job, inputs: Inputs, version: str | None) -> None:
    session = job.session
    earlier = ledger.latest_load(session.connection, session.step, version or "") or {}
    known = f" of run {earlier['run_id']}" if earlier else ""
    with session.connection.transaction():
        builds.confirm(session.connection, session.step, job.schema, job.table)
        session.record(
            TaskResult(
                status="unchanged",
                rows_in=earlier.get("rows_in"),
                rows_loaded=earlier.get("rows_loaded"),
                rows_rejected=earlier.get("rows_rejected"),
                input_checksum=version,
                reasons=earlier.get("details", {}).get("reasons", {}),
                rounded=earlier.get("details", {}).get("rounded", {}),
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

    For a table that grows, the contract and the way it grows decide: a change of either reloads everything.
    """
    terms = job.contract.model_dump_json(by_alias=True)
    said = f"{version}\0{terms}\0{CLEANING}"
    if job.increment is not None:
        said = f"{terms}\0{job.increment.model_dump_json(exclude={'on_duplicate_key'})}"
    return hashlib.sha256(said.encode()).hexdigest()
