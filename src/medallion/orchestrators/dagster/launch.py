"""Tasks of a Dagster job as processes next to it: what a pod does, without the pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medallion.orchestrators.dagster.job import Ended
from medallion.orchestrators.local.process import TaskProcess
from medallion.plan import Plan
from medallion.tasks import Task

_LEVELS = {"error": "error", "warning": "warning"}


def run_process(context: Any, task: Task, plan: Plan, run_id: str) -> Ended:
    """Run a task as a process; its events go to the log of the Dagster run."""
    last: dict[str, Any] = {}

    def on_event(event: Mapping[str, Any]) -> None:
        message = str(event.get("message") or event.get("event_type"))
        if event.get("event_type") in ("step_failed", "pack_failed"):
            last.update(event)
        getattr(context.log, _LEVELS.get(str(event.get("level")), "info"))(message)

    process = TaskProcess(task, plan.document(task, run_id), {}, on_event)
    try:
        code = process.run()
    finally:
        process.stop()  # the run was cancelled: the step rolls back
    message = str(last.get("message", f"ended with exit code {code}"))
    if process.timed_out:
        message = f"stopped after {task.timeout_seconds} s"
    remedy = f"\nhint: {last['remedy']}" if last.get("remedy") else ""
    return Ended(code, f"{message} (exit code {code}){remedy}", succeeded=code == 0)
