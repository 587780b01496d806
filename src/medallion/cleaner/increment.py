"""An incremental load: new rows go into the table that readers see, all of them at once, by one transaction.

They are cleaned into a table of the session's own first, or files into a stage, so that what is refused has touched
nothing. Readers go on reading meanwhile: they see the rows when the transaction has ended, and the ledger's row and the
state with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from medallion.cleaner import kept
from medallion.cleaner.clean import Cleaners
from medallion.cleaner.collect import Staged, collect, stage_files
from medallion.cleaner.job import Job
from medallion.cleaner.keys import add_key
from medallion.cleaner.merge import Merge
from medallion.cleaner.outcome import read_delivery, refusal, task_result
from medallion.cleaner.reading import Reader, Stopwatch
from medallion.cleaner.stage import Stage
from medallion.cleaner.table import Table
from medallion.config.sources.base import ByFile
from medallion.config.sources.stream import Inputs
from medallion.errors import StepFailure, TooManyRejects
from medallion.protocol.result import TaskResult
from medallion.warehouse import increments, publication

STAGE = "pg_temp"
"""Where Postgres keeps the tables of one session."""


def add(job: Job, inputs: Inputs, build: str, known: Mapping[str, str], stage_of_packs: Stage | None = None) -> None:
    """Add what is new to a build, and record the step.

    Args:
        job: The load.
        inputs: What the source has; what `known` says of is left out.
        build: The build that readers see.
        known: The versions of what is in it.
        stage_of_packs: Where packs have staged all of the inputs, new or not.

    Raises:
        TooManyRejects: As for a load of everything; the table stays as it was.
    """
    session, connection = job.session, job.session.connection
    by_file = isinstance(job.increment, ByFile)
    fresh = inputs if stage_of_packs else inputs.newer_than(known)
    if not fresh.inputs:
        add_nothing(job, inputs, build)
        return
    watch = Stopwatch(session.log)
    reader = Reader(
        job.contract, session.log, empty_is_fine=not by_file, cleaners=Cleaners(job.contract) if fresh.many else None
    )
    changed = [one.name for one in fresh.inputs if one.name in known] if by_file else []
    latest_wins = job.increment is not None and job.increment.on_duplicate_key == "replace"
    if stage_of_packs:
        staged: Staged | None = collect(stage_of_packs, fresh, watch)
    else:
        staged = stage_files(job, fresh, watch) if fresh.many else None
    counts = staged.counts if staged else reader.counts
    with connection.transaction():
        target = Table(connection, build, job.contract, session.step, fresh.label, with_file=fresh.many)
        if staged:
            stage, version = staged.stage.table, staged.version
        else:
            stage = Table(connection, STAGE, job.contract, session.step, fresh.label)
            stage.forget_quarantine()
            stage.create()
            with watch.time("clean_and_transform_csv"):
                version = reader.read(fresh, stage)
        merge = Merge(stage, target, changed)
        with watch.time("load_cleaned_csv_to_postgres"):
            moved = add_key(stage, job.duplicate_keys)
            if not latest_wins:
                moved = Counter(moved) + Counter(merge.reject_repeats())
            counts.reject(moved)
            if moved and staged:
                staged.stage.recount()
            refused = refusal(job.contract, counts, fresh.label)
            replaced = 0 if refused else merge.remove_replaced(same_key=latest_wins)
            added = 0 if refused else merge.insert()
        outcome = task_result(counts, version, watch, fresh.label)
        message = f"{outcome.message}; {replaced:,} replaced"
        files = staged.files if staged else {}
        outcome = replace(outcome, increment=fresh.summary(replaced), files=files, message=message)
        if not refused:
            if added != counts.loaded:
                message = f"{counts.loaded} rows were sent and {added} were added; nothing was published"
                raise StepFailure(message, "please report this with the input")
            target.analyze()
            kept.keep_headers(connection, session.step, reader.headers, job.contract.dialect)
            publication.extend(connection, session.step, job.schema, job.table, build)
            taken = staged.taken if staged else fresh.taken
            increments.remember(connection, build, session.step.run_id, taken)
            session.record(replace(outcome, delivery=read_delivery(job, inputs)))
        else:
            kept.forget(connection, session.step)  # only what readers see is replayed
        if staged:
            staged.stage.drop()
        else:
            stage.drop()
    if refused:
        raise TooManyRejects(*refused, outcome)
    session.clean_up()


def add_nothing(job: Job, inputs: Inputs, build: str) -> None:
    """Record that there is nothing new."""
    session = job.session
    with session.connection.transaction():
        publication.extend(session.connection, session.step, job.schema, job.table, build)
        message = f"{inputs.label} has nothing new: {job.schema}.{job.table} stays as it is"
        nothing = TaskResult(status="unchanged", rows_in=0, rows_loaded=0, rows_rejected=0, message=message)
        session.record(replace(nothing, delivery=read_delivery(job, inputs)))
