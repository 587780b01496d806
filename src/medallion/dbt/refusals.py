"""What would show readers something that no test has seen, or be lost without a word: found, and refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from dbt.contracts.graph.manifest import Manifest

from medallion.dbt.division import Division, Node, Problem
from medallion.dbt.project import named
from medallion.errors import Misconfigured
from medallion.warehouse.connection import Connection

MOST = 20
_TABLE = "{{ config(materialized='table') }}"


def refuse(problems: Collection[Problem]) -> None:
    """Raise the problems of a project as one failure.

    Raises:
        Misconfigured: There are some.
    """
    if problems:
        listed = sorted(problems)
        more = f"\nand {len(listed) - MOST} more" if len(listed) > MOST else ""
        what = "\n".join(f"{problem} ({problem.remedy})" for problem in listed[:MOST])
        raise Misconfigured(f"{what}{more}", "change the dbt project or the pipeline's layers; nothing was built")


def lost_tests(manifest: Manifest) -> Iterator[Problem]:
    """Yield tests that dbt left out when it parsed, because something that they read is missing or disabled.

    Tests that read nothing but disabled models are meant to be out, and so is a test that is disabled by its own
    configuration.
    """
    there = {node.name for node in manifest.nodes.values() if node.config.enabled}
    off = {node.name for several in manifest.disabled.values() for node in several} - there
    sources = {(source.source_name, source.name) for source in manifest.sources.values()}
    for test in manifest.nodes.values():
        if test.resource_type.value != "test" or test.config.enabled:
            continue
        read = [ref.name for ref in test.refs]
        missing = [name for name in read if name not in there]
        missing += [".".join(source) for source in test.sources if tuple(source) not in sources]
        if not off.issuperset(read) or test.sources or not read:
            what = f"the test {test.name} reads {', '.join(missing)}, missing or disabled, so dbt leaves the test out"
            yield Problem(test.original_file_path, test.unique_id, what, "correct the name, or disable the test itself")


def stored_among_readers(manifest: Manifest, division: Division) -> Iterator[Problem]:
    """Yield tests that would store their failing rows in a schema of a layer, among what readers use."""
    schemas = {
        named(manifest, id).schema for ids in division.builds.values() for id in ids if not id.startswith("function.")
    }
    for id in frozenset().union(*division.tests.values()):
        test = named(manifest, id)
        stores = id.startswith("test.") and (test.config.store_failures or test.config.store_failures_as)
        if stores and test.config.store_failures_as != "ephemeral" and test.schema in schemas:
            what = f"the test {test.name} would store its failing rows in {test.schema}, a schema of the layers"
            remedy = "give tests a schema of their own: `data_tests: {+schema: test_failures}` in dbt_project.yml"
            yield Problem(test.original_file_path, id, what, remedy)


def exposed_views(
    manifest: Manifest, nodes: Mapping[str, Node], views: Iterable[str], fixed: Collection[str]
) -> Iterator[Problem]:
    """Yield views that would change under their readers without a test.

    Args:
        manifest: The project.
        nodes: Its nodes.
        views: Unique ids of what readers will see.
        fixed: Nodes and sources that are in a build, which nothing changes.
    """
    for view in views:
        if _is_view(manifest, view):
            for read in sorted(_reads(manifest, nodes, view, fixed)):
                node, other = named(manifest, view), nodes[read]
                does = "calls the function" if other.kind == "function" else "is a view that reads"
                what = f"{node.schema}.{node.alias} {does} {other.name}, which may change at any time: readers would"
                what += " see what no test has passed"
                yield Problem(node.original_file_path, view, what, f"make it a table: {_TABLE}")


def _is_view(manifest: Manifest, id: str) -> bool:
    return id in manifest.nodes and manifest.nodes[id].config.materialized == "view"


def _reads(manifest: Manifest, nodes: Mapping[str, Node], view: str, fixed: Collection[str]) -> set[str]:
    """What a view reads, through other views, and is not fixed."""
    found: set[str] = set()
    known, waiting = {view}, [*nodes[view].parents]
    while waiting:
        id = waiting.pop()
        if id in known or id not in nodes:
            continue
        known.add(id)
        if nodes[id].ephemeral or _is_view(manifest, id):
            waiting.extend(nodes[id].parents)
        if not nodes[id].ephemeral and id not in fixed:
            found.add(id)
    return found


def refuse_exposed(connection: Connection, build: str, schema: str, files: Mapping[str, str]) -> None:
    """Refuse a build with views that read anything outside builds, however their SQL names it.

    Args:
        connection: To the warehouse.
        build: The build.
        schema: The schema that readers would see it in.
        files: The file of each relation, by name.

    Raises:
        Misconfigured: There is such a view; it names the first and what it reads.
    """
    rows = connection.execute(_EXPOSED, (build,)).fetchall()
    for view, read in rows:
        raise Misconfigured(
            f"{files.get(str(view), 'the dbt project')}: {schema}.{view} is a view that reads {read}, which may change "
            "at any time: readers would see what no test has passed. Nothing was published",
            f"make it a table ({_TABLE}), or read what a layer builds with ref()",
        )


def refuse_readers_rights(connection: Connection, build: str, schema: str, files: Mapping[str, str]) -> None:
    """Refuse a build whose relations show each reader other rows: through the view in front of it all see all rows.

    Args:
        connection: To the warehouse.
        build: The build.
        schema: The schema that readers would see it in.
        files: The file of each relation, by name.

    Raises:
        Misconfigured: There is such a relation.
    """
    for name, why in connection.execute(_RIGHTS, (build,)).fetchall():
        raise Misconfigured(
            f"{files.get(str(name), 'the dbt project')}: {schema}.{name} {why}: readers use a view in front of it, "
            "through which all of them see all rows. Nothing was published",
            "write a view with the condition, such as `where owner = current_user`, and grant readers that view only",
        )


_RIGHTS = """
    select relname, case when relrowsecurity then 'has row-level security'
        else 'reads with the rights of its reader (security_invoker)' end
    from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) and (relrowsecurity
        or coalesce(reloptions, '{}')::text ~ 'security_invoker=(true|on|1|yes)')
    order by 1
"""

_EXPOSED = """
    with recursive fixed as (
        select space.oid from medallion.builds as build
        inner join pg_namespace as space on space.nspname = build.build_schema
        where not exists (select from medallion.load_state as taken where taken.build_schema = build.build_schema)),
    reads as (
        select pg_class.oid, relname as view from pg_class
        where relnamespace = to_regnamespace(quote_ident(%s)) and relkind = 'v'
        union
        select link.refobjid, reads.view
        from reads
        inner join pg_class as through on through.oid = reads.oid and through.relkind = 'v'
        inner join pg_rewrite as rule on rule.ev_class = reads.oid
        inner join pg_depend as link on link.classid = 'pg_rewrite'::regclass and link.objid = rule.oid
            and link.refclassid = 'pg_class'::regclass and link.refobjid <> rule.ev_class)
    select view, reads.oid::regclass::text from reads inner join pg_class on pg_class.oid = reads.oid
    where relnamespace not in (select oid from fixed)
        and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    order by 1, 2
"""
