"""A plan as a Dagster job: one op per task, in the plan's order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster

from medallion.config.retry import EndKind
from medallion.plan import Plan
from medallion.tasks import Task

RUN_ID = ""
"""Stands for the run in a plan, until there is one."""
PIPELINE_TAG, TENANT_TAG = "medallion/pipeline", "medallion/tenant"
"""Tags of a run that Dagster's queue counts."""
POOL_PREFIX = "tenant-"


@dataclass(frozen=True)
class Ended:
    """How a step ended. `exit_code` is None if it is unknown, `kind` a class that Kubernetes gives it."""

    exit_code: int | None
    explanation: str = ""
    kind: EndKind | None = None
    succeeded: bool = False


Launch = Callable[[Any, Task, Plan, str], Ended]
"""Runs a task of a plan in a run of that id, as a process or as a pod; it is given the op's context."""


def build_job(plan: Plan, launch: Launch) -> dagster.JobDefinition:
    """Translate a plan into a Dagster job.

    Args:
        plan: The steps of a run whose id is `RUN_ID`.
        launch: How a task is run.
    """
    pipeline = plan.pipeline
    ops = {task.name: _op(task, plan, launch) for task in plan.tasks}
    node = _list_nodes(plan)
    # Ops of all jobs share one space of names, nodes of a job have their own.
    dependencies = {
        dagster.NodeInvocation(ops[task.name].name, alias=node[task.first.name]): {
            node[need]: dagster.DependencyDefinition(node[need], "done") for need in task.needs
        }
        for task in plan.tasks
    }
    graph = dagster.GraphDefinition(
        valid_name(pipeline.name), node_defs=list(ops.values()), dependencies=dependencies, description=_describe(plan)
    )
    counted = {PIPELINE_TAG: pipeline.name, **({TENANT_TAG: pipeline.tenant} if pipeline.tenant else {})}
    return graph.to_job(
        tags={**job_tags(plan), **counted, "dagster/max_runtime": str(pipeline.timeouts.run_seconds)},
        executor_def=dagster.multiprocess_executor.configured({"max_concurrent": pipeline.max_active_tasks}),
    )


def pool_name(tenant: str) -> str:
    """Return the name of the pool that limits a tenant's steps, if anything does."""
    return f"{POOL_PREFIX}{tenant}"


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


def _list_nodes(plan: Plan) -> dict[str, str]:
    """Return the node of each step's task."""
    return {step.name: valid_name(task.task_id) for task in plan.tasks for step in task.steps}


def _op(task: Task, plan: Plan, launch: Launch) -> dagster.OpDefinition:
    before = _list_nodes(plan)

    # Dagster knows annotations by object, not by name.
    def compute(context, _inputs):  # type: ignore[no-untyped-def]
        attempt = context.retry_number + 1
        ended = launch(context, task, plan, f"dagster__{context.run_id}")
        if ended.succeeded:
            yield dagster.Output(None, "done")
            return
        if attempt <= task.retry.max_retries and task.retry.is_retryable(ended.exit_code, ended.kind):
            context.log.warning(f"{task.name}: {ended.explanation}")
            raise dagster.RetryRequested(task.retry.max_retries, task.retry.delay(attempt))
        raise dagster.Failure(
            f"{task.name}: {ended.explanation}", metadata={"exit_code": ended.exit_code or -1}, allow_retries=False
        )

    return dagster.OpDefinition(
        compute,
        name=valid_name(f"{plan.pipeline.name}__{task.task_id}"),
        ins={before[need]: dagster.In(dagster.Nothing) for need in task.needs},
        outs={"done": dagster.Out(dagster.Nothing)},
        description=task.title,
        # The first step records all the others in the warehouse, so it goes first among those that may.
        tags={
            "kind": task.first.work.kind if task.first.work.kind == "command" else task.image,
            "dagster/priority": "1" if task is plan.tasks[0] else "0",
        },
        pool=pool_name(plan.pipeline.tenant) if plan.pipeline.tenant else None,
    )


def _describe(plan: Plan) -> str:
    rows = [f"- `{step.name}`: {step.title}" for step in plan.steps]
    return "\n".join([f"{plan.pipeline.description} Owner: {plan.pipeline.owner}.", "", *rows])
