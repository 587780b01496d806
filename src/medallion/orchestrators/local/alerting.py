"""The alerts of a run on this machine: the same as on a cluster, but to who is not at the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from medallion.alerts import Alert, send
from medallion.config.pipeline import Pipeline
from medallion.orchestrators.local.report import Report
from medallion.protocol.termination_message import Failed
from medallion.warehouse.history import Run


def tell(pipeline: Pipeline, report: Report, runs: Sequence[Run]) -> None:
    """Send the run's alert, if there is anything to tell. The terminal has the log already.

    Args:
        pipeline: Says which alerts are sent, and where.
        report: What the run did.
        runs: The pipeline's runs, newest first; the run itself is among them.
    """
    channels = [name for name in pipeline.alerts.channels if name != "log"]
    alert = build_alert(pipeline, report, runs)
    for one in [*([alert] if alert else []), *build_warnings(pipeline, report)] if channels else ():
        if one.kind in pipeline.alerts.on:
            send(one, channels)


def build_alert(pipeline: Pipeline, report: Report, runs: Sequence[Run]) -> Alert | None:
    """Return the alert that a finished run calls for: of its first step that failed, or of its recovery."""
    broken = next((step for step in report.steps if step["status"] in ("failed", "lost")), None)
    if broken is not None:
        failed = tuple(_failed(broken))
        said = str(broken["message"] or "the step ended without a word")
        message = said.splitlines()[0] if failed else said
        return Alert(
            "failure", pipeline.name, report.run_id, pipeline.owner, message, task=broken["name"],
            attempt=broken["attempt"] or 1, failed=failed,
        )  # fmt: skip
    before = next((run for run in runs if run.run_id != report.run_id and not run.rollback), None)
    if report.status == "succeeded" and before is not None and before.status == "failed":
        message = f"succeeded, after run {before.run_id} failed"
        return Alert("recovery", pipeline.name, report.run_id, pipeline.owner, message)
    return None


def build_warnings(pipeline: Pipeline, report: Report) -> list[Alert]:
    """Return an alert for each step that succeeded with tests that warn."""
    return [
        Alert(
            "warning", pipeline.name, report.run_id, pipeline.owner, str(step["message"]), task=step["name"],
            attempt=step["attempt"] or 1, failed=tuple(_tests(step, ("warn",))),
        )
        for step in report.steps
        if step["status"] == "succeeded" and any(test["status"] == "warn" for test in step["tests"])
    ]  # fmt: skip


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
