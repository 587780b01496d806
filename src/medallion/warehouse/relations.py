"""The relations of a build, and dropping them. A relation that anything outside its build reads is never dropped."""

from __future__ import annotations

import psycopg
from psycopg import sql

from medallion.warehouse.connection import Connection
from medallion.warehouse.lock import lock_key

LOCK_WAIT = "200ms"
_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table", "S": "sequence"}

# Views, materialized views and foreign keys, by what they read.
_FREE = """
    with recursive edges as (
        select rule.ev_class as reader, link.refobjid as read
        from pg_rewrite as rule
        inner join pg_depend as link on link.classid = 'pg_rewrite'::regclass and link.objid = rule.oid
            and link.refclassid = 'pg_class'::regclass and link.refobjid <> rule.ev_class
        union
        select conrelid, confrelid from pg_constraint where contype = 'f' and conrelid <> confrelid),
    mine as (
        select oid, relname, relkind from pg_class
        where relnamespace = to_regnamespace(quote_ident(%s)) and relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
    used as (
        select edges.read as oid from edges
        where edges.read in (select oid from mine) and edges.reader not in (select oid from mine)
        union
        select edges.read from used inner join edges on edges.reader = used.oid
        where edges.read in (select oid from mine))
    select relname, relkind::text from mine where oid not in (select oid from used)
        and not exists (
            select from pg_depend as owned where owned.classid = 'pg_class'::regclass and owned.objid = mine.oid
                and mine.relkind = 'S' and owned.deptype in ('a', 'i'))
    order by case relkind when 'v' then 0 when 'm' then 1 else 2 end, oid desc
"""


def names(connection: Connection, build: str) -> set[str]:
    """Return the names of a build's tables and views."""
    rows = connection.execute(
        """select relname from pg_class
           where relnamespace = to_regnamespace(quote_ident(%s)) and relkind in ('r', 'p', 'v', 'm', 'f')""",
        (build,),
    ).fetchall()
    return {str(row[0]) for row in rows}


def drop_unused(connection: Connection, build: str) -> bool:
    """Drop the relations of a build that nothing outside it reads, and then the build, if nothing is left of it.

    Nothing goes along with what is dropped (`restrict`). A relation that a reader has locked stays until the next time,
    and so does a build that a running layer reads.

    Returns:
        Whether the build is gone.
    """
    (key,) = connection.execute(*lock_key(f"build:{build}")).fetchone() or (0,)
    if connection.execute("select pg_try_advisory_lock(%s)", (key,)).fetchone() != (True,):
        return False
    try:
        return _emptied(connection, build)
    finally:
        if not connection.broken and connection.info.transaction_status != psycopg.pq.TransactionStatus.INERROR:
            connection.execute("select pg_advisory_unlock(%s)", (key,))


def keep_while_connected(connection: Connection, build: str) -> None:
    """Keep a build from being dropped by another session, until this connection ends."""
    (key,) = connection.execute(*lock_key(f"build:{build}")).fetchone() or (0,)
    connection.execute("select pg_advisory_lock_shared(%s)", (key,))


def _emptied(connection: Connection, build: str) -> bool:
    while free := connection.execute(_FREE, (build,)).fetchall():
        dropped = [_dropped(connection, build, str(name), _KINDS[str(kind)]) for name, kind in free]
        if not any(dropped):
            return False
    # Postgres locks all that a schema holds, and what depends on that, before it refuses to drop it.
    left = "select exists (select from pg_class where relnamespace = to_regnamespace(quote_ident(%s)))"
    if connection.execute(left, (build,)).fetchone() == (True,):
        return False
    return _executed(connection, sql.SQL("drop schema if exists {} restrict").format(sql.Identifier(build)))


def _dropped(connection: Connection, build: str, name: str, kind: str) -> bool:
    statement = sql.SQL("drop {} if exists {} restrict").format(sql.SQL(kind), sql.Identifier(build, name))
    return _executed(connection, statement)


def _executed(connection: Connection, statement: sql.Composed) -> bool:
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_WAIT,))
            connection.execute(statement)
            connection.execute("select set_config('lock_timeout', '0', true)")
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.LockNotAvailable):
        return False
    return True
