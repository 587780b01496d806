"""What will happen in a run, as plain data. Every orchestrator is a thin translation of a plan.

Rules about order and gates live here and nowhere else; `steps.py` has what each step is, and `tasks.py` which of them
share a pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from medallion.clean_steps import clean_steps
from medallion.config.contract import Contract
from medallion.config.own_step import SOURCES
from medallion.config.pipeline import Pipeline
from medallion.protocol.task import PROTOCOL, Pack, TaskSpec, hash_content
from medallion.steps import Phase, Step, freshness_step, layer_step, own_step
from medallion.tasks import Task, make_tasks

PLATFORM_TAG = "medallion"


@dataclass(frozen=True)
class RunContext:
    """What a plan depends on besides the pipeline file.

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

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """What an orchestrator starts, in an order that satisfies every `needs`."""
        return make_tasks(self.steps, self.pipeline.sources_per_pod)

    def is_last(self, task: Task) -> bool:
        """Return whether the run is over when the task has succeeded: every other task comes before it."""
        needed = {name for step in self.steps for name in step.needs}
        return [one for one in self.tasks if not needed & {step.name for step in one.steps}] == [task]

    def document(self, task: Task, run_id: str | None = None) -> TaskSpec:
        """Return what a task's process or pod is given: its step or, for a pack, its steps.

        Args:
            task: The task.
            run_id: The run, where the context has a placeholder.
        """
        document = self.task(task.first.name, run_id)
        if not task.is_pack:
            return document
        later = tuple(step.name for step in task.steps[1:])
        codes = tuple(code for code in task.retry.retryable_exit_codes if isinstance(code, int))
        others = {**document.others, **{name: self._contents[name] for name in later}}
        pack = Pack(steps=later, step_seconds=task.first.timeout_seconds, retryable_exit_codes=codes)
        return document.model_copy(update={"others": others, "pack": pack})

    def task(self, name: str, run_id: str | None = None) -> TaskSpec:
        """Return what the process of a step alone is given.

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


def make_plan(pipeline: Pipeline, contracts: Mapping[str, Contract], context: RunContext) -> Plan:
    """Turn a validated pipeline into the steps of a run.

    Args:
        pipeline: The pipeline.
        contracts: The contract of every source, by name.
        context: The run.
    """
    landing = PurePosixPath(context.landing) / (pipeline.tenant or "")
    cleans = tuple(
        clean_steps(pipeline, source, contracts[source.contract], landing, context.inputs.get(source.name))
        for source in pipeline.sources
    )
    published = tuple(parts[-1].name for parts in cleans)
    layers, own = {layer.name: layer for layer in pipeline.layers}, {step.name: step for step in pipeline.steps}
    steps: list[Step] = []
    needs: tuple[str, ...] = ()
    for name in pipeline.order:
        if name == SOURCES:
            steps += (replace(step, needs=step.needs or needs) for parts in cleans for step in parts)
            needs = published or needs
            if pipeline.source_freshness:
                steps.append(freshness_step(pipeline, needs))
                needs = (steps[-1].name,)
        elif name in own:
            steps.append(own_step(pipeline, own[name], needs))
            needs = (name,)
        else:
            phases: tuple[Phase, ...] = ("build",) if pipeline.granularity == "layer" else ("run", "test")
            for phase in phases:
                steps.append(layer_step(pipeline, layers[name], phase, needs, full_refresh=context.full_refresh))
                needs = (steps[-1].name,)
    load = Marker(
        "load_cleaned_csv_to_postgres",
        (pipeline.task_groups.load,),
        published,
        "The pod that cleans also loads, in one pass and one transaction: see its log.",
    )
    return Plan(pipeline, tuple(steps), (load,) if cleans else (), context)
