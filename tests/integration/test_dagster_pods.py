"""Dagster's steps as pods: what is asked of Kubernetes, and what is believed of its answers.

The API server is one of a page (`api_server.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api_server import Cluster
from medallion.config.load_runner import load_runners
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.termination_message import TerminationMessage
from runner_folder import schedule, write

dagster = pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore")

from medallion.orchestrators.dagster import pods
from medallion.orchestrators.dagster.job import RUN_ID, build_job


def run(tmp_path: Path) -> Any:
    dags = write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    ((entry,),) = (runner.entries for runner in load_runners(dags))
    assert entry.file is not None
    retry = entry.file.pipeline.retry_config.model_copy(update={"initial_delay_seconds": 0})
    pipeline = entry.file.pipeline.model_copy(update={"retry_config": retry})
    plan = make_plan(pipeline, entry.file.contracts, RunContext(RUN_ID, "/landing", "abc"))
    return build_job(plan, pods.run_pod).execute_in_process(raise_on_error=False)


def test_step_pod_ends_by_its_result_and_is_deleted(cluster: Cluster, tmp_path: Path):
    message = TerminationMessage("succeeded", 0, "2 rows").to_json()
    cluster.ended = {"exitCode": 0, "reason": "Completed", "message": message}
    done = run(tmp_path)
    assert done.success
    (pod,) = cluster.made
    assert pod["metadata"]["labels"]["medallion/pipeline"] == "hourly"
    task = wire.received([], "step", {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]})
    assert task.run_id == f"dagster__{done.run_id}"
    assert cluster.deleted == [pod["metadata"]["name"]]


def test_exit_code_0_without_termination_message_is_failure(cluster: Cluster, tmp_path: Path):
    cluster.ended = {"exitCode": 0, "reason": "Completed", "message": ""}
    assert not run(tmp_path).success


@pytest.mark.parametrize(("code", "attempts"), [(75, 2), (81, 1)])
def test_the_pods_exit_code_decides_about_another_attempt(cluster: Cluster, tmp_path: Path, code: int, attempts: int):
    message = TerminationMessage("failed", code, "it failed", "correct it").to_json()
    cluster.ended = {"exitCode": code, "reason": "Error", "message": message}
    done = run(tmp_path)
    assert not done.success
    assert len(cluster.made) == len(cluster.deleted) == attempts
    failure = next(event for event in done.all_events if event.event_type_value == "STEP_FAILURE")
    assert "it failed" in failure.event_specific_data.error_display_string


def refused(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        (refused(400, "BadRequest", "metadata.labels: Invalid value"), 1),
        (refused(403, "Forbidden", "pods is forbidden: User cannot create"), 1),
        (refused(404, "NotFound", "namespaces not found"), 1),
        (refused(422, "Invalid", "spec.activeDeadlineSeconds: must be between"), 1),
        (refused(403, "Forbidden", "failed quota: q: must specify limits.cpu"), 1),
        (refused(403, "Forbidden", "exceeded quota: q, requested: pods=1"), 2),
        (refused(409, "AlreadyExists", "pods x already exists"), 2),
        (refused(500, "InternalError", "failed calling webhook"), 2),
    ],
)
def test_permanent_api_error_is_shown_and_not_retried(
    cluster: Cluster, tmp_path: Path, answer: dict[str, Any], attempts: int
):
    cluster.refusal = answer
    done = run(tmp_path)
    assert not done.success
    assert len(cluster.asked) == attempts
    failure = next(event for event in done.all_events if event.event_type_value == "STEP_FAILURE")
    message = failure.event_specific_data.error_display_string
    assert f"Kubernetes refused the pod with status {answer['code']}: {answer['message']}" in message
