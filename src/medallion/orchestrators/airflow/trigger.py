"""The trigger that a step's task starts from: it launches and follows the step's pod (decision 46)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent
from kubernetes_asyncio import client, config

from medallion.config.diagnostics import ConfigError
from medallion.errors import Misconfigured
from medallion.orchestrators.admission import Run, RunningTask
from medallion.orchestrators.airflow.launch import Attempt, Launch
from medallion.orchestrators.airflow.limits import Admission
from medallion.orchestrators.airflow.plans import NoPlan, find_plan
from medallion.orchestrators.airflow.task_log import TaskLog
from medallion.orchestrators.kubernetes.pod_result import Ending


class StepTrigger(BaseTrigger):
    """Run a step's pod.

    A first attempt that succeeds, with nothing to report, ends here. Every other end goes on in a worker: there
    Airflow decides about a retry and runs the callbacks, which send the alerts.

    Args:
        protocol: The version of these arguments, of the release that made the DAG.
        dags: The DAG folder.
        task: The task's name in its plan.
        launches: Whether it launches the pod; else it only waits until the limits allow a worker to.
    """

    def __init__(self, protocol: int, dags: str, task: str, launches: bool) -> None:
        super().__init__()
        self._protocol, self._dags, self._name, self._launches = protocol, dags, task, launches
        self._connection: client.ApiClient | None = None
        self._launch: Launch | None = None
        self._admission: Admission | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made again from, in another process."""
        kwargs = {"protocol": self._protocol, "dags": self._dags, "task": self._name, "launches": self._launches}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield how the attempt ended, or that it may start."""
        ti: Any = self.task_instance
        attempt = Attempt(str(ti.id), ti.dag_id, ti.run_id, ti.task_id, ti.try_number)
        config.load_incluster_config()  # type: ignore[no-untyped-call]
        self._connection = client.ApiClient()
        api, dags = client.CoreV1Api(self._connection), Path(self._dags)
        task = RunningTask(Run(ti.dag_id, ti.run_id), ti.task_id, attempt.id)
        self._admission = admission = Admission(task, dags, self.log.info)
        if not self._launches:
            with suppress(ConfigError, NoPlan):  # a worker's parse says what is wrong
                planned = await asyncio.to_thread(find_plan, dags, ti.dag_id)
                await admission.wait(planned, planned.task(self._name))
            yield TriggerEvent(None)
            return
        self._launch = launch = Launch(attempt, dags, self._name, api, self.log.info)
        # A trigger that raises loses the reason, and with it the decision about a retry.
        try:
            ending = await launch.run(admission.wait, TaskLog(ti))
        except Misconfigured as error:
            ending = Ending(message=error.message, remedy=error.remedy)
        except Exception as error:
            self.log.exception("the launch failed")
            ending = Ending(message=f"the launch failed: {type(error).__name__}: {error}")
        try:
            await admission.leave(succeeded=ending.succeeded)
        except Misconfigured as error:
            self.log.error(f"{error.message}: {error.remedy}")
        if ending.succeeded and not (ending.again or ending.warned or attempt.number > 1):
            self.log.info(ending.message)
            yield TaskSuccessEvent()
        else:
            yield TriggerEvent(dataclasses.asdict(ending))
        await launch.delete()

    async def on_kill(self) -> None:
        """Delete the pod of a task that a user cleared or marked, or whose run took too long.

        Airflow calls it too when the trigger has moved to another process; then that one follows the pod.
        """
        if self._launch is not None and self._admission is not None and await self._launch.kill():
            await self._admission.leave(succeeded=False)

    async def cleanup(self) -> None:
        """Close the connection. The pod goes on: another process may follow it."""
        if self._connection is not None:
            await self._connection.close()
