"""Builds: data is written beside what readers see, audited there, and published by one transaction.

A published relation `schema.name` is a view over a table `schema__<build>.name`. Switching the view keeps
its identity, so the views, grants and sessions of readers survive every publication. What readers see is what
the views say: there is no second record of it that could be wrong.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from medallion.failures import WarehouseAway
from medallion.warehouse import views
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun, require_no_rollback_since
from medallion.warehouse.lock import hold_until_commit


@dataclass(frozen=True)
class Retired:
    """Relations that a layer no longer has: dropped for readers, or kept because other views use them."""

    dropped: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def start(connection: Connection, schema: str, step: StepRun, *, fresh: bool) -> str:
    """Makes a build schema and registers it.

    With `fresh` it is one of this attempt alone, so that nothing an earlier attempt may still be doing can reach
    it; what that attempt left unpublished is dropped. Without, the step goes on with its run's latest build:
    `gold.run` and `gold.test` are two pods of one layer, and share one.

    Returns:
        The build schema's name.
    """
    mine = (schema, step.pipeline, step.run_id, step.layer or step.step)
    with connection.transaction():
        known = connection.execute(
            """select build_schema, published_at is not null from medallion.builds
               where published_schema = %s and pipeline = %s and run_id = %s and step = %s
               order by created_at desc""",
            mine,
        ).fetchall()
        if known and not fresh:
            return str(known[0][0])
        for name, published in known:
            if not published:
                drop(connection, str(name))
        name = f"{schema}__{secrets.token_hex(4)}"
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
        connection.execute(
            """insert into medallion.builds (build_schema, published_schema, pipeline, run_id, step)
               values (%s, %s, %s, %s, %s)""",
            (name, *mine),
        )
    return name


def drop(connection: Connection, build: str) -> None:
    """Drops a build, and what is known of it."""
    with connection.transaction():
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(build)))
        connection.execute("delete from medallion.builds where build_schema = %s", (build,))


def current(connection: Connection, schema: str, relation: str) -> tuple[str, str] | None:
    """The build that readers of `schema.relation` see now, and its fingerprint, or None."""
    row = connection.execute(
        "select build_schema, fingerprint from medallion.builds where build_schema = %s",
        (views.shown(connection, schema).get(relation),),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def extend(connection: Connection, step: StepRun, schema: str, relation: str, build: str) -> None:
    """Records that a run leaves readers with a build that it has added rows to. Call it in the ledger's transaction.

    Raises:
        GateClosed: The pipeline was rolled back after the run began.
        WarehouseAway: Readers were given another build meanwhile; another attempt adds to that one.
    """
    hold_until_commit(connection, f"publish:{step.pipeline}")
    require_no_rollback_since(connection, step.pipeline, step.run_id)
    if views.shown(connection, schema).get(relation) != build:
        raise WarehouseAway(f"readers of {schema}.{relation} were given another build meanwhile", "run again")
    _publication(connection, step.pipeline, step.run_id, step.layer or step.step, schema, build, [relation])


def current_fingerprint(connection: Connection, schema: str, relation: str) -> str | None:
    """The fingerprint of the build that readers of `schema.relation` see now, or None."""
    row = connection.execute(
        "select fingerprint from medallion.builds where build_schema = %s",
        (views.shown(connection, schema).get(relation),),
    ).fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]


def confirm(connection: Connection, step: StepRun, schema: str, relation: str) -> None:
    """Records that a run leaves readers with the build that they already see."""
    build = views.shown(connection, schema)[relation]
    _publication(connection, step.pipeline, step.run_id, step.layer or step.step, schema, build, [relation])


def publish(
    connection: Connection, schema: str, build: str, relations: Sequence[str], fingerprint: str | None = None
) -> Retired:
    """Points `schema.<relation>` at the build, for every relation. Call it in the ledger's transaction.

    Returns:
        The relations that earlier builds of this step had, and this one has not.

    Raises:
        Misconfigured: A relation of that name is no view of ours, or other views depend on a column that
            the new build no longer has.
        WarehouseAway: The build is gone, or a reader's transaction does not let go of a view.
    """
    row = connection.execute(
        """update medallion.builds set published_at = clock_timestamp(), relations = %s, fingerprint = %s
           where build_schema = %s returning pipeline, run_id, step""",
        (list(relations), fingerprint, build),
    ).fetchone()
    if row is None:
        raise WarehouseAway(f"the build {build} is gone: another attempt of this step took over", "see that attempt")
    pipeline, run_id, step = map(str, row)
    hold_until_commit(connection, f"publish:{pipeline}")
    require_no_rollback_since(connection, pipeline, run_id)
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    return _show(connection, pipeline, run_id, step, schema, build, relations)


def put_back(connection: Connection, pipeline: str, run_id: str, step: str, schema: str, build: str) -> Retired:
    """Points readers at an earlier build again, under a rollback's own run id."""
    row = connection.execute("select relations from medallion.builds where build_schema = %s", (build,)).fetchone()
    relations: Sequence[str] = row[0] if row else ()  # type: ignore[assignment]
    return _show(connection, pipeline, run_id, step, schema, build, relations)


def _show(
    connection: Connection, pipeline: str, run_id: str, step: str, schema: str, build: str, relations: Sequence[str]
) -> Retired:
    """Lets readers see a build, and nothing of this step's other builds."""
    _publication(connection, pipeline, run_id, step, schema, build, relations)
    views.switch(connection, schema, build, relations)
    rows = connection.execute(
        "select build_schema from medallion.builds where pipeline = %s and step = %s and published_schema = %s",
        (pipeline, step, schema),
    ).fetchall()
    ours = {str(row[0]) for row in rows}
    gone = [name for name, seen in views.shown(connection, schema).items() if seen in ours and name not in relations]
    dropped = tuple(name for name in gone if views.drop(connection, schema, name))
    return Retired(
        tuple(f"{schema}.{name}" for name in dropped),
        tuple(f"{schema}.{name}" for name in gone if name not in dropped),
    )


def _publication(
    connection: Connection, pipeline: str, run_id: str, step: str, schema: str, build: str, relations: Sequence[str]
) -> None:
    connection.execute(
        """insert into medallion.publications (pipeline, run_id, step, published_schema, build_schema, relations)
           values (%s, %s, %s, %s, %s, %s)""",
        (pipeline, run_id, step, schema, build, list(relations)),
    )
