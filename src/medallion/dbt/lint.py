"""What is wrong between pipelines and their dbt projects, found without a database: `medallion lint` shows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from dbt.contracts.graph.manifest import Manifest

from medallion.config.diagnostics import Diagnostic
from medallion.config.load_pipeline import PipelineFile
from medallion.config.places import dbt_project
from medallion.dbt import refusals
from medallion.dbt.as_text import hooks_of_a_run, names_as_text
from medallion.dbt.checkout import Checkout
from medallion.dbt.division import JOINING, TESTS, Node
from medallion.dbt.manifest import FolderStore, load_manifest
from medallion.dbt.project import twins
from medallion.dbt.seed_sources import unfilled
from medallion.dbt.share import divided
from medallion.errors import StepFailure
from medallion.protocol.project_archive import PROJECT_FILE


def lint_projects(files: Sequence[PipelineFile], dags: Path, *, whole: bool) -> list[Diagnostic]:
    """Return what is wrong between pipelines and their dbt projects.

    Args:
        files: Pipelines with their contracts.
        dags: The DAG folder. Where it does not hold a pipeline's project, as the image does, there is nothing to check.
        whole: Whether these are all the pipelines of the folder: then each test must belong to one of them.
    """
    mine: dict[Path, list[PipelineFile]] = defaultdict(list)
    for file in files:
        if file.pipeline.layers:
            mine[dbt_project(dags, file.pipeline.dbt.project)].append(file)
    there = [(project, group) for project, group in mine.items() if (project / PROJECT_FILE).is_file()]
    return sorted({found for project, group in there for found in _lint_project(group, project, whole=whole)})


def _lint_project(files: Sequence[PipelineFile], project: Path, *, whole: bool) -> set[Diagnostic]:
    diagnostic = _finder(project)
    tables = {
        file.contracts[source.contract].table
        for file in files
        for source in file.pipeline.sources
        if getattr(source, "incremental", None) is None
    }
    manifests: dict[str, tuple[Manifest, dict[str, str]]] = {}
    found: set[Diagnostic] = set()
    held: set[str] = set()
    nodes: dict[str, Node] = {}
    for file in files:
        checkout = Checkout(project, file.pipeline.dbt)
        try:
            if checkout.key not in manifests:
                parsed = load_manifest(checkout, FolderStore(checkout)).manifest
                manifests[checkout.key] = parsed, twins(parsed)
        except StepFailure as failure:
            found.add(diagnostic(PROJECT_FILE, failure.message, failure.remedy))
            continue
        manifest, own = manifests[checkout.key]
        try:
            nodes, _, division, problems = divided(
                manifest, project, file.pipeline.selectors, file.pipeline.models or ""
            )
        except StepFailure as failure:
            found.add(Diagnostic(str(file.path), 1, 1, "layers", failure.message, failure.remedy))
            continue
        held |= division.everything
        built = {id for ids in division.builds.values() for id in ids}
        fixed = (built - manifest.functions.keys()) | _loaded(manifest, tables)
        fixed |= {source for source, twin in own.items() if twin in built}
        for layer in file.pipeline.layers if whole else ():
            views = division.builds[layer.name] if layer.is_published else ()
            problems += refusals.exposed_views(manifest, nodes, views, fixed)
        found |= {diagnostic(problem.file, problem.message, problem.remedy) for problem in problems}
        layers = len(file.pipeline.layers)
        odd = [*unfilled(manifest), *names_as_text(manifest), *hooks_of_a_run(manifest, layers)] if whole else []
        found |= {diagnostic(problem.file, problem.message, problem.remedy, "warning") for problem in odd}
    return found | set(_in_no_layer(nodes, held, diagnostic) if whole else ())


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
