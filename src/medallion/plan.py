"""What will happen in a run, as plain data. Every orchestrator is a thin translation of a plan.

Rules about order, gates, retries and names live here and nowhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Literal

from medallion.config.contract import Contract
from medallion.config.own_step import SOURCES, OwnStep
from medallion.config.pipeline import Layer, Pipeline
from medallion.config.resources import Resources
from medallion.config.retry import RetryConfig
from medallion.config.sources import Source
from medallion.protocol.task import PROTOCOL, CleanWork, CommandWork, FreshnessWork, LayerWork, TaskSpec, hash_content

Image = Literal["cleaner", "dbt"]
Phase = Literal["build", "run", "test"]
PLATFORM_TAG = "medallion"


@dataclass(frozen=True)
class RunContext:
    """What a plan depends on beside the pipeline file.

    `run_id` may be empty where an orchestrator names the run only when it starts. `landing` is the folder that source
    paths are relative to; `inputs` overrides the path of a source. `full_refresh` builds incremental models from
    nothing.
    """

    run_id: str
    landing: str
    commit: str = "unknown"
    inputs: Mapping[str, str] = field(default_factory=dict)
    full_refresh: bool = False


@dataclass(frozen=True)
class Step:
    """One command of one image: a pod on Kubernetes, a process on a laptop.

    `work` is what it does. `needs` are the steps whose success the ledger must hold before this one starts. `pool` is
    what limits how many steps of its tenant run at once. `reads_landing` tells whether it reads the landing volume,
    `secret` the name of a Secret with a source's credentials and the prefix that its keys get. A team's own command has
    a container of its own next to that of `image`: `resources`, `secret` and `run_as_user` are that container's.
    """

    name: str
    task_id: str
    group: tuple[str, ...]
    image: Image
    work: CleanWork | LayerWork | FreshnessWork | CommandWork
    needs: tuple[str, ...]
    resources: Resources
    retry: RetryConfig
    timeout_seconds: int
    layer: str | None = None
    title: str = ""
    pool: str | None = None
    reads_landing: bool = False
    secret: tuple[str, str] | None = None
    run_as_user: int | None = None

    @property
    def module(self) -> str:
        """The command that does the work, as `python -m` names it; each image's ENTRYPOINT too."""
        return "medallion.command" if isinstance(self.work, CommandWork) else f"medallion.{self.image}"


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
    context: RunContext

    def step(self, name: str) -> Step:
        """Return the step of that name."""
        return next(one for one in self.steps if one.name == name)

    def task(self, name: str, run_id: str | None = None) -> TaskSpec:
        """Return what a step's process or pod is given.

        So that a run ends on the commit that it began with, a step that may be the first to start hands on what the
        warehouse needs of the others: the plan's first step all of it, the others the steps that come later.

        Args:
            name: The step.
            run_id: The run, where the context has a placeholder.
        """
        step = self.step(name)
        first, later = self.steps[0].name, {other.name for other in self.steps if other.needs}
        handed = {
            other: content
            for other, content in self._contents.items()
            if not step.needs and other != name and (name == first or other in later)
        }
        plan = {other: hash_content(content) for other, content in self._contents.items()}
        run = {"run_id": run_id or self.context.run_id, "plan": plan, "others": handed}
        return self._spec(step).model_copy(update=run)

    def with_project(self, digest: str) -> Plan:
        """Return the plan with the dbt project of that digest for its dbt steps: for pods, which have no checkout."""
        steps = (
            replace(step, work=step.work.model_copy(update={"project": digest})) if step.image == "dbt" else step
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))

    @property
    def uses_dbt(self) -> bool:
        """Whether any of its steps needs the dbt project."""
        return any(step.image == "dbt" for step in self.steps)

    @cached_property
    def _contents(self) -> dict[str, dict[str, Any]]:
        return {step.name: self._spec(step).content() for step in self.steps}

    def _spec(self, step: Step) -> TaskSpec:
        return TaskSpec(
            protocol=PROTOCOL,
            pipeline=self.pipeline.name,
            run_id="any",
            step=step.name,
            commit=self.context.commit,
            needs=step.needs,
            tenant=self.pipeline.tenant,
            schema_prefix=self.pipeline.schema_prefix,
            retention=self.pipeline.retention,
            work=step.work,
        )

    @property
    def tags(self) -> tuple[str, ...]:
        """What the run can be found by in an orchestrator's UI: platform, tenant, connectors, the file's own."""
        pipeline = self.pipeline
        tenant = () if pipeline.tenant is None else (f"tenant:{pipeline.tenant}",)
        connectors = tuple(f"connector:{name}" for name in pipeline.connectors)
        return tuple(sorted({PLATFORM_TAG, *tenant, *connectors, *pipeline.tags}))


def pool_name(tenant: str) -> str:
    """Return the name of the pool that a tenant's steps take a slot of."""
    return f"tenant-{tenant}"


