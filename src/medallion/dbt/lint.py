"""What is wrong between pipelines and the dbt project, found without a database: `medallion lint` shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from dbt.contracts.graph.manifest import Manifest

from medallion.failures import StepFailure
from medallion.spec.findings import Finding
from medallion.spec.pipeline import Pipeline
from medallion.spec.project import PipelineFile
from medallion.dbt import refusals
from medallion.dbt.division import JOINING, TESTS, Node
from medallion.dbt.manifest import PROJECT, load_manifest
from medallion.dbt.project import twins
from medallion.dbt.share import divided


def findings_of(files: Sequence[PipelineFile], *, whole: bool) -> list[Finding]:
    """Return what is wrong between pipelines and the dbt project.

    Pipelines of another project, of which this one has no folder, are passed over unless `MEDALLION_DBT_PROJECT` says
    that this is theirs.

    Args:
        files: Pipelines with their contracts.
        whole: Whether these are all the pipelines of the project: then each test must belong to one of them.
    """
    mine = [file for file in files if file.pipeline.layers and _is_here(file.pipeline)]
    if not mine:
        return []
    try:
        manifest = load_manifest().manifest
    except StepFailure as failure:
        return [_finding("dbt_project.yml", failure.message, failure.remedy)]
    twins(manifest)
    tables = {
        file.contracts[source.contract].table
        for file in mine
        for source in file.pipeline.sources
        if getattr(source, "incremental", None) is None
    }
    found: set[Finding] = set()
    held: set[str] = set()
    nodes: dict[str, Node] = {}
    for file in mine:
        try:
            nodes, _, division, problems = divided(manifest, _order(file.pipeline), file.pipeline.models or "")
        except StepFailure as failure:
            found.add(Finding(str(file.path), 1, 1, "layers", failure.message, failure.remedy))
            continue
        held |= division.everything
        built = {id for ids in division.builds.values() for id in ids}
        fixed = (built - manifest.functions.keys()) | _loaded(manifest, tables)
        for layer in file.pipeline.layers if whole else ():
            views = division.builds[layer.name] if layer.is_published else ()
            problems += refusals.exposed_views(manifest, nodes, views, fixed)
        found |= {_finding(problem.file, problem.message, problem.remedy) for problem in problems}
    return sorted(found | set(_in_no_layer(nodes, held) if whole else ()))


def _is_here(pipeline: Pipeline) -> bool:
    named = bool(os.environ.get("MEDALLION_DBT_PROJECT"))
    return named or (PROJECT / "models" / str(pipeline.models)).is_dir()


def _order(pipeline: Pipeline) -> dict[str, str]:
    return {layer.name: layer.select or f"path:models/{pipeline.models}/{layer.name}" for layer in pipeline.layers}


def _loaded(manifest: Manifest, tables: set[str]) -> set[str]:
    """Sources that a pipeline loads as a whole: each load is a table of its own."""
    return {id for id, source in manifest.sources.items() if f"{source.schema}.{source.identifier}" in tables}


def _in_no_layer(nodes: dict[str, Node], held: set[str]) -> Iterator[Finding]:
    for id, node in nodes.items():
        if id in held or node.ephemeral or node.kind == "source":
            continue
        kind = "test" if node.kind in TESTS else node.kind
        does = "runs" if node.kind in TESTS else "builds"
        what = f"no layer of any pipeline {does} the {kind} {node.name}"
        remedy = "let a layer select what it reads" if node.kind in TESTS else "select it in a layer of a pipeline"
        severity = "error" if node.kind in (*TESTS, *JOINING) else "warning"
        yield _finding(node.file, what, f"{remedy}, or disable it", severity)


def _finding(file: str, message: str, remedy: str, severity: str = "error") -> Finding:
    where = str(PROJECT / file)
    return Finding(where, 1, 1, "", message, remedy, "warning" if severity == "warning" else "error")
