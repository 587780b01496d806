"""What a new build goes on from: the table that readers see now, as a view of it or as a copy."""

from __future__ import annotations

from psycopg import sql

from medallion.warehouse import views
from medallion.warehouse.connection import Connection


def holder(connection: Connection, schema: str, relation: str) -> str | None:
    """Return the build that holds the table behind `schema.relation`, through any builds that only carry it on.

    Returns:
        A build; None if readers see no such relation, or one that is no table.
    """
    build = views.view_targets(connection, schema).get(relation)
    while build is not None:
        row = connection.execute(
            """select stored.relkind from pg_class as stored
               inner join pg_namespace as inside on stored.relnamespace = inside.oid
               inner join medallion.builds as build on build.build_schema = inside.nspname
               where inside.nspname = %s and stored.relname = %s and build.published_schema = %s""",
            (build, relation, schema),
        ).fetchone()
        if row is None or row[0] != "v":
            return build if row == ("r",) else None
        build = views.view_targets(connection, build).get(relation)
    return None


def stand_in(connection: Connection, build: str, relation: str, source: str) -> None:
    """Make `build.relation` a view of `source.relation`. It costs nothing, and nothing can be written through it."""
    view, table = sql.Identifier(build, relation), sql.Identifier(source, relation)
    # A view of one table alone takes inserts and deletes, and they would reach what readers see. The planner forgets
    # the join, so that it still uses the indexes.
    statement = sql.SQL("create view {} as select stored.* from {} as stored cross join (select) as not_for_writing")
    connection.execute(statement.format(view, table))


def copying(connection: Connection, build: str, relation: str, source: str) -> str:
    """Return SQL that makes a copy of `source.relation`: rows, constraints, indexes, column comments, next identities.

    Foreign keys and grants stay behind, as `create table like` leaves them.
    """
    copy, table = sql.Identifier(build, relation), sql.Identifier(source, relation)
    rows = connection.execute(
        """select attname, relpersistence = 'u' from pg_attribute inner join pg_class on pg_class.oid = attrelid
           where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum""",
        (table.as_string(connection),),
    ).fetchall()
    statement = sql.SQL(
        "create {kind} table {copy} (like {table} including all excluding indexes);"
        " insert into {copy} ({columns}) overriding system value select {columns} from {table};"
    ).format(
        kind=sql.SQL("unlogged" if rows and rows[0][1] else ""),
        copy=copy,
        table=table,
        columns=sql.SQL(", ").join(sql.Identifier(str(name)) for name, _ in rows),
    )
    counting = _counting(connection, copy, table)
    return statement.as_string(connection) + counting + _indexing(connection, build, relation, source)


def _counting(connection: Connection, copy: sql.Identifier, table: sql.Identifier) -> str:
    """SQL that lets the identity columns of a copy count on: `create table like` begins them at 1 again."""
    rows = connection.execute(
        """select format(' select setval(pg_get_serial_sequence(%%L, %%L), last_value, is_called) from %%s;',
               %(copy)s::text, attname, pg_get_serial_sequence(%(table)s, attname))
           from pg_attribute where attrelid = %(table)s::regclass and attidentity <> '' and not attisdropped""",
        {"copy": copy.as_string(connection), "table": table.as_string(connection)},
    ).fetchall()
    return "".join(str(statement) for (statement,) in rows)


def _indexing(connection: Connection, build: str, relation: str, source: str) -> str:
    """SQL for the indexes of a copy. After the rows they cost half of what they cost before."""
    rows = connection.execute(
        """select case when conindid is null
               then replace(pg_get_indexdef(indexrelid), format(' ON %%s USING ', old), format(' ON %%s USING ', new))
               else format('alter table %%s add constraint %%I %%s', new, conname, pg_get_constraintdef(known.oid)) end
           from format('%%I.%%I', %(source)s::text, %(relation)s::text) as old,
               format('%%I.%%I', %(build)s::text, %(relation)s::text) as new,
               pg_index left join pg_constraint as known
                   on conindid = indexrelid and conrelid = indrelid and contype in ('p', 'u', 'x')
           where indrelid = old::regclass and indisvalid order by indexrelid""",
        {"build": build, "relation": relation, "source": source},
    ).fetchall()
    return "".join(f" {statement};" for (statement,) in rows)
