"""Layers for a dbt project that has none: by its folders, then its names, then how deep a model is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from medallion.config.dbt import DbtSettings
from medallion.dbt.as_text import needs_one_layer
from medallion.dbt.checkout import Checkout
from medallion.dbt.division import BUILT, Problem
from medallion.dbt.manifest import FolderStore, load_manifest
from medallion.dbt.project import twins
from medallion.dbt.seed_sources import likely_schema, unfilled
from medallion.dbt.share import divided

MAX_TERMS = 8
"""Of a selector that a person can read; layers that need more become one."""
_WORDS: tuple[tuple[str, ...], ...] = (
    ("staging", "stage", "stg", "base", "raw", "bronze"),
    ("intermediate", "int", "silver"),
    ("marts", "mart", "gold", "reporting", "reports"),
)
_PREFIXES: tuple[tuple[str, ...], ...] = (
    ("stg_", "base_", "src_"),
    ("int_",),
    ("dim_", "fct_", "fact_", "agg_", "mart_", "rpt_"),
)
_NAMES, _MEDALS = ("staging", "intermediate", "marts"), ("bronze", "silver", "gold")


@dataclass(frozen=True)
class Proposed:
    """A layer: its name and the selector of its nodes."""

    name: str
    select: str


@dataclass(frozen=True)
class Proposal:
    """The layers of a project, its own name, its settings, and what a person must correct in it."""

    project: str
    settings: DbtSettings
    layers: tuple[Proposed, ...]
    problems: tuple[Problem, ...]


def propose(project: Path, settings: DbtSettings) -> Proposal:
    """Parse a project and divide it among layers: each node in one layer, and no layer reads a later one.

    Args:
        project: Its folder.
        settings: As the user gave them. The proposal has another schema if more sources are seeds of the project then.

    Raises:
        Misconfigured: There is no project.
        ModelFailed: It does not parse.
    """
    settings, manifest = _settled(project, settings)
    twins(manifest)
    layers = propose_layers(manifest)
    order = {layer.name: layer.select for layer in layers}
    problems = divided(manifest, project, order, "")[3] if layers else []
    return Proposal(Checkout(project, settings).name, settings, layers, (*problems, *unfilled(manifest)))


def _settled(project: Path, settings: DbtSettings) -> tuple[DbtSettings, Manifest]:
    manifest = _parsed(project, settings)
    schema = likely_schema(manifest, settings.target_schema)
    if schema is not None:
        other = settings.model_copy(update={"target_schema": schema})
        found = _parsed(project, other)
        if len(twins(found)) > len(twins(manifest)):
            return other, found
    return settings, manifest


def _parsed(project: Path, settings: DbtSettings) -> Manifest:
    checkout = Checkout(project, settings)
    return load_manifest(checkout, FolderStore(checkout)).manifest


def propose_layers(manifest: Manifest) -> tuple[Proposed, ...]:
    """Return the layers of a parsed project, in the order in which they run; those without a node are left out."""
    nodes: dict[str, Any] = {
        id: node
        for id, node in {**manifest.nodes, **manifest.functions}.items()
        if node.resource_type.value in BUILT and node.config.enabled
    }
    ranks = _ranks(nodes)
    groups: dict[int, set[str]] = defaultdict(set)
    for id, rank in ranks.items():
        groups[rank].add(id)
    paths = {id: tuple(node.fqn) for id, node in nodes.items()}
    folders = {word for path in paths.values() for word in path[:-1]}
    names = dict(enumerate(_MEDALS if folders & {"bronze", "silver", "gold"} else _NAMES)) | {-1: "seeds"}
    merged = _merge([(names[rank], groups[rank]) for rank in sorted(groups)], paths)
    if merged and needs_one_layer(manifest):
        merged = [(merged[-1][0], set(nodes))]
    return tuple(Proposed(name, _select(ids, paths)) for name, ids in merged)


def _ranks(nodes: Mapping[str, Any]) -> dict[str, int]:
    """The layer of each node, at least that of everything that it reads; seeds come before all."""
    parents = {id: [one for one in getattr(node.depends_on, "nodes", ()) if one in nodes] for id, node in nodes.items()}
    ranks: dict[str, int] = {}
    for id in TopologicalSorter(parents).static_order():
        node = nodes[id]
        if node.resource_type.value == "seed":
            ranks[id] = -1
            continue
        models = [ranks[one] for one in parents[id] if ranks[one] >= 0]
        ranks[id] = max([_own_rank(node, bool(models)), *models])
    return ranks


def _own_rank(node: Any, reads_models: bool) -> int:
    folders = [word.lower() for word in node.fqn[1:-1]]
    for rank, words in enumerate(_WORDS):
        if any(word in words for word in folders):
            return rank
    for rank, prefixes in enumerate(_PREFIXES):
        if node.name.lower().startswith(prefixes):
            return rank
    return 2 if reads_models else 0


def _merge(layers: Sequence[tuple[str, set[str]]], paths: Mapping[str, tuple[str, ...]]) -> list[tuple[str, set[str]]]:
    """Merge a layer whose selector has more than `MAX_TERMS` terms with the next layer."""
    merged = list(layers)
    while len(merged) > 1:
        long = next((at for at, (_, ids) in enumerate(merged) if len(_select(ids, paths).split()) > MAX_TERMS), None)
        if long is None:
            break
        first = min(long, len(merged) - 2)
        merged[first : first + 2] = [(merged[first + 1][0], merged[first][1] | merged[first + 1][1])]
    return merged


def _select(ids: Iterable[str], paths: Mapping[str, tuple[str, ...]]) -> str:
    """Return the shortest selector of these nodes and of no others: folders as far as they hold nothing else."""
    chosen = set(ids)
    seeds = {id for id in paths if id.startswith("seed.")}
    if chosen == seeds:
        return "resource_type:seed"
    terms = ["resource_type:seed"] if seeds and seeds <= chosen else []
    todo: list[tuple[str, ...]] = sorted({path[:1] for id, path in paths.items() if id in chosen})
    while todo:
        prefix = todo.pop(0)
        below = {id for id, path in paths.items() if path[: len(prefix)] == prefix}
        mine = below & chosen - (seeds if terms[:1] == ["resource_type:seed"] else set())
        if not mine:
            continue
        if below <= chosen:
            terms.append(f"fqn:{'.'.join(prefix)}")
        else:
            todo += sorted({paths[id][: len(prefix) + 1] for id in mine if len(paths[id]) > len(prefix)})
    return " ".join(terms)
