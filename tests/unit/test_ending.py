"""How a pod's end is read: a success is believed only when the step itself said so."""

from __future__ import annotations

from kubernetes.client import models as k8s

from medallion.runners.airflow.ending import Ending, StepPodFailed, ending_of
from medallion.spec.pipeline import RetryConfig


def pod(**state: object) -> k8s.V1Pod:
    status = k8s.V1ContainerStatus(
        name="base", image="i", image_id="i", ready=False, restart_count=0, state=k8s.V1ContainerState(**state)
    )
    return k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[status]))


def ended(exit_code: int, message: str | None, reason: str = "Completed") -> Ending:
    terminated = k8s.V1ContainerStateTerminated(exit_code=exit_code, message=message, reason=reason)
    return ending_of(pod(terminated=terminated), "base")


def test_exit_code_0_and_the_steps_own_word_are_a_success():
    assert ended(0, '{"status": "succeeded", "message": "20 rows"}').succeeded


def test_exit_code_0_without_the_steps_word_is_none():
    assert not ended(0, None).succeeded


def test_a_pod_that_is_gone_is_no_success():
    assert not ending_of(None, "base").succeeded
    assert "nobody knows" in ending_of(None, "base").explanation


def test_the_steps_message_and_remedy_are_what_the_task_says():
    end = ended(81, '{"status": "failed", "message": "too many", "remedy": "mend the file"}', "Error")
    assert end.explanation == "too many (exit code 81)\nwhat to do: mend the file"


def test_kubernetes_reason_is_named():
    assert "OOMKilled, exit code 137" in ended(137, None, "OOMKilled").explanation
    waiting = k8s.V1ContainerStateWaiting(reason="ImagePullBackOff", message="no such image")
    assert "no such image (ImagePullBackOff)" in ending_of(pod(waiting=waiting), "base").explanation


def test_exactly_the_listed_exit_codes_are_retried_after_the_configured_wait():
    from airflow.sdk.definitions.retry_policy import RetryAction

    from medallion.runners.airflow.retry import ExitCodeRetryPolicy

    policy = ExitCodeRetryPolicy(RetryConfig(max_retries=3, initial_delay_seconds=10, backoff_multiplier=3))
    again = policy.evaluate(StepPodFailed("x", Ending(exit_code=75)), 2, 3)
    assert (again.action, again.retry_delay.total_seconds()) == (RetryAction.RETRY, 30)
    assert policy.evaluate(StepPodFailed("x", Ending(exit_code=81)), 1, 3).action is RetryAction.FAIL
    assert policy.evaluate(StepPodFailed("x", Ending()), 1, 3).action is RetryAction.RETRY
