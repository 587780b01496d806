"""What dbt sets on a build's relations (`grants`, `persist_docs`), carried over to the views that readers use.

What someone else granted on a view, or wrote as its comment, stays: only what an earlier build of ours had is taken
back.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from medallion.warehouse.connection import Connection

Grant = tuple[str, str, bool]
"""Role (quoted; `public` for everyone), privilege, and whether it may be granted on."""


def dress(connection: Connection, schema: str, build: str, relations: Sequence[str], earlier: Sequence[str]) -> None:
    """Give the views of a build its grants and comments, and take back those of earlier builds that it lacks.

    Readers with a grant on a view may use its schema. Call it in the transaction that publishes.

    Args:
        connection: To the warehouse.
        schema: The schema that readers use.
        build: What its views show by now.
        relations: The names of the views.
        earlier: The builds of the same layer, this one among them.
    """
    for name in relations:
        _grant(connection, schema, build, name, earlier)
        copy_comments(connection, schema, build, name, earlier)


def _grant(connection: Connection, schema: str, build: str, name: str, earlier: Sequence[str]) -> None:
    wanted, there = _grants(connection, [build], name), _grants(connection, [schema], name)
    ours = _grants(connection, [other for other in earlier if other != build], name)
    view = sql.Identifier(schema, name)
    for role, privilege, _ in sorted((ours - wanted) & there):
        revoke = sql.SQL("revoke {} on {} from {}").format(sql.SQL(privilege), view, sql.SQL(role))
        connection.execute(revoke)
    for role, privilege, on in sorted(wanted - there):
        option = sql.SQL(" with grant option" if on else "")
        connection.execute(sql.SQL("grant {} on {} to {}{}").format(sql.SQL(privilege), view, sql.SQL(role), option))
    for role in sorted({role for role, _, _ in wanted}):
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), sql.SQL(role)))


def _grants(connection: Connection, schemas: Sequence[str], name: str) -> set[Grant]:
    rows = connection.execute(
        """select case when acl.grantee = 0 then 'public' else acl.grantee::regrole::text end, acl.privilege_type,
               acl.is_grantable
           from pg_class inner join pg_namespace as space on relnamespace = space.oid, aclexplode(relacl) as acl
           where nspname = any(%s) and relname = %s and acl.grantee <> relowner""",
        (list(schemas), name),
    ).fetchall()
    return {(str(role), str(privilege), bool(on)) for role, privilege, on in rows}


def copy_comments(connection: Connection, schema: str, build: str, name: str, earlier: Sequence[str] = ()) -> None:
    """Give a view the comments of a build's relation, and take back those that only earlier builds had."""
    wanted, there = _comments(connection, build, name), _comments(connection, schema, name)
    ours = [_comments(connection, other, name) for other in earlier if other != build]
    for column in {*wanted, *there}:
        old, new = there.get(column), wanted.get(column)
        someones = old is not None and not any(known.get(column) == old for known in ours)
        if old == new or (new is None and someones):
            continue
        target = sql.SQL("view {}").format(sql.Identifier(schema, name))
        if column:
            target = sql.SQL("column {}").format(sql.Identifier(schema, name, column))
        connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(new)))


def _comments(connection: Connection, schema: str, name: str) -> dict[str, str]:
    """The comments of a relation's columns by name; its own is under the empty name."""
    rows = connection.execute(
        """select coalesce(attname, ''), description
           from pg_class inner join pg_namespace as space on relnamespace = space.oid
           inner join pg_description on classoid = 'pg_class'::regclass and objoid = pg_class.oid
           left join pg_attribute on attrelid = pg_class.oid and attnum = objsubid and objsubid > 0
           where nspname = %s and relname = %s""",
        (schema, name),
    ).fetchall()
    return {str(column): str(text) for column, text in rows}
