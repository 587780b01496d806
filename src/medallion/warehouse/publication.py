"""Publication: what readers see is switched to a build, by the transaction that records it.

A published relation `schema.name` is a view over a table `schema__<build>.name`. Switching the view keeps
its identity, so the views, grants and sessions of readers survive every publication.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from medallion.errors import WarehouseUnavailable
from medallion.warehouse import switching, views
from medallion.warehouse.connection import Connection
from medallion.warehouse.dressing import dress
from medallion.warehouse.ledger import ADOPTION, StepRun, require_no_rollback_since
from medallion.warehouse.lock import lock_until_commit


@dataclass(frozen=True)
class Retired:
    """Relations that a layer no longer has: dropped for readers, or kept because other views use them."""

    dropped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def assert_unchanged(connection: Connection, pipeline: str, relations: Mapping[str, Sequence[str]]) -> None:
    """Take all the locks of a publication, so that it waits for no reader once it has begun.

    Call it first in a transaction that publishes several schemas.

    Args:
        connection: To the warehouse.
        pipeline: Whose publications must wait for this one.
        relations: What will be published: names by schema.

    Raises:
        WarehouseUnavailable: A reader's transaction does not let go of a view.
    """
    lock_until_commit(connection, f"publish:{pipeline}")
    switching.lock(connection, relations)


def publish(
    connection: Connection,
    schema: str,
    build: str,
    relations: Sequence[str],
    fingerprint: str | None = None,
    *,
    kept: Collection[str] = (),
) -> Retired:
    """Point `schema.<relation>` at the build, for every relation. Call it in the ledger's transaction.

    Args:
        connection: To the warehouse.
        schema: The schema that readers use.
        build: What they will see.
        relations: The names of its relations.
        fingerprint: Of what the build was made from.
        kept: Names that another step publishes in this schema: it may have them from this one, and replaces them.

    Returns:
        The relations that earlier builds of this step had, and this one has not.

    Raises:
        Misconfigured: A relation of that name is no view of ours, or other views depend on a column that
            the new build no longer has.
        WarehouseUnavailable: The build is gone, or a reader's transaction does not let go of a view.
    """
    pipeline, run_id, step = finish(connection, build, relations, fingerprint)
    assert_unchanged(connection, pipeline, {schema: relations})
    require_no_rollback_since(connection, pipeline, run_id)
    record_publication(connection, pipeline, run_id, step, schema, build, relations)
    return _show(connection, pipeline, step, schema, build, relations, kept)


def hand_on(
    connection: Connection, schema: str, build: str, relations: Sequence[str], *, kept: Collection[str] = ()
) -> Retired:
    """Point `schema.<relation>` at the build of a layer that is not published, for the layers after it.

    It is no part of the history: no rollback puts it back, and it is kept while it is the newest or a view reads it.

    Returns:
        As `publish` does.

    Raises:
        Misconfigured: A relation of that name is no view of ours, or other views depend on a column that
            the new build no longer has.
        WarehouseUnavailable: The build is gone, or a reader's transaction does not let go of a view.
    """
    pipeline, _, step = finish(connection, build, relations)
    return _show(connection, pipeline, step, schema, build, relations, kept)


def finish(
    connection: Connection, build: str, relations: Sequence[str], fingerprint: str | None = None
) -> tuple[str, str, str]:
    """Mark a build as what readers get; return its pipeline, run and step."""
    row = connection.execute(
        """update medallion.builds set published_at = clock_timestamp(), relations = %s, fingerprint = %s
           where build_schema = %s returning pipeline, run_id, step""",
        (list(relations), fingerprint, build),
    ).fetchone()
    if row is None:
        raise WarehouseUnavailable(
            f"the build {build} is gone: another attempt of this step took over", "see that attempt"
        )
    pipeline, run_id, step = map(str, row)
    return pipeline, run_id, step


def republish(
    connection: Connection, pipeline: str, run_id: str, step: str, schema: str, build: str, kept: Collection[str] = ()
) -> Retired:
    """Point readers at an earlier build again, under a rollback's own run id. `kept` is as for `publish`."""
    row = connection.execute("select relations from medallion.builds where build_schema = %s", (build,)).fetchone()
    relations: Sequence[str] = row[0] if row else ()  # type: ignore[assignment]
    record_publication(connection, pipeline, run_id, step, schema, build, relations)
    return _show(connection, pipeline, step, schema, build, relations, kept, grants=False)


def _show(
    connection: Connection,
    pipeline: str,
    step: str,
    schema: str,
    build: str,
    relations: Sequence[str],
    kept: Collection[str] = (),
    *,
    grants: bool = True,
) -> Retired:
    """Let readers see a build, and nothing of this step's other builds. Who may read is today's, not the data's."""
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    views.refuse_taken(connection, pipeline, {schema: relations})
    switching.swap(connection, schema, build, relations)
    rows = connection.execute(
        """select build_schema, run_id in (
               select run_id from medallion.step_runs where pipeline = build.pipeline and step = %s)
           from medallion.builds as build where pipeline = %s and step = %s and published_schema = %s""",
        (ADOPTION, pipeline, step, schema),
    ).fetchall()
    ours = {str(name) for name, _ in rows}
    if grants:  # what an adopted relation had is not dbt's alone, so nothing of it is taken back
        dress(connection, schema, build, relations, sorted(str(name) for name, adopted in rows if not adopted))
    staying = {*relations, *kept}
    gone = [
        name for name, seen in views.view_targets(connection, schema).items() if seen in ours and name not in staying
    ]
    dropped = tuple(name for name in gone if switching.drop(connection, schema, name))
    return Retired(
        tuple(f"{schema}.{name}" for name in dropped),
        tuple(f"{schema}.{name}" for name in gone if name not in dropped),
    )


def record_publication(
    connection: Connection, pipeline: str, run_id: str, step: str, schema: str, build: str, relations: Sequence[str]
) -> None:
    """Record which build a run leaves readers of a schema with."""
    connection.execute(
        """insert into medallion.publications (pipeline, run_id, step, published_schema, build_schema, relations)
           values (%s, %s, %s, %s, %s, %s)""",
        (pipeline, run_id, step, schema, build, list(relations)),
    )


def extend(connection: Connection, step: StepRun, schema: str, relation: str, build: str) -> None:
    """Record that a run leaves readers with a build that it has added rows to. Call it in the ledger's transaction.

    Raises:
        UpstreamNotSucceeded: The pipeline was rolled back after the run began.
        WarehouseUnavailable: Readers were given another build meanwhile; another attempt adds to that one.
    """
    lock_until_commit(connection, f"publish:{step.pipeline}")
    require_no_rollback_since(connection, step.pipeline, step.run_id)
    if views.view_targets(connection, schema).get(relation) != build:
        raise WarehouseUnavailable(f"readers of {schema}.{relation} were given another build meanwhile", "run again")
    record_publication(connection, step.pipeline, step.run_id, step.layer or step.step, schema, build, [relation])


def confirm(connection: Connection, step: StepRun, schema: str, relation: str) -> None:
    """Record that a run leaves readers with the build that they already see."""
    build = views.view_targets(connection, schema)[relation]
    record_publication(connection, step.pipeline, step.run_id, step.layer or step.step, schema, build, [relation])
