"""A parsed dbt project as the nodes that `division` divides, and the sources that are the project's own nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from medallion.dbt.division import BUILT, TESTS, Node


def twins(manifest: Manifest) -> dict[str, str]:
    """Give the readers of a source that is one of the project's own nodes the edge to that node.

    Projects declare seeds as sources, and dbt then does not see that a model needs the seed.

    Args:
        manifest: As parsed; changed in place.

    Returns:
        The node of each such source, by unique ids.
    """
    own = {
        (node.schema, node.alias): node.unique_id
        for node in manifest.nodes.values()
        if node.resource_type.value in ("seed", "model", "snapshot")
    }
    found = {
        source.unique_id: own[source.schema, source.identifier]
        for source in manifest.sources.values()
        if (source.schema, source.identifier) in own
    }
    for node in _readers(manifest):
        for source_id in [id for id in _parents(node) if id in found]:
            if found[source_id] not in (node.unique_id, *node.depends_on.nodes):
                node.depends_on.nodes.append(found[source_id])
    return found


def load_seeds_first(manifest: Manifest, builds: Collection[str]) -> None:
    """Let what a layer builds wait for its seeds, as it does under `dbt seed && dbt build`.

    A macro may read a seed, or what is made of one, that no `ref` names.

    Args:
        manifest: Changed in place.
        builds: Unique ids of what the layer builds.
    """
    inside = set(builds)
    seeds = sorted(id for id in inside if named(manifest, id).resource_type.value == "seed")
    for node in [named(manifest, id) for id in inside.difference(seeds)]:
        if inside.isdisjoint(node.depends_on.nodes):
            node.depends_on.nodes.extend(seeds)


def list_nodes(manifest: Manifest) -> dict[str, Node]:
    """Return the project's nodes, sources and tests, by unique id."""
    known = [node for node in _readers(manifest) if node.config.enabled]  # dbt disables a test that it cannot resolve
    found = [_node(node) for node in known if node.resource_type.value in (*BUILT, "test")]
    found += [
        Node(id, "unit_test", frozenset(unit.depends_on.nodes), unit.name, unit.original_file_path)
        for id, unit in manifest.unit_tests.items()
    ]
    found += [
        Node(id, "source", name=f"{source.source_name}.{source.name}", file=source.original_file_path)
        for id, source in manifest.sources.items()
    ]
    return {node.id: node for node in found}


def named(manifest: Manifest, unique_id: str) -> Any:
    """Return the manifest's own node of a unique id, whatever its kind."""
    for known in (manifest.nodes, manifest.functions, manifest.unit_tests, manifest.sources):
        if unique_id in known:
            return known[unique_id]
    raise KeyError(unique_id)


def _readers(manifest: Manifest) -> Iterator[Any]:
    yield from manifest.nodes.values()
    yield from manifest.functions.values()


def _parents(node: Any) -> list[str]:
    """What a node reads; a seed reads nothing, and has no list of it."""
    return list(getattr(node.depends_on, "nodes", ()))


def _node(node: Any) -> Node:
    kind = node.resource_type.value
    return Node(
        id=node.unique_id,
        kind=kind,
        parents=frozenset(_parents(node)),
        name=node.name,
        file=node.original_file_path,
        ephemeral=kind not in TESTS and node.config.materialized == "ephemeral",
    )
