"""State: incremental models and snapshots go on, in each build, from the table that readers see now.

So do tables whose SQL reads their own last rows.

dbt finds an incremental model's table under its name in the new build, as if it had always been there. It is a view of
the table that holds the published rows, and becomes a copy of it only when there are rows to add. That takes a change
to two of dbt's macros. Where they, or the model, may do more than that, the copy is made before dbt runs, and dbt works
on it as it does on any table. So it is for snapshots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from dbt.adapters.factory import load_plugin
from dbt.contracts.files import SourceFile
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import Macro
from dbt.node_types import NodeType
from psycopg import sql

from medallion.errors import ModelFailed
from medallion.warehouse import carry
from medallion.warehouse.connection import Connection

_IS_INCREMENTAL = "macro.dbt.is_incremental"
_MATERIALIZATION = "macro.dbt.materialization_incremental_default"
_WHEN = "config.get('medallion_copy') and not should_full_refresh()"
_FIRST = {
    _IS_INCREMENTAL: f"{{% if execute and {_WHEN} %}}{{{{ return(True) }}}}{{% endif %}}",
    _MATERIALIZATION: f"""
    {{% if {_WHEN} %}}
        {{% set sql = medallion_take_in(sql) %}}
        {{% if sql is none %}}{{{{ return({{'relations': [load_cached_relation(this)]}}) }}}}{{% endif %}}
    {{% endif %}}""",
}
"""What dbt's macros are to do before anything else."""
_OURS = ("medallion_take_in", "medallion_changes")
_DBTS_OWN = ("dbt", "dbt_postgres")
_STRATEGIES = (None, "default", "append", "delete+insert", "merge")
"""Those that do nothing when there are no rows to take in."""
_STATELESS = ("view", "table", "seed", "ephemeral", "materialized_view")
_READS_ITSELF = re.compile(r"\bthis\b(?!\s*\.)|\bget_relation\([^)]*\bthis\b")
_JINJA = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_STRINGS = re.compile(r"'[^']*'|\"[^\"]*\"")
_REFERENCES = re.compile(r"\breferences\b", re.IGNORECASE)
_DECIDING = re.compile(
    r"(?:default__|postgres__)?(?:is_incremental|get_incremental_(?:default|append|delete_insert|merge)_sql"
    r"|get_(?:insert_into|delete_insert_merge|merge)_sql)"
)


def carry_on(manifest: Manifest, connection: Connection, builds: Mapping[str, tuple[str, str]], refresh: bool) -> None:
    """Give every incremental model in a new build the rows that readers see, for dbt to add to.

    Snapshots, tables that read themselves, and materializations of the project's own, which may keep state too, get a
    copy of the table. So does an incremental model that a foreign key refers to, which cannot be a view.

    Call it before any hook is added to the manifest's nodes. Models that readers do not see yet, or not as a table,
    are left to dbt's first, full run.

    Args:
        manifest: Changed in place.
        connection: To the warehouse.
        builds: Published schema and build by the unique id of each model that will be built.
        refresh: Build everything from nothing, but models that say otherwise (`full_refresh: false`).
    """
    apart: bool | None = None
    stand_ins, keyed = 0, _keyed(manifest)
    for unique_id, (schema, build) in builds.items():
        node: Any = manifest.nodes[unique_id]
        own, kind = node.config.full_refresh, node.config.materialized
        if kind == "incremental" and (refresh if own is None else own):
            continue
        if kind in _STATELESS and not (kind == "table" and _reads_itself(manifest, node)):
            continue
        with connection.transaction():
            source = carry.holder(connection, schema, node.alias)
            if source is None:
                continue
            copying = carry.copying(connection, build, node.alias, source)
            apart = _is_changed(manifest) if apart is None else apart
            # dbt is to run each of these once, and on a table.
            hooks = node.config.pre_hook or node.config.post_hook or node.config.get("sql_header")
            apart_itself = hooks or unique_id in keyed or node.config.incremental_strategy not in _STRATEGIES
            if kind != "incremental" or apart or apart_itself:
                connection.execute(sql.SQL(copying))
            else:
                carry.stand_in(connection, build, node.alias, source)
                node.config["medallion_copy"] = copying
                stand_ins += 1
    if stand_ins:
        _teach(manifest)


def _reads_itself(manifest: Manifest, node: Any) -> bool:
    """Whether a table's SQL, or a macro of the project that it calls, uses `this` as a relation."""
    texts = [node.raw_code, *_macros_of(manifest, node)]
    return any(_READS_ITSELF.search(_STRINGS.sub("''", block)) for text in texts for block in _JINJA.findall(text))


def _keyed(manifest: Manifest) -> set[str]:
    """Nodes that foreign keys may refer to: what is read by a node with such a key, also one that a hook makes."""
    found: set[str] = set()
    for node in manifest.nodes.values():
        hooks = [hook.sql for hook in (*getattr(node.config, "pre_hook", ()), *getattr(node.config, "post_hook", ()))]
        if hooks:
            hooks += _macros_of(manifest, node)
        keys = [constraint.type.value for constraint in getattr(node, "all_constraints", ())]
        if "foreign_key" in keys or any(_REFERENCES.search(text) for text in hooks):
            found.update(getattr(node.depends_on, "nodes", ()))
    return found


def _macros_of(manifest: Manifest, node: Any) -> list[str]:
    """The texts of the macros that a node calls, but for dbt's own."""
    macros = [manifest.macros[id] for id in getattr(node.depends_on, "macros", ()) if id in manifest.macros]
    return [macro.macro_sql for macro in macros if macro.package_name not in _DBTS_OWN]


def _is_changed(manifest: Manifest) -> bool:
    """Whether the project, or a package of it, has its own word on what incremental models are."""
    load_plugin("postgres")  # else dbt does it with its first command
    project = manifest.metadata.project_name or ""
    found = manifest.find_materialization_macro_by_name(project, "incremental", "postgres")
    return (found is not None and found.unique_id != _MATERIALIZATION) or any(
        macro.package_name not in _DBTS_OWN and _DECIDING.fullmatch(macro.name) for macro in manifest.macros.values()
    )


def _teach(manifest: Manifest) -> None:
    for unique_id, first in _FIRST.items():
        macro = manifest.macros.get(unique_id)
        if macro is None:
            raise ModelFailed(f"this version of dbt has no {unique_id}", "build the image with dbt-core 1.11")
        head, end, body = macro.macro_sql.partition("%}")
        macro.macro_sql = f"{head}{end}{first}{body}"
    for name in _OURS:
        path = f"macros/{name}.sql"
        text = files("medallion.dbt").joinpath(path).read_text(encoding="utf-8")
        macro = Macro(name, NodeType.Macro, "dbt", path, path, f"macro.dbt.{name}", macro_sql=text)
        manifest.add_macro(SourceFile.remote(text, "dbt", "sql"), macro)
