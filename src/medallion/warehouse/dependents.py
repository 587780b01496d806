"""What else reads relations that move to a build: views of others follow the view that takes their place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psycopg
from psycopg import sql

from medallion.warehouse.connection import Connection


@dataclass(frozen=True)
class Dependent:
    """What reads a relation and does not move with it.

    Attributes:
        title: As Postgres describes it, such as `view bi.sales`.
        view: Schema and name, if it is a view that this connection may change.
        options: The view's own, such as `security_barrier=true`.
        definition: The view's query, with all names in full.
    """

    title: str
    view: tuple[str, str] | None = None
    options: tuple[str, ...] = ()
    definition: str = ""

    @property
    def locking(self) -> list[sql.Composed]:
        """A statement that locks the view as its replacement does, and changes nothing; none where it is left alone."""
        if self.view is None:
            return []
        options = f"set ({', '.join(self.options)})" if self.options else "reset (security_barrier)"
        return [sql.SQL(f"alter view {{}} {options}").format(sql.Identifier(*self.view))]


# What is in a build belongs to the data of its run, and goes on reading it.
_DEPENDENTS = """
    select distinct case when rule.oid is null then pg_describe_object(link.classid, link.objid, 0)
            else pg_describe_object('pg_class'::regclass, shown.oid, 0) end as title,
        nspname, shown.relname, coalesce(shown.reloptions, '{}'),
        case when shown.relkind = 'v' and pg_has_role(shown.relowner, 'usage') then pg_get_viewdef(shown.oid) end
    from pg_depend as link
    left join pg_rewrite as rule on link.classid = 'pg_rewrite'::regclass and rule.oid = link.objid
    left join pg_class as shown on shown.oid = rule.ev_class
    left join pg_namespace as space on space.oid = shown.relnamespace
    left join pg_constraint as key on link.classid = 'pg_constraint'::regclass and key.oid = link.objid
    where link.refclassid = 'pg_class'::regclass and link.refobjid = any(%(moved)s::oid[]) and link.deptype = 'n'
        and link.classid in ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_proc'::regclass)
        and coalesce(shown.oid, key.conrelid, 0) <> all(%(moved)s::oid[])
        and not exists (select from medallion.builds where build_schema = nspname)
    order by 1
"""


def find_dependents(connection: Connection, moved: Collection[int]) -> list[Dependent]:
    """Return what reads relations directly and is not among them: views, foreign keys, functions.

    Call it in a transaction.
    """
    connection.execute("set local search_path = ''")  # so that a definition has all names in full
    rows = connection.execute(_DEPENDENTS, {"moved": list(moved)}).fetchall()
    connection.execute("reset search_path")
    return [
        Dependent(str(title), (str(schema), str(name)), tuple(options), str(definition))  # type: ignore[arg-type]
        if definition is not None
        else Dependent(str(title))
        for title, schema, name, options, definition in rows
    ]


def follow(connection: Connection, dependent: Dependent) -> bool:
    """Let a view read what its definition names now. Return whether it does.

    A view of another owner, one that needs a table's key (`group by`), a materialized view, a foreign key and a
    function stay with the relation that moved.
    """
    if dependent.view is None:
        return False
    options = sql.SQL(f"with ({', '.join(dependent.options)})" if dependent.options else "")
    create = sql.SQL("create or replace view {} {} as {}").format(
        sql.Identifier(*dependent.view), options, sql.SQL(dependent.definition)
    )
    try:
        with connection.transaction():
            connection.execute(create)
    except (psycopg.ProgrammingError, psycopg.NotSupportedError):
        return False
    return True
