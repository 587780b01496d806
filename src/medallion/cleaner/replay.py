"""A replay: rejected rows of an earlier run are cleaned again, and added to the table that readers see.

They come from the quarantine, or corrected from a file. A table that grows gets them as from an incremental load. Any
other table is copied to a new build first: views of later layers read the earlier build, which must not change.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from psycopg import sql

from medallion.cleaner import kept
from medallion.cleaner.job import Job
from medallion.cleaner.keys import add_key
from medallion.cleaner.merge import Merge
from medallion.cleaner.outcome import task_result
from medallion.cleaner.quarantined import Quarantined
from medallion.cleaner.reading import Reader, Stopwatch
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.sources.base import ByCursor
from medallion.config.sources.csv import LocalFile, one_file
from medallion.config.sources.stream import Inputs
from medallion.errors import Misconfigured, StepFailure
from medallion.warehouse import builds, increments, publication
from medallion.warehouse.connection import Connection

_STAGE = "pg_temp"


def replay(job: Job, run_id: str, file: Path | None) -> None:
    """Load rejected rows of a run again, publish those that are accepted and record the step.

    Args:
        job: The load.
        run_id: The run that rejected them.
        file: The corrected rows; None: those in the quarantine.

    Raises:
        Misconfigured: The contract has no key or other columns than the table, readers see another run's data, or the
            quarantine has no rows that can be loaded again.
        StepFailure: As for a load.
    """
    if not job.contract.primary_key:
        raise Misconfigured(
            f"the contract {job.contract.name} has no `primaryKey`: a row that is replayed twice would be loaded twice",
            "add `primaryKey` to the contract, or correct the file and run the pipeline",
        )
    if file is None and isinstance(job.increment, ByCursor):
        raise Misconfigured(
            "the source may have later versions of the rejected rows",
            "run the pipeline: after a change of the contract it reads all rows again; or name a file with --input",
        )
    build, fingerprint = _current(job, run_id)
    with TemporaryDirectory(prefix="medallion-replay-") as folder, job.session.connection.transaction():
        quarantined = None if file else Quarantined(job.session.connection, job.session.step, run_id, build)
        if quarantined is not None:
            contract, inputs = quarantined.read(job.contract, Path(folder))
            _load(job, contract, inputs, run_id, build, fingerprint, quarantined)
        else:
            assert file is not None
            with one_file(file) as found:
                name = f"{job.session.step.run_id}/{file.name}"
                inputs = replace(found, inputs=[LocalFile(file, name)])
                _load(job, job.contract, inputs, run_id, build, fingerprint, None)
    job.session.clean_up()


def _load(
    job: Job,
    contract: Contract,
    inputs: Inputs,
    run_id: str,
    build: str,
    fingerprint: str,
    quarantined: Quarantined | None,
) -> None:
    session, connection = job.session, job.session.connection
    with_file = any(name == "_file" for name, *_ in _columns(connection, build, job.table))
    inputs = replace(inputs, many=with_file)
    watch, reader = Stopwatch(session.log), Reader(contract, session.log)
    source = inputs.inputs[0].name  # without `_file` there is only one
    stage = Table(connection, _STAGE, job.contract, session.step, source, with_file=with_file)
    stage.forget_quarantine()
    stage.create()
    with watch.time("clean_and_transform_csv"):
        version = reader.read(inputs, stage)
    stage.take_held()
    if quarantined is not None:
        quarantined.restore_lines(stage)
    else:
        kept.keep_headers(connection, session.step, reader.headers, contract.dialect)
    reader.counts.reject(add_key(stage, job.duplicate_keys))
    _refuse_other_shape(job, build)
    grows = build in increments.growing(connection)
    target_build = build if grows else builds.start(connection, job.schema, session.step, fresh=True)
    target = Table(connection, target_build, job.contract, session.step, source, with_file=with_file)
    if not grows:
        _copy(target, build, job.table)
    # The row that readers see stays, also where a later load would replace it: a rejected row is not newer.
    merge = Merge(stage, target, [])
    reader.counts.reject(merge.reject_repeats())
    if merge.insert() != reader.counts.loaded:
        raise StepFailure("not all accepted rows were added; nothing was published", "please report this")
    if quarantined is not None:
        quarantined.settle(stage, reader.counts.rows)
    outcome = task_result(reader.counts, version, watch, inputs.label)
    message = f"rejected rows of run {run_id} replayed: {outcome.message}"
    if not reader.counts.loaded and not grows:
        builds.drop(connection, target_build)
    elif grows:
        target.analyze()
        publication.extend(connection, session.step, job.schema, job.table, build)
    else:
        target.analyze()
        publication.publish(connection, job.schema, target_build, [job.table], fingerprint)
    session.record(replace(outcome, replay_of=run_id, message=message))
    stage.drop()


def _copy(target: Table, build: str, table: str) -> None:
    """Copy what readers see into a new build."""
    target.create()
    target.insert_from(sql.Identifier(build, table))
    add_key(target, "keep_first")


def _current(job: Job, run_id: str) -> tuple[str, str]:
    """Return the build that readers see and its fingerprint, if its rows are the run's, with replays of it or not."""
    connection, step = job.session.connection, job.session.step
    found = builds.current(connection, job.schema, job.table)
    if found is None:
        raise Misconfigured(f"{job.schema}.{job.table} has no data yet", "run the pipeline first")
    row = connection.execute(
        """with recursive seen (run_id) as (
               select run_id from medallion.publications
               where pipeline = %(pipeline)s and step = %(step)s and build_schema = %(build)s
               union
               select details ->> 'replay_of' from seen join medallion.step_runs using (run_id)
               where pipeline = %(pipeline)s and step = %(step)s and details ? 'replay_of'),
           asked (run_id) as (
               select %(run)s::text
               union
               select details ->> 'replay_of' from asked join medallion.step_runs using (run_id)
               where pipeline = %(pipeline)s and step = %(step)s and details ? 'replay_of')
           select exists (select from seen join asked using (run_id))""",
        {"pipeline": step.pipeline, "step": step.step, "build": found[0], "run": run_id},
    ).fetchone()
    if row != (True,):
        raise Misconfigured(
            f"readers of {job.schema}.{job.table} do not see the data of run {run_id}",
            "name the run that loaded it with --run, or correct the file and run the pipeline",
        )
    return found


def _refuse_other_shape(job: Job, build: str) -> None:
    connection = job.session.connection
    if _columns(connection, build, job.table) != _columns(connection, _STAGE, job.table):
        raise Misconfigured(
            f"the contract {job.contract.name} has other columns, or another key, than {job.schema}.{job.table}",
            "run the pipeline: it loads all rows under the contract",
        )


def _columns(connection: Connection, schema: str, table: str) -> list[tuple[object, ...]]:
    """Return a table's columns: name, type, whether a value is required, place in the key, product."""
    return connection.execute(
        """select attname, format_type(atttypid, atttypmod), attnotnull, array_position(indkey::int2[], attnum),
               pg_get_expr(adbin, adrelid)
           from pg_attribute
           left join pg_index on indrelid = attrelid and indisprimary
           left join pg_attrdef on adrelid = attrelid and adnum = attnum
           where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0 and not attisdropped
           order by attnum""",
        (schema, table),
    ).fetchall()
