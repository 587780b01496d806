"""The rules of dbt-project-evaluator, by its names, over a parsed manifest.

The package itself checks a project from within a warehouse and comes from dbt's hub; these need neither. Rules and
their reasons: https://dbt-labs.github.io/dbt-project-evaluator/latest/rules. Its staging, intermediate and marts are
our bronze, silver and gold. Each rule returns what offends it, by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

PREFIXES = {"bronze": ("stg_",), "silver": ("dim_", "fact_", "bridge_"), "gold": ("agg_",)}
MAX_FANOUT = 3
MAX_JOINS = 7


@dataclass(frozen=True)
class Model:
    """A model: where it and its YAML are, what it reads, and how it is kept. `folder` ends in its layer."""

    folder: str = "models/shop/bronze"
    yaml_folder: str = "models/shop/bronze"
    parents: frozenset[str] = frozenset()
    code: str = ""
    described: bool = True
    key_tested: bool = True
    materialized: str = "table"

    @property
    def layer(self) -> str:
        """The last part of its folder."""
        return PurePosixPath(self.folder).name


@dataclass(frozen=True)
class Source:
    """A source table."""

    relation: str
    yaml_folder: str = "models/shop/bronze"
    described: bool = True
    table_described: bool = True
    fresh: bool = True


@dataclass(frozen=True)
class Project:
    """A project by names: models, sources as `source.table`, and what exposures read."""

    models: Mapping[str, Model] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    exposures: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def children(self, name: str) -> set[str]:
        """The models that read a model or source."""
        return {child for child, model in self.models.items() if name in model.parents}

    def sources_of(self, name: str) -> set[str]:
        """The sources that a model reads."""
        return {parent for parent in self.models[name].parents if parent in self.sources}

    def models_of(self, name: str) -> set[str]:
        """The models that a model reads."""
        return {parent for parent in self.models[name].parents if parent in self.models}


def project_of(manifest: Any) -> Project:
    """Reads a manifest as dbt parsed it."""
    names = {uid: node.name for uid, node in manifest.nodes.items() if node.resource_type == "model"}
    names |= {uid: f"{source.source_name}.{source.name}" for uid, source in manifest.sources.items()}
    tests = [node for node in manifest.nodes.values() if node.resource_type == "test" and node.test_metadata]
    unique = {node.attached_node for node in tests if node.test_metadata.name == "unique"}
    there = {node.attached_node for node in tests if node.test_metadata.name == "not_null"}

    def known(parents: Iterable[str]) -> frozenset[str]:
        return frozenset(names[uid] for uid in parents if uid in names)

    models = {
        node.name: Model(
            folder=_folder(node.original_file_path),
            yaml_folder=_folder((node.patch_path or "").partition("://")[2]),
            parents=known(node.depends_on.nodes),
            code=node.raw_code,
            described=bool(node.description.strip()),
            key_tested=uid in unique and uid in there,
            materialized=node.config.materialized,
        )
        for uid, node in manifest.nodes.items()
        if node.resource_type == "model"
    }
    sources = {
        names[uid]: Source(
            relation=f"{source.schema}.{source.identifier}",
            yaml_folder=_folder(source.original_file_path),
            described=bool(source.source_description.strip()),
            table_described=bool(source.description.strip()),
            fresh=source.has_freshness,
        )
        for uid, source in manifest.sources.items()
    }
    exposures = {exposure.name: known(exposure.depends_on.nodes) for exposure in manifest.exposures.values()}
    return Project(models, sources, exposures)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


# Modeling


def fct_direct_join_to_source(project: Project) -> set[str]:
    """Models that read a source and a model."""
    return {name for name in project.models if project.sources_of(name) and project.models_of(name)}


def fct_marts_or_intermediate_dependent_on_source(project: Project) -> set[str]:
    """Models above bronze that read a source."""
    return {name for name, model in project.models.items() if model.layer != "bronze" and project.sources_of(name)}


def fct_staging_dependent_on_staging(project: Project) -> set[str]:
    """Bronze models that read a bronze model."""
    bronze = {name for name, model in project.models.items() if model.layer == "bronze"}
    return {name for name in bronze if project.models_of(name) & bronze}


def fct_staging_dependent_on_marts_or_intermediate(project: Project) -> set[str]:
    """Bronze models that read a model above bronze."""
    bronze = {name for name, model in project.models.items() if model.layer == "bronze"}
    return {name for name in bronze if project.models_of(name) - bronze}


def fct_multiple_sources_joined(project: Project) -> set[str]:
    """Models that read several sources."""
    return {name for name in project.models if len(project.sources_of(name)) > 1}


def fct_source_fanout(project: Project) -> set[str]:
    """Sources that several models read."""
    return {name for name in project.sources if len(project.children(name)) > 1}


def fct_unused_sources(project: Project) -> set[str]:
    """Sources that no model reads."""
    return {name for name in project.sources if not project.children(name)}


def fct_duplicate_sources(project: Project) -> set[str]:
    """Relations that are sources under several names."""
    relations = [source.relation for source in project.sources.values()]
    return {relation for relation in relations if relations.count(relation) > 1}


def fct_root_models(project: Project) -> set[str]:
    """Models that read nothing."""
    return {name for name, model in project.models.items() if not model.parents}


def fct_model_fanout(project: Project) -> set[str]:
    """Models with more than `MAX_FANOUT` direct children that no model builds on."""
    ends = {name for name in project.models if not project.children(name)}
    return {name for name in project.models if len(project.children(name) & ends) > MAX_FANOUT}


def fct_rejoining_of_upstream_concepts(project: Project) -> set[str]:
    """Models that read a parent and that parent's child, where the child is there for nothing else."""
    return {
        name
        for name in project.models
        for between in project.models_of(name)
        if project.models_of(between) & project.models_of(name) and project.children(between) == {name}
    }