def make_plan(pipeline: Pipeline, contracts: Mapping[str, Contract], context: RunContext) -> Plan:
    """Turn a validated pipeline into the steps of a run.

    Args:
        pipeline: The pipeline.
        contracts: The contract of every source, by name.
        context: The run.
    """
    cleans = tuple(_clean(pipeline, source, contracts[source.contract], context) for source in pipeline.sources)
    layers, own = {layer.name: layer for layer in pipeline.layers}, {step.name: step for step in pipeline.steps}
    steps: list[Step] = []
    needs: tuple[str, ...] = ()
    for name in pipeline.order:
        if name == SOURCES:
            steps += (replace(step, needs=needs) for step in cleans)
            needs = tuple(step.name for step in cleans) or needs
            if pipeline.source_freshness:
                steps.append(_freshness(pipeline, needs))
                needs = (steps[-1].name,)
        elif name in own:
            steps.append(_own(pipeline, own[name], needs))
            needs = (name,)
        else:
            phases: tuple[Phase, ...] = ("build",) if pipeline.granularity == "layer" else ("run", "test")
            for phase in phases:
                steps.append(_layer(pipeline, layers[name], phase, needs, context))
                needs = (steps[-1].name,)
    load = Marker(
        "load_cleaned_csv_to_postgres",
        (pipeline.task_groups.load,),
        tuple(step.name for step in cleans),
        "The pod that cleans also loads, in one pass and one transaction: see its log.",
    )
    return Plan(pipeline, tuple(steps), (load,) if cleans else (), context)


def _clean(pipeline: Pipeline, source: Source, contract: Contract, context: RunContext) -> Step:
    name = f"clean.{source.name}"
    only = len(pipeline.sources) == 1
    return Step(
        name=name,
        task_id="clean_and_transform_csv" if only else f"clean_and_transform_csv_{source.name}",
        group=(pipeline.task_groups.clean,),
        image="cleaner",
        work=_clean_work(source, contract, PurePosixPath(context.landing) / (pipeline.tenant or ""), context.inputs),
        needs=(),
        resources=pipeline.resources.cleaner,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Cleans {source.label} under the contract {source.contract} and loads {contract.table}",
        pool=pool_name(pipeline.tenant) if pipeline.tenant else None,
        reads_landing=source.reads_landing,
        secret=source.login,
    )


def _clean_work(source: Source, contract: Contract, landing: PurePosixPath, inputs: Mapping[str, str]) -> CleanWork:
    where: dict[str, Any] = {"landing": str(landing)} if source.reads_landing else {}
    if source.name in inputs:
        where["input"] = inputs[source.name]
    return CleanWork(kind="clean", contract=contract, source=source, **where)


def _freshness(pipeline: Pipeline, needs: tuple[str, ...]) -> Step:
    return Step(
        name="freshness",
        task_id="dbt_source_freshness",
        group=pipeline.task_groups.transform_path,
        image="dbt",
        work=FreshnessWork(kind="freshness", select=f"path:models/{pipeline.models}", dbt=pipeline.dbt),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        title=f"Checks when the sources of {pipeline.models} were last delivered",
        pool=pool_name(pipeline.tenant) if pipeline.tenant else None,
    )


def _own(pipeline: Pipeline, step: OwnStep, needs: tuple[str, ...]) -> Step:
    return Step(
        name=step.name,
        task_id=step.name,
        group=(),
        image="cleaner",
        work=CommandWork(
            kind="command",
            image=step.image,
            command=step.command,
            args=step.args,
            env=step.env,
            warehouse=step.warehouse,
        ),
        needs=needs,
        resources=step.resources,
        retry=step.retry(pipeline.retry_config),
        timeout_seconds=step.timeout_seconds or pipeline.timeouts.step_seconds,
        title=f"Runs {shlex.join((*step.command, *step.args))[:200]} in the image {step.image}",
        pool=pool_name(pipeline.tenant) if pipeline.tenant else None,
        secret=(step.secret, "") if step.secret else None,
        run_as_user=step.run_as_user,
    )


def _layer(pipeline: Pipeline, layer: Layer, phase: Phase, needs: tuple[str, ...], context: RunContext) -> Step:
    whole = phase == "build"
    name = layer.name if whole else f"{layer.name}.{phase}"
    top = pipeline.task_groups.transform_path
    flags = {
        "publish": layer.is_published,
        "on_test_failure": layer.on_test_failure,
        "full_refresh": context.full_refresh,
    }
    does = {"build": "Runs and tests", "run": "Runs", "test": "Tests"}[phase]
    return Step(
        name=name,
        task_id=layer.name if whole else f"dbt_{phase}_{layer.name}",
        group=top if whole else (*top, layer.name),
        image="dbt",
        work=LayerWork(
            kind="layer",
            layer=layer.name,
            select=pipeline.selectors[layer.name],
            phase=phase,
            layers=tuple(pipeline.selectors.items()),
            models=pipeline.models or "",
            dbt=pipeline.dbt,
            **flags,
        ),
        needs=needs,
        resources=pipeline.resources.dbt,
        retry=pipeline.retry_config,
        timeout_seconds=pipeline.timeouts.step_seconds,
        layer=layer.name,
        title=f"{does} the {layer.name} models of {pipeline.models or pipeline.dbt.project}"
        + (", then publishes them" if layer.is_published and phase != "run" else ""),
        pool=pool_name(pipeline.tenant) if pipeline.tenant else None,
    )
