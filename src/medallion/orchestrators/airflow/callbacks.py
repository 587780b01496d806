"""Airflow's callbacks as alerts: of a failure that no retry follows, of a recovery, of a missed deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from airflow.sdk.configuration import conf
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from medallion.alerts import find_alerts, send
from medallion.config.alerts import AlertKind, Event
from medallion.config.pipeline import Pipeline
from medallion.orchestrators.kubernetes.pod_result import Ending, StepPodFailed

TIMED_OUT = "timed_out"
"""Airflow's reason for a run that took longer than its `dagrun_timeout`; its tasks get no callback."""


@dataclass(frozen=True)
class Alerting:
    """The callbacks of a pipeline's DAG and tasks."""

    pipeline: Pipeline

    def task_failed(self, context: Mapping[str, Any]) -> None:
        """Send an alert of a failed task. Airflow calls this `on_failure_callback` once, when no retry follows."""
        ti, error = context["ti"], context.get("exception")
        if isinstance(error, StepPodFailed):
            ending = error.ending
            # The alert lists the failing tests one by one, so the message's first line is enough.
            message = ending.message.splitlines()[0] if ending.failed else ending.explained
            self._send(
                Event("failed", message, ti.try_number), **self._about(ti), reason=ending.reason,
                exit_code=ending.exit_code, failed=ending.failed, remedy=ending.remedy,
            )  # fmt: skip
        else:
            message = f"{type(error).__name__}: {error}" if error is not None else _NO_WORD
            self._send(Event("failed", message, ti.try_number), **self._about(ti), remedy=_SEE_LOG)

    def task_succeeded(self, context: Mapping[str, Any]) -> None:
        """Send the alerts of a task that succeeded: of a recovery, of tests that warn."""
        ti, ending = context["ti"], getattr(context["task"], "ending", None) or Ending()
        event = Event("succeeded", ending.message, ti.try_number, repeated=ending.again, warns=bool(ending.warned))
        self._send(event, **self._about(ti), failed=ending.warned)

    def run_failed(self, context: Mapping[str, Any]) -> None:
        """Send an alert of a run's time-out. Failed tasks have sent their own alerts."""
        if context.get("reason") == TIMED_OUT:
            limit = timedelta(seconds=self.pipeline.timeouts.run_seconds)
            event = Event("failed", f"the run took longer than {limit} and was stopped")
            self._send(event, **self._about_run(str(context["run_id"])), remedy=AlertKind.DEADLINE.hint)

    def run_succeeded(self, context: Mapping[str, Any]) -> None:
        """Send the alerts of a run that succeeded: of a recovery if the scheduled run before failed."""
        ti = context.get("ti")
        before = ti.get_previous_dagrun() if ti is not None else None
        failed = str(before.run_id) if before is not None and before.state == "failed" else ""
        self._send(Event("succeeded", failed_run=failed), **self._about_run(str(context["run_id"])))

    def deadline(self) -> DeadlineAlert | None:
        """Return the deadline of the DAG, or None where the pipeline promises none.

        It counts from the time that a run is due. From the time that it was queued would say more of runs without one,
        but Airflow 3.3.2 can clear no run with such a deadline ahead (`_recalculate_dagrun_queued_at_deadlines`).
        """
        seconds = self.pipeline.timeouts.deadline_seconds
        if seconds is None or self.pipeline.schedule.catchup or AlertKind.DEADLINE not in self.pipeline.alerts.on:
            return None
        known = {
            "pipeline": self.pipeline.name,
            "owner": self.pipeline.owner,
            "channels": list(self.pipeline.alerts.channels),
            "seconds": seconds,
        }
        reference, interval = DeadlineReference.DAGRUN_LOGICAL_DATE, timedelta(seconds=seconds)
        return DeadlineAlert(reference, interval, AsyncCallback(deadline_missed, known), f"{interval} per run")

    def _about(self, ti: Any) -> dict[str, Any]:
        return {**self._about_run(ti.run_id), "task": ti.task_id, "log_url": ti.log_url}

    def _about_run(self, run_id: str) -> dict[str, Any]:
        name = self.pipeline.name
        return {"pipeline": name, "owner": self.pipeline.owner, "run_id": run_id, "run_url": run_url(name, run_id)}

    def _send(self, event: Event, **facts: Any) -> None:
        for alert in find_alerts(event, **facts):
            if alert.kind in self.pipeline.alerts.on:
                send(alert, self.pipeline.alerts.channels)


async def deadline_missed(
    pipeline: str, owner: str, channels: list[str], seconds: int, context: Mapping[str, Any]
) -> None:
    """Send an alert of a missed deadline. Airflow calls it in the triggerer, with the run as its API shows it."""
    run = context["dag_run"]
    run_id = str(run["dag_run_id"])
    event = Event("late", limit=timedelta(seconds=seconds))
    for alert in find_alerts(event, pipeline=pipeline, owner=owner, run_id=run_id, run_url=run_url(pipeline, run_id)):
        await asyncio.to_thread(send, alert, channels)


def run_url(dag_id: str, run_id: str) -> str:
    """Return the run's page in the Airflow UI."""
    base = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"


_SEE_LOG = "see the task's log, and `kubectl get events` for what happened to its pod"
_NO_WORD = "the task's worker pod ended without a word: it was killed, or its node went away"
