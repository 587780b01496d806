"""A plan as a Dagster job: one op per step, in the plan's order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster

from medallion.config.retry import EndKind
from medallion.plan import Plan
from medallion.steps import Step

RUN_ID = ""
"""Stands for the run in a plan, until there is one."""
PIPELINE_TAG = "medallion/pipeline"


@dataclass(frozen=True)
class Ended:
    """How a step ended. `exit_code` is None if it is unknown, `kind` a class that Kubernetes gives it."""

    exit_code: int | None
    explanation: str = ""
    kind: EndKind | None = None
    succeeded: bool = False


Launch = Callable[[Any, Step, Plan, str], Ended]
"""Runs a step of a plan in a run of that id, as a process or as a pod; it is given the op's context."""


def build_job(plan: Plan, launch: Launch) -> dagster.JobDefinition:
    """Translate a plan into a Dagster job.

    Args:
        plan: The steps of a run whose id is `RUN_ID`.
        launch: How a step is run.
    """
    pipeline = plan.pipeline
    ops = {step.name: _op(step, plan, launch) for step in plan.steps}
    node = {step.name: valid_name(step.task_id) for step in plan.steps}
    # Ops of all jobs share one space of names, nodes of a job have their own.
    dependencies = {
        dagster.NodeInvocation(ops[step.name].name, alias=node[step.name]): {
            node[need]: dagster.DependencyDefinition(node[need], "done") for need in step.needs
        }
        for step in plan.steps
    }
    graph = dagster.GraphDefinition(
        valid_name(pipeline.name), node_defs=list(ops.values()), dependencies=dependencies, description=_describe(plan)
    )
    return graph.to_job(
        tags={**job_tags(plan), PIPELINE_TAG: pipeline.name, "dagster/max_runtime": str(pipeline.timeouts.run_seconds)},
        executor_def=dagster.multiprocess_executor.configured({"max_concurrent": pipeline.max_active_tasks}),
    )


def valid_name(name: str) -> str:
    """Return a name as Dagster takes it: letters, digits and `_`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def job_tags(plan: Plan) -> dict[str, str]:
    """Return a plan's tags as keys and values: `tenant:acme` has the key `tenant`, a plain tag no value."""
    found: dict[str, str] = {}
    for tag in plan.tags:
        key, _, value = tag.partition(":")
        key = re.sub(r"[^A-Za-z0-9_.-]", "_", key)[:63]
        value = re.sub(r"[^A-Za-z0-9_.-]", "_", value)[:63]
        found[key] = f"{found[key]}.{value}" if key in found else value
    return found


def _op(step: Step, plan: Plan, launch: Launch) -> dagster.OpDefinition:
    before = {other.name: valid_name(other.task_id) for other in plan.steps}

    # Dagster knows annotations by object, not by name.
    def compute(context, _inputs):  # type: ignore[no-untyped-def]
        attempt = context.retry_number + 1
        ended = launch(context, step, plan, f"dagster__{context.run_id}")
        if ended.succeeded:
            yield dagster.Output(None, "done")
            return
        if attempt <= step.retry.max_retries and step.retry.is_retryable(ended.exit_code, ended.kind):
            context.log.warning(f"{step.name}: {ended.explanation}")
            raise dagster.RetryRequested(step.retry.max_retries, step.retry.delay(attempt))
        raise dagster.Failure(
            f"{step.name}: {ended.explanation}", metadata={"exit_code": ended.exit_code or -1}, allow_retries=False
        )

    return dagster.OpDefinition(
        compute,
        name=valid_name(f"{plan.pipeline.name}__{step.task_id}"),
        ins={before[need]: dagster.In(dagster.Nothing) for need in step.needs},
        outs={"done": dagster.Out(dagster.Nothing)},
        description=step.title,
        # The first step records all the others in the warehouse, so it goes first among those that may.
        tags={
            "kind": step.work.kind if step.work.kind == "command" else step.image,
            "dagster/priority": "1" if step is plan.steps[0] else "0",
        },
        pool=step.pool,
    )


def _describe(plan: Plan) -> str:
    rows = [f"- `{step.name}`: {step.title}" for step in plan.steps]
    return "\n".join([f"{plan.pipeline.description} Owner: {plan.pipeline.owner}.", "", *rows])
