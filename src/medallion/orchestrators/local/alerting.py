"""The alerts of a run on this machine: the same as on a cluster, but to who is not at the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from medallion.alerts import Alert, find_alerts, send
from medallion.config.alerts import Event
from medallion.config.pipeline import Pipeline
from medallion.orchestrators.local.report import Report
from medallion.protocol.termination_message import Failed
from medallion.warehouse.history import Run


def send_alerts(pipeline: Pipeline, report: Report, runs: Sequence[Run]) -> None:
    """Send the run's alerts, if there are any. The terminal has the log already.

    Args:
        pipeline: Says which alerts are sent, and where.
        report: What the run did.
        runs: The pipeline's runs, newest first; the run itself is among them.
    """
    channels = [name for name in pipeline.alerts.channels if name != "log"]
    for alert in build_alerts(pipeline, report, runs) if channels else ():
        if alert.kind in pipeline.alerts.on:
            send(alert, channels)


def build_alerts(pipeline: Pipeline, report: Report, runs: Sequence[Run]) -> list[Alert]:
    """Return the alerts that a finished run calls for: of its first failure or its recovery, of tests that warn."""
    about: dict[str, Any] = {"pipeline": pipeline.name, "run_id": report.run_id, "owner": pipeline.owner}
    alerts: list[Alert] = []
    broken = next((step for step in report.steps if step["status"] in ("failed", "lost")), None)
    before = next((run for run in runs if run.run_id != report.run_id and not run.action), None)
    if broken is not None:
        failed = tuple(_failed(broken))
        message = str(broken["message"] or "the step ended without a word")
        event = Event("failed", message.splitlines()[0] if failed else message, broken["attempt"] or 1)
        alerts += find_alerts(event, failed, task=broken["name"], **about)
    elif report.status == "succeeded" and before is not None and before.status == "failed":
        alerts += find_alerts(Event("succeeded", failed_run=before.run_id), **about)
    for step in report.steps:
        warned = tuple(_tests(step, ("warn",))) if step["status"] == "succeeded" else ()
        if warned:
            # A local run reports recoveries of runs only, not of steps that were retried.
            event = Event("succeeded", str(step["message"]), step["attempt"] or 1, repeated=True, warns=True)
            alerts += find_alerts(event, warned, task=step["name"], **about)
    return alerts


def _failed(step: dict[str, Any]) -> list[Failed]:
    models = [
        Failed("model", model["name"], message=model.get("message", ""))
        for model in step["models"]
        if model["status"] == "error"
    ]
    return [*models, *_tests(step, ("fail", "error"))]


def _tests(step: dict[str, Any], ended: Collection[str]) -> list[Failed]:
    return [
        Failed("test", t["name"], t.get("failures", 0), t.get("message", ""), next(iter(t.get("sample") or ()), None))
        for t in step["tests"]
        if t["status"] in ended
    ]
