"""A pod that the API server refuses, under Airflow: the answer is the task's error, and decides about a retry."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration, CoreV1Api

from api_server import Cluster, serving
from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.config.retry import RetryConfig
from medallion.orchestrators.kubernetes.pod_result import StepPodFailed
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.termination_message import TerminationMessage

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving() as made:
        yield made


def operator(cluster: Cluster, name: str = "p", source: str = "s", **contract: Any) -> Any:
    """The operator of a pipeline's only step, with a client of the test's API server."""
    from medallion.orchestrators.airflow.operator import pod_operator

    named = [{"name": source, "path": "a.csv", "contract": "c"}]
    pipeline = Pipeline.model_validate({"name": name, "owner": "me", "sources": named})
    known = Contract.model_validate({"name": "c", "table": "raw.c", "fields": [{"name": "a"}], **contract})
    plan = make_plan(pipeline, {"c": known}, RunContext("", "/landing", "abc"))
    made = pod_operator(plan.tasks[0], plan, Settings.from_environment())
    place = Configuration(host=f"http://127.0.0.1:{cluster.server.server_port}")
    made.__dict__["client"] = CoreV1Api(ApiClient(place))
    made.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)
    return made


def execute(step: Any, run_id: str = "run-1") -> Any:
    ti = SimpleNamespace(dag_id="p", task_id=step.task_id, try_number=1, map_index=-1, xcom_push=lambda **_: None)
    return step.execute({"ti": ti, "run_id": run_id, "dag": SimpleNamespace()})


def answer(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("refusal", "again"),
    [
        (answer(400, "BadRequest", "metadata.labels: Invalid value"), False),
        (answer(401, "Unauthorized", "Unauthorized"), False),
        (answer(403, "Forbidden", "pods is forbidden: User cannot create resource"), False),
        (answer(403, "Forbidden", "pods is forbidden: failed quota: q: must specify limits.memory"), False),
        (answer(403, "Forbidden", "pods is forbidden: exceeded quota: q, requested: pods=1"), True),
        (answer(404, "NotFound", 'namespaces "x" not found'), False),
        (answer(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"), False),
        (answer(422, "Invalid", "Pod is invalid: spec.activeDeadlineSeconds: must be between 1 and 2147483647"), False),
    ],
)
def test_the_answer_of_the_api_server_is_the_error_and_decides(cluster: Cluster, refusal: dict[str, Any], again: bool):
    from airflow.sdk.definitions.retry_policy import RetryAction

    from medallion.orchestrators.airflow.retry import ExitCodeRetryPolicy

    cluster.refusal = refusal
    with pytest.raises(StepPodFailed) as caught:
        execute(operator(cluster))
    ending = caught.value.ending
    assert ending.message == f"Kubernetes refused the pod with status {refusal['code']}: {refusal['message']}"
    assert ending.reason == refusal["reason"]
    assert ending.remedy
    assert "exit status" not in str(caught.value)
    decided = ExitCodeRetryPolicy(RetryConfig()).evaluate(caught.value, 1, 3)
    assert (decided.action is RetryAction.RETRY) == again
    assert len(cluster.asked) == 1


def test_task_too_big_for_a_pod_fails_without_retry(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "MAX_BYTES", 100)
    with pytest.raises(StepPodFailed, match=r"clean.s has [\d,]+ bytes of compressed instructions") as caught:
        execute(operator(cluster))
    assert caught.value.ending.refused
    assert not cluster.asked


def test_requested_pod_holds_its_task_and_nothing_to_expand(cluster: Cluster):
    cluster.ended = {
        "exitCode": 0,
        "reason": "Completed",
        "message": TerminationMessage("succeeded", 0, "1 row").to_json(),
    }
    codes = [f"$({n}) $$ {{{{ x }}}} {n * 7919}" for n in range(20_000)]
    field = {"name": "a", "constraints": {"enum": codes}}
    with pytest.raises(StepPodFailed):  # the page of an API server has no log to follow
        cluster.refusal = answer(400, "BadRequest", "seen enough")
        execute(operator(cluster, fields=[field]), "manual__2026-11-25")
    (pod,) = cluster.asked
    (container,) = pod["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert max(map(len, variables.values())) < 128 * 1024
    assert not any("$" in value for value in variables.values())
    task = wire.received([], "step", variables)
    assert (task.run_id, task.step) == ("manual__2026-11-25", "clean.s")
    assert list(task.work.contract.fields[0].constraints.enum) == codes  # type: ignore[union-attr, arg-type]
    assert variables["HOME"] == "/tmp"


def test_pod_template_reaches_the_pod_of_a_step(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDALLION_POD_TEMPLATE", '{"spec": {"priorityClassName": "batch"}}')
    pod = operator(cluster).build_pod_request_obj()
    assert pod.spec.priority_class_name == "batch"
    assert pod.spec.containers[0].security_context.read_only_root_filesystem
