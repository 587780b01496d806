"""What dbt sets on a build's relations (`grants`, `persist_docs`), carried over to the views that readers use.

What someone else granted on a view, or wrote as its comment, stays: only what an earlier build of ours had is taken
back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from medallion.warehouse.access import list_columns, statement
from medallion.warehouse.connection import Connection

Grant = tuple[str, str, str, bool]
"""Role (quoted; `public` for everyone), privilege, column (empty for all), and whether it may be granted on."""


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
    for role, privilege, column, _ in sorted((ours - wanted) & there):
        connection.execute(statement("revoke {} on {} from {}", privilege, column, view, role))
    for role, privilege, column, on in sorted(wanted - there):
        option = " with grant option" if on else ""
        connection.execute(statement("grant {} on {} to {}" + option, privilege, column, view, role))
    for role in sorted({role for role, *_ in wanted}):
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), sql.SQL(role)))


def _grants(connection: Connection, schemas: Sequence[str], name: str) -> set[Grant]:
    rows = connection.execute(
        """with relation as (
               select pg_class.oid, relowner, relacl
               from pg_class inner join pg_namespace as space on relnamespace = space.oid
               where nspname = any(%s) and relname = %s),
           granted as (
               select '' as attname, relowner, acl.* from relation, aclexplode(relacl) as acl
               union all
               select attname, relowner, acl.* from relation inner join pg_attribute on attrelid = relation.oid,
                   aclexplode(attacl) as acl
               where attnum > 0 and not attisdropped)
           select case when grantee = 0 then 'public' else grantee::regrole::text end, privilege_type, attname,
               is_grantable
           from granted where grantee <> relowner""",
        (list(schemas), name),
    ).fetchall()
    return {(str(role), str(privilege), str(column), bool(on)) for role, privilege, column, on in rows}


def copy_comments(connection: Connection, schema: str, build: str, name: str, earlier: Sequence[str] = ()) -> None:
    """Give a view the comments of a build's relation, and take back those that only earlier builds had."""
    wanted, there = list_comments(connection, build, name), list_comments(connection, schema, name)
    ours = [list_comments(connection, other, name) for other in earlier if other != build]
    for column in {*wanted, *there}:
        old, new = there.get(column), wanted.get(column)
        someones = old is not None and not any(known.get(column) == old for known in ours)
        if old == new or (new is None and someones):
            continue
        _comment(connection, schema, name, column, new)


def set_comments(connection: Connection, schema: str, name: str, comments: Mapping[str, str]) -> None:
    """Give a new view the comments that `list_comments` returned, but for those on columns that it does not have."""
    for column in comments.keys() & {"", *list_columns(connection, sql.Identifier(schema, name))}:
        _comment(connection, schema, name, column, comments[column])


def _comment(connection: Connection, schema: str, name: str, column: str, text: str | None) -> None:
    target = sql.SQL("view {}").format(sql.Identifier(schema, name))
    if column:
        target = sql.SQL("column {}").format(sql.Identifier(schema, name, column))
    connection.execute(sql.SQL("comment on {} is {}").format(target, sql.Literal(text)))


def list_comments(connection: Connection, schema: str, name: str) -> dict[str, str]:
    """Return the comments of a relation's columns by name; its own is under the empty name."""
    rows = connection.execute(
        """select coalesce(attname, ''), description
           from pg_class inner join pg_namespace as space on relnamespace = space.oid
           inner join pg_description on classoid = 'pg_class'::regclass and objoid = pg_class.oid
           left join pg_attribute on attrelid = pg_class.oid and attnum = objsubid and objsubid > 0
           where nspname = %s and relname = %s""",
        (schema, name),
    ).fetchall()
    return {str(column): str(text) for column, text in rows}
