"""How a pod's end is read: a success counts only when the step itself reported it."""

from __future__ import annotations

import pytest
from kubernetes.client import models as k8s

from medallion.config.retry import RetryConfig
from medallion.orchestrators.kubernetes.pod_result import Ending, StepPodFailed, read_pod_result


def pod(**state: object) -> k8s.V1Pod:
    status = k8s.V1ContainerStatus(
        name="base", image="i", image_id="i", ready=False, restart_count=0, state=k8s.V1ContainerState(**state)
    )
    return k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[status]))


def ended(exit_code: int, message: str | None, reason: str = "Completed") -> Ending:
    terminated = k8s.V1ContainerStateTerminated(exit_code=exit_code, message=message, reason=reason)
    return read_pod_result(pod(terminated=terminated), "base")


def test_exit_code_0_and_the_steps_own_word_are_a_success():
    assert ended(0, '{"status": "succeeded", "message": "20 rows"}').succeeded


def test_exit_code_0_without_termination_message_is_failure():
    assert not ended(0, None).succeeded


def test_a_pod_that_is_gone_is_no_success():
    assert not read_pod_result(None, "base").succeeded
    assert "before its exit status was recorded" in read_pod_result(None, "base").explanation


def test_the_steps_message_and_remedy_are_what_the_task_says():
    end = ended(81, '{"status": "failed", "message": "too many", "remedy": "correct the file"}', "Error")
    assert end.explanation == "too many (exit code 81)\nhint: correct the file"


def test_kubernetes_reason_is_named():
    assert "OOMKilled, exit code 137" in ended(137, None, "OOMKilled").explanation
    waiting = k8s.V1ContainerStateWaiting(reason="ImagePullBackOff", message="no such image")
    assert "no such image (ImagePullBackOff)" in read_pod_result(pod(waiting=waiting), "base").explanation


def test_listed_exit_codes_are_retried_after_the_wait():
    from airflow.sdk.definitions.retry_policy import RetryAction

    from medallion.orchestrators.airflow.retry import ExitCodeRetryPolicy

    policy = ExitCodeRetryPolicy(RetryConfig(max_retries=3, initial_delay_seconds=10, backoff_multiplier=3))
    again = policy.evaluate(StepPodFailed("x", Ending(exit_code=75)), 2, 3)
    assert (again.action, again.retry_delay.total_seconds()) == (RetryAction.RETRY, 30)
    assert policy.evaluate(StepPodFailed("x", Ending(exit_code=81)), 1, 3).action is RetryAction.FAIL
    assert policy.evaluate(StepPodFailed("x", Ending()), 1, 3).action is RetryAction.RETRY


def evicted(exit_code: int | None = None) -> k8s.V1Pod:
    """A pod that a full node threw out; its container may have had time to end or not."""
    terminated = k8s.V1ContainerStateTerminated(exit_code=exit_code, reason="Error") if exit_code else None
    found = pod(terminated=terminated)
    found.status.reason, found.status.message = "Evicted", "The node was low on resource: memory."
    return found


def test_an_eviction_is_known_whatever_its_container_reports():
    for end in (read_pod_result(evicted(), "base"), read_pod_result(evicted(137), "base")):
        assert (end.kind, end.message) == ("evicted", "The node was low on resource: memory.")
    drained = pod(terminated=k8s.V1ContainerStateTerminated(exit_code=143, reason="Error"))
    drained.status.conditions = [k8s.V1PodCondition(type="DisruptionTarget", status="True")]
    assert read_pod_result(drained, "base").kind == "evicted"


def test_a_step_that_succeeded_before_its_eviction_succeeded():
    found = pod(terminated=k8s.V1ContainerStateTerminated(exit_code=0, message='{"status": "succeeded"}'))
    found.status.reason = "Evicted"
    assert read_pod_result(found, "base").succeeded


@pytest.mark.parametrize(
    ("codes", "retried"),
    [
        ([75], {"code 75"}),
        ([75, "oom"], {"code 75", "oom"}),
        ([137], {"oom", "code 137"}),
        (["evicted"], {"evicted"}),
        (["oom", "evicted"], {"oom", "evicted"}),
        ([], set()),
    ],
)
def test_out_of_memory_and_eviction_are_retried_if_listed(codes: list[int | str], retried: set[str]):
    from airflow.sdk.definitions.retry_policy import RetryAction

    from medallion.orchestrators.airflow.retry import ExitCodeRetryPolicy

    policy = ExitCodeRetryPolicy(RetryConfig.model_validate({"retryable_exit_codes": codes}))
    endings = {
        "code 75": Ending(exit_code=75, reason="Error"),
        "code 137": Ending(exit_code=137, reason="Error"),
        "code 81": Ending(exit_code=81, reason="Error"),
        "oom": ended(137, None, "OOMKilled"),
        "evicted": read_pod_result(evicted(137), "base"),
    }
    again = {
        name
        for name, ending in endings.items()
        if policy.evaluate(StepPodFailed("x", ending), 1, 3).action is RetryAction.RETRY
    }
    assert again == retried


@pytest.mark.parametrize("code", ["OOMKilled", 0, 256, -1, True, 75.5])
def test_what_is_no_exit_code_is_refused_with_what_to_write(code: object):
    with pytest.raises(ValueError, match="is no exit code — write a number from 1 to 255, `oom` or `evicted`"):
        RetryConfig.model_validate({"retryable_exit_codes": [75, code]})
