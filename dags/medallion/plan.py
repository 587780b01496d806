"""What will happen in a run, as plain data. Every orchestrator is a thin translation of a plan.

Rules about order, gates, retries and names live here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Literal

from medallion import pinned
from medallion.spec.connectors import CsvSettings, RemoteSettings, Source
from medallion.spec.contract import Contract
from medallion.spec.pipeline import Layer, Pipeline, Resources, RetryConfig

Image = Literal["cleaner", "dbt"]
PLATFORM_TAG = "medallion"


@dataclass(frozen=True)
class RunContext:
    """What a plan depends on beside the pipeline file. Values may be an orchestrator's own templates.

    `landing` is the folder that source paths are relative to; `inputs` overrides the path of a source. `full_refresh`
    builds incremental models from nothing.
    """

    run_id: str
    landing: str
    commit: str = "unknown"
    inputs: Mapping[str, str] = field(default_factory=dict)
    full_refresh: bool = False


@dataclass(frozen=True)
class Step:
    """One command of one image: a pod on Kubernetes, a process on a laptop.

    `needs` are the steps whose success the ledger must hold before this one starts. `pool` is what limits how
    many steps of its tenant run at once. `reads_landing` tells whether it reads the landing volume, `secret` the
    name of a Secret with a source's credentials and the prefix that its keys get.
    """

    name: str
    task_id: str
    group: tuple[str, ...]
    image: Image
    args: tuple[str, ...]
    env: Mapping[str, str]
    needs: tuple[str, ...]
    resources: Resources
    retry: RetryConfig
    timeout_seconds: int
    layer: str | None = None
    title: str = ""
    pool: str | None = None
    reads_landing: bool = False
    secret: tuple[str, str] | None = None


@dataclass(frozen=True)
class Marker:
    """A named part of another step's work that has no pod of its own. It is done when that step is."""

    name: str
    group: tuple[str, ...]
    inside: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Plan:
    """The steps of one run in an order that satisfies every `needs`."""

    pipeline: Pipeline
    steps: tuple[Step, ...]
    markers: tuple[Marker, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """What the run can be found by in an orchestrator's UI: platform, tenant, connectors, the file's own."""
        pipeline = self.pipeline
        tenant = () if pipeline.tenant is None else (f"tenant:{pipeline.tenant}",)
        connectors = tuple(f"connector:{name}" for name in pipeline.connectors)
        return tuple(sorted({PLATFORM_TAG, *tenant, *connectors, *pipeline.tags}))


def pool_of(tenant: str) -> str:
    """The name of the pool that a tenant's steps take a slot of."""
    return f"tenant-{tenant}"


def make_plan(pipeline: Pipeline, contracts: Mapping[str, Contract], context: RunContext) -> Plan:
    """Turns a validated pipeline into the steps of a run.

    Args:
        pipeline: The pipeline.
        contracts: The contract of every source, by name.
        context: The run.
    """
    cleans = tuple(_clean(pipeline, source, contracts[source.contract], context) for source in pipeline.sources)
    steps, needs = list(cleans), tuple(step.name for step in cleans)
    if pipeline.freshness:
        steps.append(_freshness(pipeline, needs, context))
        needs = (steps[-1].name,)
    for layer in pipeline.layers:
        for phase in ("build",) if pipeline.granularity == "layer" else ("run", "test"):
            steps.append(_layer(pipeline, layer, phase, needs, context))
            needs = (steps[-1].name,)
    load = Marker(
        "load_cleaned_csv_to_postgres",
        (pipeline.groups.load,),
        tuple(step.name for step in cleans),
        "The pod that cleans also loads, in one pass and one transaction: see its log.",
    )
    return Plan(pipeline, _with_the_whole_plan(steps), (load,))


def _with_the_whole_plan(steps: list[Step]) -> tuple[Step, ...]:
    """Every step knows what every other is told, so that a run ends on the commit that it began with."""
    whole = pinned.encode({step.name: pinned.entry(step.args, step.env) for step in steps})
    return tuple(replace(step, env={**step.env, pinned.VARIABLE: whole}) for step in steps)


def _clean(pipeline: Pipeline, source: Source, contract: Contract, context: RunContext) -> Step:
    name = f"clean.{source.name}"
    told, settings = _reads(source, PurePosixPath(context.landing) / (pipeline.tenant or ""), context.inputs)
    only = len(pipeline.sources) == 1
    return Step(
        name=name,
        task_id="clean_and_transform_csv" if only else f"clean_and_transform_csv_{source.name}",
        group=(pipeline.groups.clean,),
        image="cleaner",
        args=(*_identity(pipeline, name, (), context), *told),
        env={
            "MEDALLION_CONTRACT": contract.model_dump_json(by_alias=True, exclude_unset=True),
            **_environment(pipeline, context),
            **settings,
            "MEDALLION_CONNECTOR": source.connector,
        },
        needs=(),
        resources=pipeline.resources.cleaner,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Cleans {source.label} under the contract {source.contract} and loads {contract.table}",
        pool=pool_of(pipeline.tenant) if pipeline.tenant else None,
        reads_landing=isinstance(source, CsvSettings),
        secret=(source.secret, source.env_prefix) if isinstance(source, RemoteSettings) and source.secret else None,
    )


def _reads(source: Source, landing: PurePosixPath, inputs: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The arguments and the environment that tell the cleaner what to read."""
    if source.name in inputs:
        return ("--input", inputs[source.name]), {}
    if isinstance(source, CsvSettings):
        if source.is_plain:
            return ("--input", str(landing / source.path)), {}
        return ("--landing", str(landing)), {"MEDALLION_SOURCE": source.as_json()}
    return (), {"MEDALLION_SOURCE": source.as_json()}


def _freshness(pipeline: Pipeline, needs: tuple[str, ...], context: RunContext) -> Step:
    return Step(
        name="freshness",
        task_id="dbt_source_freshness",
        group=(pipeline.groups.transform,) if pipeline.groups.transform else (),
        image="dbt",
        args=(
            *_identity(pipeline, "freshness", needs, context),
            *("--select", f"path:models/{pipeline.models}", "--phase", "freshness"),
        ),
        env=_environment(pipeline, context),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Checks when the sources of {pipeline.models} were last delivered",
        pool=pool_of(pipeline.tenant) if pipeline.tenant else None,
    )


def _layer(pipeline: Pipeline, layer: Layer, phase: str, needs: tuple[str, ...], context: RunContext) -> Step:
    whole = phase == "build"
    name = layer.name if whole else f"{layer.name}.{phase}"
    top = (pipeline.groups.transform,) if pipeline.groups.transform else ()
    select = _select(pipeline, layer)
    order = tuple(word for one in pipeline.layers for word in ("--layers", f"{one.name}={_select(pipeline, one)}"))
    flags = (("--publish",) if layer.is_published else ()) + (() if layer.gate else ("--no-gate",))
    flags += ("--full-refresh",) if context.full_refresh else ()
    does = {"build": "Runs and tests", "run": "Runs", "test": "Tests"}[phase]
    return Step(
        name=name,
        task_id=layer.name if whole else f"dbt_{phase}_{layer.name}",
        group=top if whole else (*top, layer.name),
        image="dbt",
        args=(
            *_identity(pipeline, name, needs, context),
            *("--layer", layer.name, "--select", select, "--phase", phase),
            *order,
            *("--models", str(pipeline.models)),
            *flags,
        ),
        env=_environment(pipeline, context),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        layer=layer.name,
        title=f"{does} the {layer.name} models of {pipeline.models}"
        + (", then publishes them" if layer.is_published and phase != "run" else ""),
        pool=pool_of(pipeline.tenant) if pipeline.tenant else None,
    )


def _select(pipeline: Pipeline, layer: Layer) -> str:
    return layer.select or f"path:models/{pipeline.models}/{layer.name}"


def _environment(pipeline: Pipeline, context: RunContext) -> dict[str, str]:
    tenant = {"MEDALLION_TENANT": pipeline.tenant} if pipeline.tenant else {}
    return {"MEDALLION_COMMIT": context.commit, "MEDALLION_RETENTION": pipeline.retention.model_dump_json(), **tenant}


def _identity(pipeline: Pipeline, step: str, needs: tuple[str, ...], context: RunContext) -> tuple[str, ...]:
    prefix = ("--schema-prefix", pipeline.schema_prefix) if pipeline.schema_prefix else ()
    wanted = tuple(word for name in needs for word in ("--needs", name))
    return ("--pipeline", pipeline.name, "--run-id", context.run_id, "--step", step, *wanted, *prefix)
