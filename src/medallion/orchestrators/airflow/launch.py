"""An attempt launched and followed without a worker: wait until the limits allow it, make the pod, see its end."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow import __version__
from kubernetes import client, config
from kubernetes.client import ApiException as SyncApiException
from kubernetes_asyncio.client import ApiException, CoreV1Api

from medallion.config.diagnostics import ConfigError
from medallion.errors import Misconfigured
from medallion.orchestrators.airflow.plans import NoPlan, Planned, find_plan
from medallion.orchestrators.airflow.task_log import TaskLog
from medallion.orchestrators.kubernetes.pod import CONTAINER, build_pod
from medallion.orchestrators.kubernetes.pod_log import follow_log
from medallion.orchestrators.kubernetes.pod_result import Ending, read_pod_result, read_refusal
from medallion.orchestrators.kubernetes.pod_run import ATTEMPT, AWAY, TASK_OF_RUN, PodRun
from medallion.orchestrators.kubernetes.pod_spec import label_value
from medallion.orchestrators.kubernetes.pod_spec import name as pod_name
from medallion.orchestrators.kubernetes.project_delivery import deliver
from medallion.tasks import Task

_QUOTA_SECONDS = 5.0
_LOG_SECONDS = 60.0
"""How long the rest of a log may take after the end of its pod."""
_EVENTS = 20
Say = Callable[[str], object]


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task, as Airflow counts them."""

    id: str
    dag_id: str
    run_id: str
    task_id: str
    number: int

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the attempt's pod."""
        task = hashlib.sha256(f"{self.dag_id}\n{self.run_id}\n{self.task_id}".encode()).hexdigest()[:32]
        # The names of Airflow's own labels: its clean-up finds the pods that a triggerer could not delete.
        words = {
            "dag_id": self.dag_id,
            "task_id": self.task_id,
            "run_id": self.run_id,
            "try_number": str(self.number),
            "airflow_version": __version__,
        }
        return {ATTEMPT: self.id, TASK_OF_RUN: task} | {name: label_value(word) for name, word in words.items()}


class Launch:
    """Runs an attempt's pod.

    Args:
        attempt: The attempt.
        dags: The DAG folder.
        name: The task's name in its plan.
        api: A client for the cluster.
        say: Writes a line into the task's log.
    """

    def __init__(self, attempt: Attempt, dags: Path, name: str, api: CoreV1Api, say: Say) -> None:
        self._attempt, self._dags, self._name, self._api, self._say = attempt, dags, name, api, say
        self._follower = str(uuid.uuid4())
        self._pods: PodRun | None = None

    async def run(self, admitted: Callable[[Planned, Task], Awaitable[None]], log: TaskLog) -> Ending:
        """Return how the attempt ended.

        Args:
            admitted: Returns when the limits allow the task to start.
            log: Keeps the pod's log.
        """
        try:
            planned, task = await asyncio.to_thread(self._plan)
            pods = self._pods = self._pod_run(planned, task)
            if await pods.adopt() is None:
                await pods.remove_others()
                await admitted(planned, task)
                refusal = await self._create(pods, planned.plan.pipeline.timeouts.startup_seconds)
                if refusal is not None:
                    return refusal
        except (ConfigError, NoPlan) as error:
            return Ending(message=str(error), remedy="correct the pipeline's files, then clear the task")
        return await self._follow(pods, planned, log)

    async def kill(self) -> bool:
        """Delete the pod of an attempt that is not wanted any more; return whether there was one to delete."""
        return self._pods is not None and await self._pods.kill()

    async def delete(self) -> None:
        """Delete the pod of an attempt that has ended."""
        if self._pods is not None:
            await self._pods.delete()

    def _plan(self) -> tuple[Planned, Task]:
        planned = find_plan(self._dags, self._attempt.dag_id)
        return planned, planned.task(self._name)

    def _pod_run(self, planned: Planned, task: Task) -> PodRun:
        name = f"{pod_name(planned.plan.pipeline.name, task.name)}-{self._attempt.id[-12:]}"
        return PodRun(self._api, planned.settings.namespace, name, self._attempt.labels, self._follower)

    async def _create(self, pods: PodRun, startup_seconds: float) -> Ending | None:
        """Create the pod, or return why there will be none.

        A quota that is used up is waited for as long as a pod that no node has room for.
        """
        began, waits = time.monotonic(), False
        while True:
            try:
                pod = await asyncio.to_thread(self._build)
                await pods.create(pod)
            except Misconfigured as error:
                return Ending(message=error.message, remedy=error.remedy, refused=True)
            except (ApiException, SyncApiException) as error:
                refused = read_refusal(error)
                if not refused.is_quota or time.monotonic() - began > startup_seconds:
                    return refused
                if not waits:
                    self._say(f"waiting: {refused.message}")
                    waits = True
                await asyncio.sleep(_QUOTA_SECONDS)
            else:
                self._say(f"created pod {pods.name}")
                return None

    def _build(self) -> dict[str, Any]:
        """Return the pod, of the files as they are now: the task may have waited for long."""
        planned, task = self._plan()
        plan, settings = planned.plan, planned.settings
        brought = deliver(plan, task, settings, _sync_api())
        document = (plan.with_project(brought.digest) if brought else plan).document(task, self._attempt.run_id)
        return build_pod(task, document, settings, brought)

    async def _follow(self, pods: PodRun, planned: Planned, log: TaskLog) -> Ending:
        over, reading = asyncio.Event(), None
        after = await log.last()

        def on_change(pod: Any) -> None:
            nonlocal reading
            if reading is None and _has_started(pod):
                reading = asyncio.create_task(
                    follow_log(
                        self._api, planned.settings.namespace, pods.name, CONTAINER,
                        keep=log.keep, over=over, after=after,
                    )
                )  # fmt: skip

        try:
            pod = await pods.follow(planned.plan.pipeline.timeouts.startup_seconds, on_change)
            over.set()
            if reading is not None:
                await asyncio.wait_for(reading, _LOG_SECONDS)
        except TimeoutError:
            self._say(f"the end of the log was not there {_LOG_SECONDS:.0f} s after that of its pod")
        finally:
            if reading is not None:
                reading.cancel()
        ending = read_pod_result(pod, CONTAINER)
        if not ending.succeeded:
            await self._say_events(pods.name, planned.settings.namespace)
        return ending

    async def _say_events(self, pod: str, namespace: str) -> None:
        try:
            found = await self._api.list_namespaced_event(namespace, field_selector=f"involvedObject.name={pod}")
        except (ApiException, *AWAY):
            return
        for event in found.items[-_EVENTS:]:
            self._say(f"event of the pod: {event.reason}: {event.message}")


def _has_started(pod: Any) -> bool:
    found = (item.state for item in pod.status.container_statuses or [] if item.name == CONTAINER)
    state = next(found, None)
    return state is not None and (state.running is not None or state.terminated is not None)


def _sync_api() -> client.CoreV1Api:
    """Return a client that does not wait for the event loop: the project's files are read and packed in a thread."""
    config.load_incluster_config()
    return client.CoreV1Api()
