"""Puts a parsed project into a database, under a schema prefix, and each relation into its build."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dbt.adapters.base import BaseAdapter
from dbt.adapters.postgres import PostgresAdapter
from dbt.artifacts.resources import Hook
from dbt.context.providers import RelationProxy
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType

Pins = Mapping[tuple[str, str], str]
"""The build that each stable view shows, by schema (with its prefix) and name."""
Places = Mapping[tuple[str, str], str]
"""The schema that each relation is in, by the schema and name that the project gives it."""


def relocate(
    manifest: Manifest,
    database: str,
    prefix: str = "",
    builds: Mapping[str, str] | None = None,
    pins: Pins | None = None,
    twins: Mapping[str, str] | None = None,
) -> Places:
    """Set where every node and source lives, in place; return it.

    A relation that this layer does not build is placed in the build that readers see now, so that nothing that is built
    depends on what a later run replaces.

    Args:
        manifest: A manifest as parsed, its schemas the logical ones (`bronze`, `gold`, `cleaned_data`).
        database: The database that the connection will use.
        prefix: Put before every schema.
        builds: The build of each node that this layer builds, by unique id.
        pins: Where the rest is; what is not among it is found under its own name.
        twins: The node of each source that is one of the project's own nodes.
    """
    _freeze_graph(manifest)
    chosen, pinned = builds or {}, pins or {}
    own: dict[tuple[str, str], str] = {}
    others: dict[tuple[str, str], str] = {}
    for unique_id, node in manifest.nodes.items():
        written, schema = node.schema, f"{prefix}{node.schema}"
        if unique_id not in chosen and node.resource_type in _RELATIONS:
            schema = pinned.get((schema, node.alias), schema)
        _place(node, database, chosen.get(unique_id, schema))
        if node.resource_type in _RELATIONS:
            own[written, node.alias] = node.schema
    for function in manifest.functions.values():
        function.database, function.schema = database, f"{prefix}{function.schema}"
    for unique_id, source in manifest.sources.items():
        written, schema = source.schema, f"{prefix}{source.schema}"
        twin = (twins or {}).get(unique_id, "")
        _place(source, database, chosen.get(twin) or pinned.get((schema, source.identifier), schema))
        others[written, source.identifier] = source.schema
    return others | own


def find_in(places: Places, prefix: str = "") -> None:
    """Let `adapter.get_relation` and `api.Relation.create` find relations by the schema that the project gives them.

    Args:
        places: Where they are.
        prefix: Put before every schema.
    """
    known = {schema for schema, _ in places}

    def place(schema: str, identifier: str) -> str:
        return places.get((schema, identifier), f"{prefix}{schema}" if schema in known else schema)

    # dbt finds an adapter's module by the name of its class, so a subclass does not work.
    def get_relation(self: Any, database: str, schema: str, identifier: str) -> Any:
        return BaseAdapter.get_relation(self, database, place(schema, identifier), identifier)

    def create(
        self: Any, database: str | None = None, schema: Any = None, identifier: Any = None, *rest: Any, **named: Any
    ) -> Any:
        # Without an identifier it is a schema: dbt's own macros create those of builds by it.
        there = place(schema, identifier) if schema and identifier else schema
        return _CREATE(self, database, there, identifier, *rest, **named)

    PostgresAdapter.get_relation = get_relation
    RelationProxy.create = create


def guard(manifest: Manifest, statement: str) -> None:
    """Put a statement first in the transaction of every node that writes."""
    for node in manifest.nodes.values():
        if node.resource_type in _RELATIONS:
            node.config.pre_hook.insert(0, Hook(sql=statement, transaction=True))


_CREATE = RelationProxy.create
_RELATIONS = (NodeType.Model, NodeType.Seed, NodeType.Snapshot)


def _place(node: Any, database: str, schema: str) -> None:
    node.database, node.schema = database, schema
    if node.relation_name:
        name = getattr(node, "alias", None) or node.identifier
        node.relation_name = f'"{database}"."{schema}"."{name}"'


def _freeze_graph(manifest: Manifest) -> None:
    """Keep `graph` as it was parsed, for macros and models that read it. It is costly, so only where one does."""
    own = [macro.macro_sql for macro in manifest.macros.values() if not macro.package_name.startswith("dbt")]
    own += [getattr(node, "raw_code", "") for node in manifest.nodes.values()]
    if any(re.search(r"\bgraph\b", text) for text in own):
        manifest.build_flat_graph()
