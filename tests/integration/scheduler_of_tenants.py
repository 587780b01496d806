"""Airflow's own scheduler over a DAG folder: triggers every DAG at once, and prints the task history as JSON.

    python scheduler_of_tenants.py DAGS

Its executor has no pods: a task that the scheduler hands over runs from then until some later heartbeat, and the
database records it, as a worker would through the API server.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from typing import Any

from airflow._shared.timezones import timezone
from airflow.executors.base_executor import BaseExecutor
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models import DagRun
from airflow.models.dag import DagModel
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select, update

MOST_LOOPS = 600
chance = random.Random(7)


class HistoryExecutor(BaseExecutor):
    """Runs nothing, and takes one to three heartbeats for it."""

    def __init__(self) -> None:
        super().__init__(parallelism=64)
        self.left: dict[Any, int] = {}

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        for workload in workload_items:
            self.queued_tasks.pop(workload.ti.key, None)
            self.running.add(workload.ti.key)
            self.left[workload.ti.key] = chance.randint(1, 3)
            set_state(workload.ti.key, TaskInstanceState.RUNNING, "start_date")

    def sync(self) -> None:
        for key in list(self.left):
            self.left[key] -= 1
            if self.left[key] == 0:
                del self.left[key]
                set_state(key, TaskInstanceState.SUCCESS, "end_date")
                self.success(key)


def set_state(key: Any, state: TaskInstanceState, date: str) -> None:
    with create_session() as session:
        task = session.scalars(
            select(TaskInstance).where(
                TaskInstance.dag_id == key.dag_id,
                TaskInstance.task_id == key.task_id,
                TaskInstance.run_id == key.run_id,
            )
        ).one()
        task.state = state
        setattr(task, date, timezone.utcnow())


class UntilDone(SchedulerJobRunner):
    """Stops as soon as no run is left to do."""

    def _do_scheduling(self, session: Any) -> int:
        done: int = super()._do_scheduling(session)
        open_runs = session.scalar(
            select(func.count()).where(DagRun.state.in_([DagRunState.QUEUED, DagRunState.RUNNING]))
        )
        if not open_runs:
            self.num_runs = 1
        return done


def main() -> None:
    from airflow.api.common.trigger_dag import trigger_dag

    with create_session() as session:
        names = sorted(session.scalars(select(DagModel.dag_id)))
        session.execute(update(DagModel).values(is_paused=False))  # `enabled: false` creates them paused
    for name in names:
        trigger_dag(name, triggered_by=DagRunTriggeredByType.TEST, run_id="at_once")
    runner = UntilDone(Job(), num_runs=MOST_LOOPS, scheduler_idle_sleep_time=0, executors=[HistoryExecutor()])
    runner._execute()
    with create_session() as session:
        rows = session.execute(
            select(
                TaskInstance.dag_id,
                TaskInstance.task_id,
                TaskInstance.pool,
                TaskInstance.state,
                TaskInstance.start_date,
                TaskInstance.end_date,
            )
        )
        history = [dict(zip(("dag", "task", "pool", "state", "start", "end"), row, strict=True)) for row in rows]
    sys.stdout.write("HISTORY" + json.dumps(history, default=str) + "\n")


if __name__ == "__main__":
    main()
