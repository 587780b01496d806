"""Sources that have the name of one of the project's seeds, but not its schema: the seed does not fill them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from medallion.dbt.division import Problem
from medallion.dbt.project import twins

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,30}")
"""What `dbt: {schema: …}` of a pipeline may be."""


def unfilled(manifest: Manifest) -> Iterator[Problem]:
    """Yield the sources that a seed of the same name would fill, if it was enabled or in the source's schema."""
    for source, seed in _pairs(manifest):
        place = f"{source.schema}.{source.identifier}"
        if seed.config.enabled:
            why = f"the seed {seed.name} is {seed.schema}.{seed.alias}, not {place}"
            remedy = "set `dbt: {schema: …}` or `vars` in the pipeline file so that both are the same relation"
        else:
            why = f"the seed {seed.name} ({seed.original_file_path}) is disabled, so no layer builds {place}"
            remedy = "enable it, such as by `dbt: {vars: …}` in the pipeline file"
        what = f"the source {source.source_name}.{source.name} has the name of a seed: {why}"
        yield Problem(source.original_file_path, source.unique_id, what, f"{remedy}, unless something else fills it")


def likely_schema(manifest: Manifest, schema: str) -> str | None:
    """Return the target schema under which most of these seeds would be in their source's schema; None if none would.

    Args:
        manifest: As parsed with another target schema.
        schema: That schema.
    """
    votes: Counter[str] = Counter()
    for source, seed in _pairs(manifest):
        before, _, after = seed.schema.partition(schema)
        named = source.schema.startswith(before) and source.schema.endswith(after)
        candidate = source.schema[len(before) : len(source.schema) - len(after)]
        if seed.config.enabled and schema in seed.schema and named and _SCHEMA.fullmatch(candidate):
            votes[candidate] += 1
    return min(votes, key=lambda name: (-votes[name], name)) if votes else None


def _pairs(manifest: Manifest) -> list[tuple[Any, Any]]:
    """Sources that are not one of the project's own nodes, each with the seed of its name."""
    seeds: dict[str, list[Any]] = defaultdict(list)
    disabled = (node for nodes in manifest.disabled.values() for node in nodes)
    for node in (*manifest.nodes.values(), *disabled):
        if node.resource_type.value == "seed":
            seeds[node.alias].append(node)
    own = twins(manifest)
    rest = [source for source in manifest.sources.values() if source.unique_id not in own]
    return [(source, seeds[source.identifier][0]) for source in rest if source.identifier in seeds]
