"""Clean-up: what is older than the pipeline's retention keys say goes, at the end of a step that published."""

from __future__ import annotations

import psycopg
from psycopg import sql

from medallion.spec.retention import Retention
from medallion.warehouse import builds, views
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun


def prune(connection: Connection, step: StepRun, keep: Retention) -> list[str]:
    """Drops a step's builds that nobody sees, that no rollback needs, and that are not kept for inspection.

    A build that any view reads stays: what readers see, a later build that goes on from it, or a reader's own. One that
    somebody is reading right now stays until the next time. The newest goes first, and then what only it went on from.

    Returns:
        The names of the schemas dropped.
    """
    rows = connection.execute(
        """
        with latest as (
            select distinct on (published_schema, run_id) published_schema, build_schema, id
            from medallion.publications where pipeline = %(pipeline)s and step = %(step)s
            order by published_schema, run_id, id desc),
        kept as (
            select build_schema, row_number() over (partition by published_schema order by id desc) as age from latest)
        select build_schema from medallion.builds as build
        where pipeline = %(pipeline)s and step = %(step)s and case
            when published_at is null then created_at < now() - make_interval(days => %(days)s)
            else not exists (
                select from kept where kept.build_schema = build.build_schema and kept.age <= %(builds)s) end
        order by created_at desc
        """,
        {
            "pipeline": step.pipeline, "step": step.layer or step.step,
            "builds": keep.builds, "days": keep.failed_builds_days,
        },
    ).fetchall()  # fmt: skip
    return [name for name in (str(row[0]) for row in rows) if _dropped(connection, name)]


def prune_records(connection: Connection, pipeline: str, keep: Retention) -> None:
    """Deletes a pipeline's old rejected rows, and its old runs, unless a build of theirs is still there."""
    connection.execute(
        "delete from medallion.rejected_rows where pipeline = %s and rejected_at < now() - make_interval(days => %s)",
        (pipeline, keep.quarantine_days),
    )
    old = "pipeline = %s and finished_at < now() - make_interval(days => %s)"
    with connection.transaction():
        connection.execute(
            f"""delete from medallion.ledger as old where {old} and not exists (
                select from medallion.builds as build
                where build.pipeline = old.pipeline and build.run_id = old.run_id)""",
            (pipeline, keep.ledger_days),
        )
        connection.execute(
            """delete from medallion.runs as old
               where pipeline = %s and pinned_at < now() - make_interval(days => %s) and not exists (
                   select from medallion.ledger where pipeline = old.pipeline and run_id = old.run_id)""",
            (pipeline, keep.ledger_days),
        )
        connection.execute(
            """delete from medallion.publications as old
               where pipeline = %s and published_at < now() - make_interval(days => %s)
                   and not exists (select from medallion.builds where build_schema = old.build_schema)""",
            (pipeline, keep.ledger_days),
        )


def _dropped(connection: Connection, build: str) -> bool:
    if build in views.used_builds(connection):
        return False
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', '1s', true)")
            # From here on no view can be made of its tables; one that was made meanwhile would go with them.
            _lock(connection, build)
            if build in views.used_builds(connection):
                return False
            builds.drop(connection, build)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _lock(connection: Connection, build: str) -> None:
    rows = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relkind = 'r'", (build,)
    ).fetchall()
    for (table,) in rows:
        name = sql.Identifier(build, str(table))
        connection.execute(sql.SQL("lock table only {} in access exclusive mode").format(name))
