"""Switching the views that readers hold, without keeping readers waiting."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from medallion.errors import Misconfigured, WarehouseUnavailable
from medallion.warehouse import access, dressing
from medallion.warehouse.connection import Connection

FIRST_WAIT = "1s"
"""New readers queue behind a swap that waits for an old one: for no longer than this at a time."""
NEXT_WAIT = "20ms"
"""The same while it holds other views, which a reader of several may wait for."""
PAUSE_SECONDS = 0.2
DROP_WAIT = "100ms"
"""How long a view that is retired is waited for, while others are locked; it stays until the next publication."""
PATIENCE_SECONDS = 600.0
"""How long a publication tries, before a reader's endless transaction makes it fail."""


def lock(connection: Connection, relations: Mapping[str, Sequence[str]]) -> None:
    """Take the locks that switching views needs, all of them at once; they are held until the transaction ends.

    A query of several views may hold one and wait for another: a deadlock, in which Postgres may end the reader's query
    after its `deadlock_timeout` of a second. So this lets go at once of what it holds, and tries again.

    Args:
        connection: To the warehouse, in a transaction.
        relations: Names of views by schema; those that are not there yet need no lock.

    Raises:
        WarehouseUnavailable: A reader's transaction does not let go of a view.
    """
    names = [(schema, name) for schema in sorted(relations) for name in _views(connection, schema, relations[schema])]
    lock_by(connection, [locking(*name) for name in names], list(relations))


def locking(schema: str, view: str) -> sql.Composed:
    """Return a statement that locks a view as its replacement does, and changes nothing."""
    # `lock table` would lock what the view reads, too.
    return sql.SQL("alter view if exists {} reset (security_barrier)").format(sql.Identifier(schema, view))


def lock_by(connection: Connection, statements: list[sql.Composed], schemas: Sequence[str]) -> None:
    """Lock relations of some schemas as `lock` does: by statements that each lock one, and change nothing."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while statements:
        try:
            with connection.transaction():
                wait = FIRST_WAIT
                for statement in statements:
                    connection.execute("select set_config('lock_timeout', %s, true)", (wait,))
                    wait = NEXT_WAIT
                    connection.execute(statement)
                connection.execute("select set_config('lock_timeout', '0', true)")
            return
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > patience:
                raise WarehouseUnavailable(
                    f"the relations of {', '.join(schemas)} could not be switched for {PATIENCE_SECONDS:.0f} s: "
                    f"{_holders(connection, schemas)} reads them in one long transaction",
                    "end that transaction (pg_terminate_backend), and run again",
                ) from error
            connection.execute("select pg_sleep(%s)", (random.uniform(0.01, PAUSE_SECONDS),))
            random.shuffle(statements)


def swap(connection: Connection, schema: str, build: str, relations: Sequence[str]) -> None:
    """Point `schema.<relation>` at the build, for every relation; they change when the transaction ends.

    Raises:
        Misconfigured: Other views depend on a column that the new build no longer has.
        WarehouseUnavailable: A reader's transaction does not let go of a view.
    """
    lock(connection, {schema: relations})
    for relation in sorted(relations):
        _switch(connection, schema, build, relation)


def put_before(connection: Connection, schema: str, relation: str, build: str) -> None:
    """Move a relation to a build, and create the view that readers use in its place.

    The rows are old, so every transaction may see them: the view lacks the condition of `swap`.
    """
    stable, moved = sql.Identifier(schema, relation), sql.Identifier(build, relation)
    # `alter table` moves views and materialized views too, and a table's indexes and sequences with it.
    connection.execute(sql.SQL("alter table {} set schema {}").format(stable, sql.Identifier(build)))
    connection.execute(sql.SQL("create view {} as select * from {}").format(stable, moved))


def drop(connection: Connection, schema: str, relation: str) -> bool:
    """Drop a view, unless other views or a reader's transaction use it. Return whether it is gone."""
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %s, true)", (DROP_WAIT,))
            connection.execute(sql.SQL("drop view {}").format(sql.Identifier(schema, relation)))
            connection.execute("select set_config('lock_timeout', '0', true)")
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.LockNotAvailable):
        return False
    return True


def _views(connection: Connection, schema: str, names: Sequence[str]) -> list[str]:
    rows = connection.execute(
        """select relname from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relkind = 'v'
               and relname = any(%s) order by relname""",
        (schema, list(names)),
    ).fetchall()
    return [str(row[0]) for row in rows]


def _holders(connection: Connection, schemas: Sequence[str]) -> str:
    rows = connection.execute(
        """select distinct format('%%s (pid %%s, %%s)', who.usename, who.pid, who.application_name)
           from pg_locks as lock
           inner join pg_class as held on lock.relation = held.oid
           inner join pg_namespace as space on held.relnamespace = space.oid
           inner join pg_stat_activity as who on lock.pid = who.pid
           where space.nspname = any(%s) and lock.granted and lock.pid <> pg_backend_pid()""",
        (list(schemas),),
    ).fetchall()
    return ", ".join(str(row[0]) for row in rows) or "another session"


def _switch(connection: Connection, schema: str, build: str, relation: str) -> None:
    view, table = sql.Identifier(schema, relation), sql.Identifier(build, relation)
    create = sql.SQL("create or replace view {} as select * from {} where medallion.in_sight({}, {})").format(
        view, table, sql.Literal(build), sql.Literal(f"{schema}.{relation}")
    )
    try:
        with connection.transaction():
            connection.execute(create)
    except psycopg.errors.InvalidTableDefinition:
        # A column went away or changed its type: the view must be recreated, with its grants and comments.
        _recreate(connection, schema, relation, create)


def _recreate(connection: Connection, schema: str, relation: str, create: sql.Composed) -> None:
    view = sql.Identifier(schema, relation)
    name = view.as_string(connection)
    grants, comments = access.list_grants(connection, view), dressing.list_comments(connection, schema, relation)
    try:
        connection.execute(sql.SQL("drop view {}").format(view))
    except psycopg.errors.DependentObjectsStillExist as error:
        detail = error.diag.message_detail or ""
        raise Misconfigured(
            f"the columns of {name} changed, and other views use it: {detail}",
            "drop those views, run again, and create them again on the new columns",
        ) from error
    connection.execute(create)
    access.set_grants(connection, view, grants)
    dressing.set_comments(connection, schema, relation, comments)
