"""An incremental load: new rows go into the table that readers see, all of them at once, by one transaction.

They are cleaned into a table of the session's own first, so that what is refused has touched nothing. Readers go on
reading meanwhile: they see the rows when the transaction has ended, and the ledger's row and the state with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from medallion.cleaner import kept
from medallion.cleaner.job import Job
from medallion.cleaner.keys import add_key
from medallion.cleaner.merge import Merge
from medallion.cleaner.outcome import read_delivery, refusal, task_result
from medallion.cleaner.reading import Reader, Stopwatch
from medallion.cleaner.table import Table
from medallion.config.sources.base import ByFile
from medallion.config.sources.stream import Inputs
from medallion.errors import StepFailure, TooManyRejects
from medallion.protocol.result import TaskResult
from medallion.warehouse import increments, publication

STAGE = "pg_temp"
"""Where Postgres keeps the tables of one session."""


def add(job: Job, inputs: Inputs, build: str, known: Mapping[str, str]) -> None:
    """Add what is new to a build, and record the step.

    Args:
        job: The load.
        inputs: What the source has; what `known` says of is left out.
        build: The build that readers see.
        known: The versions of what is in it.

    Raises:
        TooManyRejects: As for a load of everything; the table stays as it was.
    """
    session, connection = job.session, job.session.connection
    by_file = isinstance(job.increment, ByFile)
    fresh = inputs.newer_than(known)
    if not fresh.inputs:
        _nothing_new(job, inputs, build)
        return
    watch, reader = Stopwatch(session.log), Reader(job.contract, session.log, empty_is_fine=not by_file)
    changed = [one.name for one in fresh.inputs if one.name in known] if by_file else []
    latest_wins = job.increment is not None and job.increment.on_duplicate_key == "replace"
    with connection.transaction():
        stage = Table(connection, STAGE, job.contract, session.step, fresh.label, with_file=fresh.many)
        target = Table(connection, build, job.contract, session.step, fresh.label, with_file=fresh.many)
        stage.forget_quarantine()
        stage.create()
        with watch.time("clean_and_transform_csv"):
            version = reader.read(fresh, stage)
        merge = Merge(stage, target, changed)
        with watch.time("load_cleaned_csv_to_postgres"):
            reader.counts.reject(add_key(stage, job.duplicate_keys))
            if not latest_wins:
                reader.counts.reject(merge.reject_repeats())
            refused = refusal(job.contract, reader.counts, fresh.label)
            replaced = 0 if refused else merge.remove_replaced(same_key=latest_wins)
            moved = 0 if refused else merge.insert()
        outcome = task_result(reader.counts, version, watch, fresh.label)
        message = f"{outcome.message}; {replaced:,} replaced"
        outcome = replace(outcome, increment=fresh.summary(replaced), message=message)
        if not refused:
            if moved != reader.counts.loaded:
                message = f"{reader.counts.loaded} rows were sent and {moved} were added; nothing was published"
                raise StepFailure(message, "please report this with the input")
            target.analyze()
            kept.keep_headers(connection, session.step, reader.headers, job.contract.dialect)
            publication.extend(connection, session.step, job.schema, job.table, build)
            increments.remember(connection, build, session.step.run_id, fresh.taken)
            session.record(replace(outcome, delivery=read_delivery(job, inputs)))
        else:
            kept.forget(connection, session.step)  # only what readers see is replayed
        stage.drop()
    if refused:
        raise TooManyRejects(*refused, outcome)
    session.clean_up()


def _nothing_new(job: Job, inputs: Inputs, build: str) -> None:
    session = job.session
    with session.connection.transaction():
        publication.extend(session.connection, session.step, job.schema, job.table, build)
        message = f"{inputs.label} has nothing new: {job.schema}.{job.table} stays as it is"
        nothing = TaskResult(status="unchanged", rows_in=0, rows_loaded=0, rows_rejected=0, message=message)
        session.record(replace(nothing, delivery=read_delivery(job, inputs)))
