"""The views that readers hold: which build each shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medallion.errors import Misconfigured
from medallion.warehouse.connection import Connection


def view_targets(connection: Connection, schema: str | None = None) -> dict[str, str]:
    """Return the schema of the table that each view shows, by view name; of one schema, or all with their schemas."""
    rows = connection.execute(
        """
        select distinct case when %(schema)s::text is null then outside.nspname || '.' else '' end || shown.relname,
            inside.nspname
        from pg_rewrite as rule
        inner join pg_class as shown on rule.ev_class = shown.oid and shown.relkind = 'v'
        inner join pg_namespace as outside on shown.relnamespace = outside.oid
        inner join pg_depend as link on link.classid = 'pg_rewrite'::regclass and link.objid = rule.oid
            and link.refclassid = 'pg_class'::regclass
        inner join pg_class as stored on link.refobjid = stored.oid and stored.relname = shown.relname
        inner join pg_namespace as inside on stored.relnamespace = inside.oid
        where inside.oid <> outside.oid and (%(schema)s::text is null or outside.nspname = %(schema)s)
        """,
        {"schema": schema},
    ).fetchall()
    return {str(name): str(build) for name, build in rows}


def pins(connection: Connection) -> dict[tuple[str, str], str]:
    """Return the build that each stable view shows now, by schema and name."""
    rows = connection.execute("select build_schema, published_schema from medallion.builds").fetchall()
    schemas = {str(build): str(schema) for build, schema in rows}
    found = {}
    for name, build in view_targets(connection).items():
        if build in schemas and name.startswith(f"{schemas[build]}."):
            found[schemas[build], name.removeprefix(f"{schemas[build]}.")] = build
    return found


def taken(connection: Connection, schema: str, relations: Sequence[str]) -> dict[str, str]:
    """Return the relations of these names that are not views of ours: the kind (`table`, `view` …) by the name."""
    rows = connection.execute(
        """select relname, case relkind when 'v' then 'view' when 'm' then 'materialized view'
               when 'f' then 'foreign table' when 'S' then 'sequence' when 'i' then 'index' else 'table' end
           from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and relname = any(%s)""",
        (schema, list(relations)),
    ).fetchall()
    mine = published(connection, schema) if rows else {}
    return {str(name): str(kind) for name, kind in rows if name not in mine}


def published(connection: Connection, schema: str) -> dict[str, str]:
    """Return the builds that views of ours in a schema show, by view name."""
    rows = connection.execute("select build_schema from medallion.builds where published_schema = %s", (schema,))
    builds = {str(row[0]) for row in rows.fetchall()}
    return {name: build for name, build in view_targets(connection, schema).items() if build in builds}


def refuse_taken(connection: Connection, pipeline: str, relations: Mapping[str, Sequence[str]]) -> None:
    """Refuse to publish over relations, names by schema, that are not views of ours.

    Raises:
        Misconfigured: There are some.
    """
    found = [
        f"{schema}.{name} is a {kind} that Medallion did not make"
        for schema in sorted(relations)
        for name, kind in sorted(taken(connection, schema, relations[schema]).items())
    ]
    if found:
        raise Misconfigured(
            "\n".join(found),
            f"run `medallion adopt {pipeline}` to take over what plain dbt built, or rename or drop it",
        )
