"""What is wrong between pipelines and the dbt project, found without a database: `medallion lint` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from dbt.contracts.graph.manifest import Manifest

from medallion.config.diagnostics import Diagnostic
from medallion.config.load_pipeline import PipelineFile
from medallion.config.pipeline import Pipeline
from medallion.dbt import refusals
from medallion.dbt.division import JOINING, TESTS, Node
from medallion.dbt.manifest import load_manifest
from medallion.dbt.project import twins
from medallion.dbt.share import divided
from medallion.errors import StepFailure


def lint_project(files: Sequence[PipelineFile], project: Path, *, whole: bool) -> list[Diagnostic]:
    """Return what is wrong between pipelines and the dbt project.

    Args:
        files: Pipelines with their contracts.
        project: The dbt project's folder. Where it holds no project, there is nothing to compare with.
        whole: Whether these are all the pipelines of the project: then each test must belong to one of them.
    """
    diagnostic = _finder(project)
    mine = [file for file in files if file.pipeline.layers]
    if not mine or not (project / "dbt_project.yml").is_file():
        return []
    try:
        manifest = load_manifest(project).manifest
    except StepFailure as failure:
        return [diagnostic("dbt_project.yml", failure.message, failure.remedy)]
    twins(manifest)
    tables = {
        file.contracts[source.contract].table
        for file in mine
        for source in file.pipeline.sources
        if getattr(source, "incremental", None) is None
    }
    found: set[Diagnostic] = set()
    held: set[str] = set()
    nodes: dict[str, Node] = {}
    for file in mine:
        try:
            nodes, _, division, problems = divided(manifest, project, _order(file.pipeline), file.pipeline.models or "")
        except StepFailure as failure:
            found.add(Diagnostic(str(file.path), 1, 1, "layers", failure.message, failure.remedy))
            continue
        held |= division.everything
        built = {id for ids in division.builds.values() for id in ids}
        fixed = (built - manifest.functions.keys()) | _loaded(manifest, tables)
        for layer in file.pipeline.layers if whole else ():
            views = division.builds[layer.name] if layer.is_published else ()
            problems += refusals.exposed_views(manifest, nodes, views, fixed)
        found |= {diagnostic(problem.file, problem.message, problem.remedy) for problem in problems}
    return sorted(found | set(_in_no_layer(nodes, held, diagnostic) if whole else ()))


def _order(pipeline: Pipeline) -> dict[str, str]:
    return {layer.name: layer.select or f"path:models/{pipeline.models}/{layer.name}" for layer in pipeline.layers}


def _loaded(manifest: Manifest, tables: set[str]) -> set[str]:
    """Sources that a pipeline loads as a whole: each load is a table of its own."""
    return {id for id, source in manifest.sources.items() if f"{source.schema}.{source.identifier}" in tables}


def _in_no_layer(nodes: dict[str, Node], held: set[str], diagnostic: Callable[..., Diagnostic]) -> Iterator[Diagnostic]:
    for id, node in nodes.items():
        if id in held or node.ephemeral or node.kind == "source":
            continue
        kind = "test" if node.kind in TESTS else node.kind
        does = "runs" if node.kind in TESTS else "builds"
        what = f"no layer of any pipeline {does} the {kind} {node.name}"
        remedy = "let a layer select what it reads" if node.kind in TESTS else "select it in a layer of a pipeline"
        severity: Literal["error", "warning"] = "error" if node.kind in (*TESTS, *JOINING) else "warning"
        yield diagnostic(node.file, what, f"{remedy}, or disable it", severity)


def _finder(project: Path) -> Callable[..., Diagnostic]:
    def diagnostic(file: str, message: str, remedy: str, severity: Literal["error", "warning"] = "error") -> Diagnostic:
        return Diagnostic(str(project / file), 1, 1, "", message, remedy, severity)

    return diagnostic
