"""Builds: data is written beside what readers see, audited there, and published by one transaction.

A published relation `schema.name` is a view over a table `schema__<build>.name`. Switching the view keeps
its identity, so the views, grants and sessions of readers survive every publication.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count

import psycopg
from psycopg import sql

from medallion.failures import Misconfigured
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

KEEP = 2
"""Published builds kept per pipeline and step: what readers see, and the one before it."""
KEEP_FAILED = "7 days"
"""How long a build that was never published stays for inspection."""


def build_schema(schema: str, step: StepRun, again: int = 0) -> str:
    """The schema that holds a step's build.

    Args:
        schema: The schema that readers know.
        step: The step; `gold.run` and `gold.test` are two pods of one layer, and share its build.
        again: Tells the builds of one run apart, when the step runs again after its success.
    """
    part = f"{step.pipeline}/{step.run_id}/{step.layer or step.step}" + (f"/{again}" if again else "")
    return f"{schema}__{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def start(connection: Connection, schema: str, step: StepRun, *, fresh: bool) -> str:
    """Makes the build schema and registers it.

    With `fresh`, what an earlier attempt left is dropped, unless it was published: a step that runs again
    after its success builds beside what readers see. Without, the step goes on with its latest build.

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
        published = {name for name, is_published in known if is_published}
        if known and not fresh:
            name = str(known[0][0])
        else:
            name = next(name for again in count() if (name := build_schema(schema, step, again)) not in published)
        if fresh:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(name)))
        connection.execute(
            """insert into medallion.builds (build_schema, published_schema, pipeline, run_id, step)
               values (%s, %s, %s, %s, %s)
               on conflict (build_schema) do update set created_at = clock_timestamp()""",
            (name, *mine),
        )
    return name


def current_fingerprint(connection: Connection, schema: str, relation: str) -> str | None:
    """The fingerprint of the build that readers of `schema.relation` see now, or None."""
    row = connection.execute(
        """select fingerprint from medallion.builds
           where published_schema = %s and %s = any (relations) and published_at is not null
           order by published_at desc limit 1""",
        (schema, relation),
    ).fetchone()
    return None if row is None else row[0]  # type: ignore[return-value]


def publish(
    connection: Connection, schema: str, build: str, relations: Sequence[str], fingerprint: str | None = None
) -> None:
    """Points `schema.<relation>` at the build, for every relation. Call it in the ledger's transaction.

    Raises:
        Misconfigured: A relation of that name is no view of ours, or other views depend on a column that
            the new build no longer has.
    """
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    for relation in relations:
        _switch(connection, schema, build, relation)
    connection.execute(
        """update medallion.builds set published_at = clock_timestamp(), relations = %s, fingerprint = %s
           where build_schema = %s""",
        (list(relations), fingerprint, build),
    )


def _switch(connection: Connection, schema: str, build: str, relation: str) -> None:
    view, table = sql.Identifier(schema, relation), sql.Identifier(build, relation)
    create = sql.SQL("create or replace view {} as select * from {}").format(view, table)
    try:
        with connection.transaction():
            connection.execute(create)
    except psycopg.errors.WrongObjectType as error:
        raise Misconfigured(
            f"{schema}.{relation} is a table that Medallion did not make, so it is left alone",
            f"rename or drop it: Medallion publishes {schema}.{relation} as a view",
        ) from error
    except psycopg.errors.InvalidTableDefinition:
        # A column went away or changed its type: the view must be made anew, with its grants.
        _recreate(connection, view, create)


def _recreate(connection: Connection, view: sql.Identifier, create: sql.Composed) -> None:
    name = view.as_string(connection)
    grants = connection.execute(
        """select acl.privilege_type, case when acl.grantee = 0 then null else acl.grantee::regrole::text end
           from pg_class, aclexplode(relacl) as acl
           where oid = %s::regclass and acl.grantee <> relowner""",
        (name,),
    ).fetchall()
    try:
        connection.execute(sql.SQL("drop view {}").format(view))
    except psycopg.errors.DependentObjectsStillExist as error:
        detail = error.diag.message_detail or ""
        raise Misconfigured(
            f"the columns of {name} changed, and other views use it: {detail}",
            "drop those views, run again, and create them anew on the new columns",
        ) from error
    connection.execute(create)
    for privilege, grantee in grants:
        role = sql.SQL("public") if grantee is None else sql.SQL(str(grantee))
        grant = sql.SQL("grant {} on {} to {}").format(sql.SQL(str(privilege)), view, role)
        connection.execute(grant)


def prune(connection: Connection, step: StepRun) -> list[str]:
    """Drops builds that are neither kept for readers nor for inspection.

    Returns:
        The names of the schemas dropped.
    """
    rows = connection.execute(
        """
        with ranked as (
            select build_schema, published_at, created_at,
                row_number() over (partition by published_schema order by published_at desc nulls last) as age
            from medallion.builds where pipeline = %s and step = %s)
        select build_schema from ranked
        where (published_at is not null and age > %s)
           or (published_at is null and created_at < now() - %s::interval)
        """,
        (step.pipeline, step.layer or step.step, KEEP, KEEP_FAILED),
    ).fetchall()
    names = [str(row[0]) for row in rows]
    for name in names:
        with connection.transaction():
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
            connection.execute("delete from medallion.builds where build_schema = %s", (name,))
    return names
