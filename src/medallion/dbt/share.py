"""One layer's share of a dbt project: what it builds and which tests it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dbt.contracts.graph.manifest import Manifest

from medallion.dbt import refusals
from medallion.dbt.division import BUILT, Division, Node, Problem, divide
from medallion.dbt.open_project import Project
from medallion.dbt.project import list_nodes, named, twins
from medallion.dbt.selection import Selection
from medallion.errors import Misconfigured


@dataclass(frozen=True)
class Share:
    """What a layer does.

    Attributes:
        nodes: The whole project.
        builds: Unique ids of what it builds: models, seeds, snapshots, functions.
        ephemeral: Models that it selects and that are part of others' SQL.
        tests: Unique ids of the tests that it runs.
        twins: The node of each source that is one of the project's own nodes.
        schemas: The schemas of all layers, without the pipeline's prefix.
        relations: Schema, without the prefix, and name of what all layers build.
        unbuilt: Names of the pipeline's own models that no layer builds.
        left_out: Names of tests that would need the pipeline's other layers to be known.
    """

    nodes: Mapping[str, Node]
    builds: frozenset[str]
    ephemeral: frozenset[str]
    tests: frozenset[str]
    twins: Mapping[str, str]
    schemas: frozenset[str]
    relations: frozenset[tuple[str, str]]
    unbuilt: tuple[str, ...]
    left_out: tuple[str, ...]


def find_share(
    project: Project, order: Mapping[str, str], layer: str, models: str = "", *, whole: bool = True
) -> Share:
    """Return a layer's share of a project.

    Args:
        project: As parsed; its manifest gets the edges of sources that are the project's own nodes.
        order: The selector of each layer, in the order in which they run.
        layer: The layer.
        models: The pipeline's own folder under `models/`.
        whole: Whether these are all of the pipeline's layers.

    Raises:
        Misconfigured: The layer's selector chooses nothing, or the project cannot be divided among the layers.
    """
    manifest = project.manifest
    own = twins(manifest)
    nodes, chosen, division, problems = divided(manifest, project.checkout.folder, order, models, whole=whole)
    selected = frozenset(id for id in chosen[layer] if id in nodes and nodes[id].kind in BUILT)
    if not selected:
        raise Misconfigured(
            f"no model fits the selector {order[layer]!r}",
            "check `models` and `layers[].select` in the pipeline file against the dbt project's folders",
        )
    refusals.refuse(problems)
    ids = frozenset().union(*division.builds.values())
    return Share(
        nodes,
        division.builds[layer],
        frozenset(id for id in selected if nodes[id].ephemeral),
        division.tests[layer],
        own,
        frozenset(named(manifest, id).schema for id in ids),
        frozenset(list_relations(manifest, ids)),
        tuple(nodes[id].name for id in division.unbuilt),
        division.left_out,
    )


def list_relations(manifest: Manifest, ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield schema and name of the relations of some nodes; functions are not published and have none."""
    for id in sorted(ids):
        if id in manifest.nodes:
            node = manifest.nodes[id]
            yield node.schema, node.alias


def divided(
    manifest: Manifest, project: Path, order: Mapping[str, str], models: str, *, whole: bool = True
) -> tuple[dict[str, Node], dict[str, frozenset[str]], Division, list[Problem]]:
    """Return a project's nodes, what each selector chooses, how the layers divide it, and all that is wrong with that.

    Raises:
        Misconfigured: dbt does not take a selector.
    """
    nodes, selection = list_nodes(manifest), Selection(manifest, project)
    chosen = {name: selection.choose(select) for name, select in order.items()}
    scope = selection.choose(f"path:models/{models}") if models else frozenset()
    division = divide(nodes, chosen, scope, whole=whole)
    found = [*refusals.lost_tests(manifest), *refusals.stored_among_readers(manifest, division)]
    return nodes, chosen, division, [*division.problems, *found]
