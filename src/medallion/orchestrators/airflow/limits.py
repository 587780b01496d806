"""When an attempt may start: Medallion's own limits, as a task that starts from its trigger passes Airflow's by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from asgiref.sync import sync_to_async
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, CoreV1Api

from medallion.config.pipeline import Pipeline
from medallion.orchestrators.admission import Answer, Limits, Run, RunningTask
from medallion.orchestrators.airflow.plans import Planned
from medallion.orchestrators.kubernetes.admission_store import AdmissionStore
from medallion.orchestrators.kubernetes.pod_run import until_reached
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.orchestrators.tenant_limits import TenantLimits, cached_tenant_limits
from medallion.plan import Plan
from medallion.tasks import Task

_ASK_SECONDS = 1.0
_LOOK_SECONDS = 5.0
"""Between looks at whether those ahead are really still at work, and at the limits."""
_ACTIVE_RUN = ["queued", "running"]
_ACTIVE_TASK = ["deferred", "queued", "running", "scheduled"]


class Admission:
    """The place of one attempt among all that run.

    Args:
        task: The task and its run.
        dags: The DAG folder, whose runner files limit tenants.
        say: Writes a line into the task's log.
    """

    def __init__(self, task: RunningTask, dags: Path, say: Callable[[str], object]) -> None:
        self._task, self._dags, self._say = task, dags, say
        self._store = _store(asyncio.get_running_loop(), Settings.from_environment(dags).namespace)
        self._is_last = False

    async def wait(self, planned: Planned, task: Task) -> None:
        """Return when the limits allow the attempt to start."""
        pipeline = planned.plan.pipeline
        self._task = replace(self._task, run=replace(self._task.run, tenant=pipeline.tenant))
        self._is_last = planned.plan.is_last(task)
        reason, looked, limits = "", 0.0, await asyncio.to_thread(self._limits, pipeline)
        while not (answer := await self._ask(limits)).admitted:
            if answer.reason != reason:
                reason = answer.reason
                self._say(f"waiting: {reason}")
            if time.monotonic() - looked > _LOOK_SECONDS:
                looked, limits = time.monotonic(), await asyncio.to_thread(self._limits, pipeline)
                if over := [one for one in answer.behind if not await sync_to_async(_is_active)(one)]:
                    await self._drop(over)
                    continue
            await asyncio.sleep(_ASK_SECONDS)

    async def leave(self, *, succeeded: bool) -> None:
        """Give the place to others. With the success of its last task a run is over, as far as the limits go."""
        await self._drop([self._task.run if succeeded and self._is_last else self._task])

    def _limits(self, pipeline: Pipeline) -> Limits:
        tenant = cached_tenant_limits(self._dags).get(pipeline.tenant or "", TenantLimits())
        return Limits(
            tasks=conf.getint("core", "parallelism"),
            pipeline_tasks=pipeline.max_active_tasks,
            tenant_jobs=tenant.jobs,
            tenant_tasks=tenant.steps,
        )

    async def _ask(self, limits: Limits) -> Answer:
        answer: Answer = await until_reached(lambda: self._store.ask(self._task, limits))
        return answer

    async def _drop(self, over: Collection[Run | RunningTask]) -> None:
        await until_reached(lambda: self._store.drop(over))


@cache
def _store(_loop: asyncio.AbstractEventLoop, namespace: str) -> AdmissionStore:
    """Return the store that all triggers of a process share."""
    return AdmissionStore(CoreV1Api(ApiClient()), namespace)


def leave_from_worker(plan: Plan, task: Task, ti: Any, settings: Settings, *, succeeded: bool) -> None:
    """Give the place of a worker's task to others.

    Args:
        plan: The plan.
        task: The task that has ended.
        ti: Its task instance.
        settings: The deployment.
        succeeded: Whether it succeeded.
    """
    run = Run(ti.dag_id, ti.run_id, plan.pipeline.tenant)
    over = run if succeeded and plan.is_last(task) else RunningTask(run, ti.task_id, str(ti.id))

    async def leave() -> None:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
        async with ApiClient() as connection:
            await AdmissionStore(CoreV1Api(connection), Settings.from_environment(settings.dags).namespace).drop([over])

    asyncio.run(leave())


def _is_active(one: Run | RunningTask) -> bool:
    run = one.run if isinstance(one, RunningTask) else one
    where: dict[str, Any] = {"dag_id": run.pipeline, "run_ids": [run.run_id]}
    if isinstance(one, RunningTask):
        return bool(RuntimeTaskInstance.get_ti_count(**where, task_ids=[one.task], states=_ACTIVE_TASK))
    return bool(RuntimeTaskInstance.get_dr_count(**where, states=_ACTIVE_RUN))
