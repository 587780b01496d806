"""Puts a parsed project into a database, under a schema prefix and, for what is published, into its build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbt.artifacts.resources import Hook
from dbt.contracts.graph.manifest import Manifest
from dbt.node_types import NodeType


def relocate(manifest: Manifest, database: str, prefix: str = "", builds: Mapping[str, str] | None = None) -> None:
    """Sets where every node and source lives, in place.

    Args:
        manifest: A manifest as parsed, its schemas the logical ones (`bronze`, `gold`, `cleaned_data`).
        database: The database that the connection will use.
        prefix: Put before every schema.
        builds: Build schema by the unique id of each model that is built beside what readers see. All
            other models of a published layer are found under their stable name.
    """
    chosen = builds or {}
    for unique_id, node in manifest.nodes.items():
        _place(node, database, chosen.get(unique_id) or f"{prefix}{node.schema}")
    for source in manifest.sources.values():
        _place(source, database, f"{prefix}{source.schema}")


def guard(manifest: Manifest, statement: str) -> None:
    """Puts a statement first in the transaction of every node that writes."""
    for node in manifest.nodes.values():
        if node.resource_type in (NodeType.Model, NodeType.Seed, NodeType.Snapshot):
            node.config.pre_hook.insert(0, Hook(sql=statement, transaction=True))


def _place(node: Any, database: str, schema: str) -> None:
    node.database, node.schema = database, schema
    if node.relation_name:
        name = getattr(node, "alias", None) or node.identifier
        node.relation_name = f'"{database}"."{schema}"."{name}"'