def fct_too_many_joins(project: Project) -> set[str]:
    """Models that read `MAX_JOINS` relations or more."""
    return {name for name, model in project.models.items() if len(model.parents) >= MAX_JOINS}


def fct_hard_coded_references(project: Project) -> set[str]:
    """Models that name a relation by its schema, and not by `ref` or `source`."""
    named = re.compile(r"\b(?:from|join)\s+[\"`]?\w+[\"`]?\.[\"`]?\w+", re.IGNORECASE)
    return {name for name, model in project.models.items() if named.search(_bare(model.code))}


def _bare(code: str) -> str:
    return re.sub(r"--.*|/\*.*?\*/|\{#.*?#\}|\{\{.*?\}\}", " ", re.sub(r"extract\(\s*\w+\s+from\b", "extract(", code))


# Testing


def fct_missing_primary_key_tests(project: Project) -> set[str]:
    """Models without a column that is tested to be there and to be unique."""
    return {name for name, model in project.models.items() if not model.key_tested}


def fct_sources_without_freshness(project: Project) -> set[str]:
    """Sources that do not say how old they may be."""
    return {name for name, source in project.sources.items() if not source.fresh}


# Documentation


def fct_undocumented_models(project: Project) -> set[str]:
    """Models without a description."""
    return {name for name, model in project.models.items() if not model.described}


def fct_undocumented_sources(project: Project) -> set[str]:
    """Sources without a description."""
    return {name.partition(".")[0] for name, source in project.sources.items() if not source.described}


def fct_undocumented_source_tables(project: Project) -> set[str]:
    """Source tables without a description."""
    return {name for name, source in project.sources.items() if not source.table_described}


# Structure


def fct_model_naming_conventions(project: Project) -> set[str]:
    """Models whose prefix is not one of their layer's."""
    return {name for name, model in project.models.items() if not name.startswith(PREFIXES.get(model.layer, ()))}


def fct_model_directories(project: Project) -> set[str]:
    """Models that are not in `models/<pipeline>/<layer>`; bronze ones must be named after what they stage."""
    fits = re.compile(rf"models/\w+/({'|'.join(PREFIXES)})")
    return {name for name, model in project.models.items() if not fits.fullmatch(model.folder)}


def fct_source_directories(project: Project) -> set[str]:
    """Sources that are described elsewhere than in a bronze folder."""
    return {name for name, source in project.sources.items() if not source.yaml_folder.endswith("/bronze")}


def fct_test_directories(project: Project) -> set[str]:
    """Models whose YAML, and so whose tests, are in another folder."""
    return {name for name, model in project.models.items() if model.yaml_folder != model.folder}


# Performance


def fct_chained_views_dependencies(project: Project) -> set[str]:
    """Models that are views over views."""
    views = {name for name, model in project.models.items() if model.materialized in ("view", "ephemeral")}
    return {name for name in views if project.models_of(name) & views}


def fct_exposure_parents_materializations(project: Project) -> set[str]:
    """Exposures that read a source, or a model that is no table."""
    kept = {name for name, model in project.models.items() if model.materialized in ("table", "incremental")}
    return {name for name, parents in project.exposures.items() if parents - kept}


RULES: tuple[Callable[[Project], set[str]], ...] = tuple(
    rule for name, rule in list(globals().items()) if name.startswith("fct_")
)
