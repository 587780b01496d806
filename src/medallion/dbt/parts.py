"""All relations that a pipeline's steps make, as its files and its dbt project name them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from medallion.dbt import refusals
from medallion.dbt.checkout import Checkout
from medallion.dbt.manifest import FolderStore, load_manifest
from medallion.dbt.project import twins
from medallion.dbt.share import divided, list_relations
from medallion.plan import Plan
from medallion.protocol.clean_work import CleanWork
from medallion.warehouse.adopt import Part


def list_parts(plan: Plan, project: Path) -> list[Part]:
    """Return what each step of a plan makes, by schema.

    Args:
        plan: Of the pipeline.
        project: The folder of its dbt project.

    Raises:
        Misconfigured: There is no project, or it cannot be divided among the layers.
        ModelFailed: It does not parse.
    """
    names: dict[tuple[str, bool, str], set[str]] = defaultdict(set)
    for step in plan.steps:
        if isinstance(step.work, CleanWork):
            schema, table = step.work.contract.table.split(".")
            names[step.name, True, schema].add(table)
    pipeline = plan.pipeline
    if pipeline.layers:
        checkout = Checkout(project, pipeline.dbt)
        manifest = load_manifest(checkout, FolderStore(checkout)).manifest
        twins(manifest)
        _, _, division, problems = divided(manifest, project, pipeline.selectors, pipeline.models or "")
        refusals.refuse(problems)
        for layer in pipeline.layers:
            for schema, name in list_relations(manifest, division.builds[layer.name]):
                names[layer.name, layer.is_published, schema].add(name)
    return [
        Part(step, published, f"{pipeline.schema_prefix}{schema}", tuple(sorted(found)))
        for (step, published, schema), found in names.items()
    ]
