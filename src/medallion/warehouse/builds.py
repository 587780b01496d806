"""Builds: data is written to a separate schema, audited there, and then published.

What readers see is what the views say: there is no second record of it that could be wrong.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection

from psycopg import sql

from medallion.errors import Misconfigured, UpstreamNotSucceeded
from medallion.warehouse import relations as contents
from medallion.warehouse import views
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

MAX_BYTES = 63
"""Postgres cuts longer names, without an error."""


def start(connection: Connection, schema: str, step: StepRun, *, fresh: bool, only: bool = False) -> str:
    """Make a build schema and register it.

    With `fresh` it is one of this attempt alone, so that nothing an earlier attempt may still be doing can reach
    it; what that attempt left unpublished is dropped. Without, the step goes on with its run's latest build:
    `gold.run` and `gold.test` are two pods of one layer, and share one.

    Args:
        connection: To the warehouse.
        schema: The schema that readers use.
        step: Of which run it is.
        fresh: Make a new one.
        only: Keep no build of another run that failed, either. For layers that are not published, and files that are
            staged: one build to look at would cost as much space as the layer.

    Returns:
        The build schema's name.

    Raises:
        UpstreamNotSucceeded: Without `fresh`: the run has no build to go on with.
    """
    mine = (schema, step.pipeline, step.layer or step.step)
    known = connection.execute(
        """select build_schema, run_id = %(run)s, published_at is not null from medallion.builds as build
           where published_schema = %(schema)s and pipeline = %(pipeline)s and step = %(layer)s and (
               run_id = %(run)s or %(only)s and published_at is null and exists (
                   select from medallion.step_runs as ended
                   where ended.pipeline = build.pipeline and ended.run_id = build.run_id
                       and coalesce(ended.layer, ended.step) = build.step and ended.status = 'failed'
                       and ended.finished_at > build.created_at))
           order by created_at desc""",
        {"schema": schema, "pipeline": step.pipeline, "layer": mine[2], "run": step.run_id, "only": only},
    ).fetchall()
    own = [str(name) for name, same_run, _ in known if same_run]
    if own and not fresh:
        return own[0]
    if not fresh:
        raise UpstreamNotSucceeded(
            f"run {step.run_id} has no build of {schema} to test",
            f"run {mine[2]}.run of this run again, then this step",
        )
    for name, _, published in known:
        if not published:
            drop(connection, str(name))
    with connection.transaction():
        return make(connection, schema, step)


def make(connection: Connection, schema: str, step: StepRun) -> str:
    """Make an empty build of a schema and register it. Returns its name.

    Raises:
        Misconfigured: The schema's name leaves no room for a build's.
    """
    name = f"{schema}__{secrets.token_hex(4)}"
    if len(name.encode()) > MAX_BYTES:
        what = f"the schema {schema!r} is longer than the {MAX_BYTES - 10} bytes that leave room for a build's name"
        raise Misconfigured(what, "give it a shorter name, or the pipeline a shorter `schema_prefix`")
    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
    connection.execute(
        """insert into medallion.builds (build_schema, published_schema, pipeline, run_id, step)
           values (%s, %s, %s, %s, %s)""",
        (name, schema, step.pipeline, step.run_id, step.layer or step.step),
    )
    return name


def drop(connection: Connection, build: str) -> bool:
    """Drop a build and what is known of it, but for relations that others read. Returns whether it is gone."""
    gone = contents.drop_unused(connection, build)
    if gone:
        connection.execute("delete from medallion.builds where build_schema = %s", (build,))
    return gone


def pinned(connection: Connection, schemas: Collection[str]) -> dict[tuple[str, str], str]:
    """Return the build that each stable view of the schemas shows now, by schema and name.

    None of these builds is dropped while the connection lasts, whatever other runs publish meanwhile.
    """
    while True:
        found = {name: build for name, build in views.pins(connection).items() if name[0] in schemas}
        for build in sorted(set(found.values())):
            contents.keep_while_connected(connection, build)
        again = views.pins(connection)
        if all(again.get(name) == build for name, build in found.items()):
            return found


def current(connection: Connection, schema: str, relation: str) -> tuple[str, str] | None:
    """Return the build that readers of `schema.relation` see now, and its fingerprint, or None."""
    row = connection.execute(
        "select build_schema, fingerprint from medallion.builds where build_schema = %s",
        (views.view_targets(connection, schema).get(relation),),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def current_fingerprint(connection: Connection, schema: str, relation: str) -> str | None:
    """Return the fingerprint of the build that readers of `schema.relation` see now, or None."""
    row = connection.execute(
        "select fingerprint from medallion.builds where build_schema = %s",
        (views.view_targets(connection, schema).get(relation),),
    ).fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]
