"""A team's own step as a pod: the same two containers under Airflow and Dagster, and how their end is read."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.client import models as k8s

from api_server import Cluster
from medallion.config.pipeline import Pipeline
from medallion.orchestrators.kubernetes.pod_result import StepPodFailed, read_pod_result
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.termination_message import TerminationMessage

pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def plan() -> Plan:
    step = {
        "name": "score",
        "image": "team/score:1",
        "command": ["score", "$(HOME)"],
        "secret": "key",
        "warehouse": True,
    }
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", "steps": [step]})
    return make_plan(pipeline, {}, RunContext("", "/landing", "abc"))


def by_airflow(cluster: Cluster, plan: Plan) -> dict[str, Any]:
    from medallion.orchestrators.airflow.operator import pod_operator

    step = pod_operator(plan.tasks[0], plan, Settings.from_environment())
    place = Configuration(host=f"http://127.0.0.1:{cluster.server.server_port}")
    step.__dict__["client"] = CoreV1Api(ApiClient(place))
    step.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)
    cluster.refusal = {"kind": "Status", "code": 400, "reason": "BadRequest", "message": "seen enough"}
    ti = SimpleNamespace(dag_id="p", task_id="score", try_number=1, map_index=-1, xcom_push=lambda **_: None)
    with pytest.raises(StepPodFailed, match="seen enough"):
        step.execute({"ti": ti, "run_id": "run-1", "dag": SimpleNamespace()})
    return cluster.asked.pop()["spec"]


def by_dagster(cluster: Cluster, plan: Plan) -> tuple[Any, dict[str, Any]]:
    from medallion.orchestrators.dagster.job import build_job
    from medallion.orchestrators.dagster.pods import run_pod

    message = TerminationMessage("succeeded", 0, "score ended with exit code 0").to_json()
    cluster.ended, cluster.refusal = {"exitCode": 0, "reason": "Completed", "message": message}, None
    done = build_job(plan, run_pod).execute_in_process(raise_on_error=False)
    return done, cluster.asked.pop()["spec"]


def compared(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers without what an orchestrator adds or names."""
    shown = ("command", "image", "envFrom", "resources", "volumeMounts", "securityContext")
    found = [{key: one.get(key) for key in shown} for one in (*spec["initContainers"], *spec["containers"])]
    return json.loads(json.dumps(found, sort_keys=True))


def test_airflow_and_dagster_ask_for_the_same_containers(cluster: Cluster, plan: Plan):
    airflow, (done, dagster) = by_airflow(cluster, plan), by_dagster(cluster, plan)
    assert done.success
    assert compared(airflow) == compared(dagster)
    installer, _, theirs = compared(airflow)
    assert theirs["image"] == "team/score:1"
    assert [one["secretRef"]["name"] for one in theirs["envFrom"]] == ["medallion-warehouse", "key"]
    assert installer["command"][-2:] == ["medallion.command.launcher", "/medallion"]
    for spec in (airflow, dagster):
        variables = {one["name"]: one.get("value") for one in spec["containers"][0]["env"]}
        task = wire.received([], "step", variables)
        assert task.work.command == ("score", "$(HOME)")  # type: ignore[union-attr]
        assert variables["MEDALLION_COMMAND_IMAGE"] == "team/score:1"
        assert {volume["name"] for volume in spec["volumes"]} >= {"launcher", "tmp"}


def pod(phase: str, **states: dict[str, Any]) -> k8s.V1Pod:
    known = {"image": "i", "image_id": "i", "ready": False, "restart_count": 0}
    statuses = [
        k8s.V1ContainerStatus(name=name, state=k8s.V1ContainerState(**state), **known) for name, state in states.items()
    ]
    return k8s.V1Pod(status=k8s.V1PodStatus(phase=phase, container_statuses=statuses))


def test_missing_image_of_the_team_is_the_reason_of_the_failure():
    waiting = k8s.V1ContainerStateWaiting(reason="ImagePullBackOff", message='Back-off pulling image "team/score:1"')
    running = k8s.V1ContainerStateRunning()
    found = read_pod_result(pod("Pending", base={"running": running}, command={"waiting": waiting}), "base")
    assert (found.exit_code, found.reason) == (None, "ImagePullBackOff")
    assert "team/score:1" in found.message
    assert "of an own step" in found.remedy


def test_command_out_of_memory_is_named_and_classed_so():
    message = TerminationMessage("failed", 137, "the command ended with exit code 137 (SIGKILL)").to_json()
    ours = k8s.V1ContainerStateTerminated(exit_code=137, reason="Error", message=message)
    theirs = k8s.V1ContainerStateTerminated(exit_code=137, reason="OOMKilled")
    found = read_pod_result(pod("Failed", base={"terminated": ours}, command={"terminated": theirs}), "base")
    assert (found.kind, found.exit_code) == ("oom", 137)
    assert "resources.memory" in found.remedy
    succeeded = k8s.V1ContainerStateTerminated(exit_code=0, message=TerminationMessage("succeeded", 0).to_json())
    assert read_pod_result(
        pod("Failed", base={"terminated": succeeded}, command={"terminated": theirs}), "base"
    ).succeeded


def test_airflow_task_of_an_own_step_is_a_gate(plan: Plan):
    from medallion.orchestrators.airflow.dag import build_dag

    layers = {"models": "m", "layers": [{"name": "silver"}, {"name": "gold"}]}
    steps = [{"name": "check", "image": "i", "command": ["x"], "after": "silver", "timeout_seconds": 7}]
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", **layers, "steps": steps})
    made = build_dag(make_plan(pipeline, {}, RunContext("", "/landing", "abc")), "abc", Settings.from_environment())
    check = made.get_task("check")
    assert check.upstream_task_ids == {"DBT-Transformations.silver"}
    assert check.downstream_task_ids == {"DBT-Transformations.gold"}
    assert check.active_deadline_seconds == 7
    assert "Runs x in the image i" in check.doc_md
