"""Who may do what with a relation, carried over to the view that takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from medallion.warehouse.connection import Connection

Grant = tuple[str, str, str | None, bool]
"""Role (quoted; `public` for everyone), privilege, the column if it is for one, and whether it may be granted on."""

# The owner of a relation may use it, and let others use it, without a grant; on another owner's view it takes one.
_GRANTS = """
    with relation as (
        select pg_class.oid, relowner, coalesce(relacl, acldefault('r', relowner)) as relacl
        from pg_class where pg_class.oid = %s::regclass),
    granted as (
        select null::name as attname, relowner, acl.* from relation, aclexplode(relacl) as acl
        union all
        select attname, relowner, acl.* from relation inner join pg_attribute on attrelid = relation.oid,
            aclexplode(attacl) as acl
        where attnum > 0 and not attisdropped)
    select distinct case when grantee = 0 then 'public' else grantee::regrole::text end, privilege_type, attname,
        bool_or(is_grantable or grantee = relowner)
    from granted where grantee <> (select oid from pg_roles where rolname = current_user) group by 1, 2, 3
    order by 1, 2, 3
"""


def copy_access(connection: Connection, relation: sql.Identifier, view: sql.Identifier) -> None:
    """Give a new view exactly the grants of a relation, those on columns too, and its owner's own rights.

    Args:
        connection: To the warehouse; its role owns the view.
        relation: What the view shows.
        view: It may have grants already, by default privileges.
    """
    set_grants(connection, view, list_grants(connection, relation))


def set_grants(connection: Connection, view: sql.Identifier, grants: Sequence[Grant]) -> None:
    """Give a new view exactly these grants, but for those on columns that it does not have."""
    for role, privilege, column, _ in list_grants(connection, view):
        connection.execute(statement("revoke {} on {} from {}", privilege, column, view, role))
    columns = {None, *list_columns(connection, view)}
    for role, privilege, column, on in grants:
        if column in columns:
            option = " with grant option" * on
            connection.execute(statement("grant {} on {} to {}" + option, privilege, column, view, role))


def list_grants(connection: Connection, relation: sql.Identifier) -> list[Grant]:
    """Return the grants of a relation, those on columns too, and its owner's own rights where another role has it."""
    rows = connection.execute(_GRANTS, (relation.as_string(connection),)).fetchall()
    return [
        (str(role), str(privilege), None if column is None else str(column), bool(on))
        for role, privilege, column, on in rows
    ]


def list_columns(connection: Connection, relation: sql.Identifier) -> list[str]:
    """Return the names of a relation's columns."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        (relation.as_string(connection),),
    ).fetchall()
    return [str(row[0]) for row in rows]


def statement(text: str, privilege: str, column: str | None, view: sql.Identifier, role: str) -> sql.Composed:
    """Return a statement with a privilege, on one column or, without one, on all, a view and a role in its places."""
    what = sql.SQL(f"{privilege} ({{}})").format(sql.Identifier(column)) if column else sql.SQL(privilege)
    return sql.SQL(text).format(what, view, sql.SQL(role))
