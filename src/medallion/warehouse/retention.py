"""Clean-up: what is older than the pipeline's retention keys say goes, at the end of a step that published."""

from __future__ import annotations

from medallion.config.retention import Retention
from medallion.warehouse import builds
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun


def prune(connection: Connection, step: StepRun, keep: Retention) -> list[str]:
    """Drop a pipeline's builds that readers do not see, that no rollback needs, and that are not kept for inspection.

    What any view or key outside a build reads stays: what readers see, a later build that goes on from it, or a
    reader's own. So does what a reader has locked. The newest goes first, and then what only it went on from.

    Args:
        connection: To the warehouse.
        step: Who cleans up. Of unpublished builds only this step's go: others may be at work.
        keep: For how long.

    Returns:
        The names of the schemas dropped.
    """
    rows = connection.execute(
        """
        with latest as (
            select distinct on (step, published_schema, run_id) step, published_schema, build_schema, id
            from medallion.publications where pipeline = %(pipeline)s
            order by step, published_schema, run_id, id desc),
        kept as (
            select build_schema, row_number() over (partition by step, published_schema order by id desc) as age
            from latest)
        select build_schema from medallion.builds as build
        where pipeline = %(pipeline)s and case
            when published_at is null then step = %(step)s and created_at < now() - make_interval(days => %(days)s)
            else not exists (
                select from kept where kept.build_schema = build.build_schema and kept.age <= %(builds)s) end
        order by created_at desc
        """,
        {
            "pipeline": step.pipeline, "step": step.layer or step.step,
            "builds": keep.builds, "days": keep.failed_builds_days,
        },
    ).fetchall()  # fmt: skip
    return [name for name in (str(row[0]) for row in rows) if builds.drop(connection, name)]


def prune_records(connection: Connection, pipeline: str, keep: Retention) -> None:
    """Delete a pipeline's old rejected rows, and its old runs, unless a build of theirs is still there."""
    for table in ("rejected_rows", "rejected_records", "rejected_headers"):
        connection.execute(
            f"delete from medallion.{table} where pipeline = %s and rejected_at < now() - make_interval(days => %s)",
            (pipeline, keep.quarantine_days),
        )
    old = "pipeline = %s and finished_at < now() - make_interval(days => %s)"
    with connection.transaction():
        connection.execute(
            f"""delete from medallion.step_runs as old where {old} and not exists (
                select from medallion.builds as build
                where build.pipeline = old.pipeline and build.run_id = old.run_id)""",
            (pipeline, keep.ledger_days),
        )
        connection.execute(
            "delete from medallion.file_loads where pipeline = %s and recorded_at < now() - make_interval(days => %s)",
            (pipeline, keep.ledger_days),
        )
        connection.execute(
            """delete from medallion.runs as old
               where pipeline = %s and pinned_at < now() - make_interval(days => %s) and not exists (
                   select from medallion.step_runs where pipeline = old.pipeline and run_id = old.run_id)""",
            (pipeline, keep.ledger_days),
        )
        connection.execute(
            """delete from medallion.publications as old
               where pipeline = %s and published_at < now() - make_interval(days => %s)
                   and not exists (select from medallion.builds where build_schema = old.build_schema)""",
            (pipeline, keep.ledger_days),
        )
