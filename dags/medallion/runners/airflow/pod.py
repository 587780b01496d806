"""A step as a KubernetesPodOperator: one pod under the restricted Pod Security Standard."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from medallion.plan import Step
from medallion.runners.airflow.pages import task_page
from medallion.runners.airflow.retry import ExitCodeRetryPolicy
from medallion.runners.kubernetes import parts
from medallion.runners.kubernetes.ending import Ending, StepPodFailed, ending_of
from medallion.runners.kubernetes.settings import Settings
from medallion.spec.pipeline import Pipeline


class StepOperator(KubernetesPodOperator):
    """Runs a step's pod and believes it only if the step itself said that its ledger row is written."""

    ending: Ending | None = None

    def get_or_create_pod(self, pod_request_obj: Any, context: Any) -> Any:
        """Takes up a pod whose step succeeded after its worker had died; the provider would do the work again.

        A task that somebody clears has no such pod: the worker that saw it end deleted it.
        """
        left = self.find_pod(pod_request_obj.metadata.namespace, context=context)
        if ending_of(left, self.base_container_name).succeeded:
            return left
        return super().get_or_create_pod(pod_request_obj, context)

    def cleanup(self, pod: Any, remote_pod: Any, xcom_result: Any = None, context: Any = None) -> None:
        """Deletes the pod, then raises `StepPodFailed` unless the step succeeded.

        A worker that is told to stop deletes the pod and goes on here. The provider's own operator then raises
        nothing, and Airflow takes the task for a success (https://github.com/apache/airflow/issues/71202).
        """
        self.ending = ending = ending_of(self._latest(remote_pod), self.base_container_name)
        failure = StepPodFailed(self.task_id, ending)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException as error:
            raise failure from error
        if not ending.succeeded:
            raise failure

    def _latest(self, pod: Any) -> Any:
        """The pod as it is now: of one that never started, Airflow keeps what it said at its creation."""
        status = getattr(pod, "status", None)
        if status is None or status.phase != "Pending":
            return pod
        try:
            return self.client.read_namespaced_pod(pod.metadata.name, pod.metadata.namespace)
        except (ApiException, HTTPError):
            return pod


def pod_operator(step: Step, pipeline: Pipeline, commit: str, settings: Settings) -> StepOperator:
    """The operator for a step.

    Args:
        step: The step; its arguments may hold Airflow templates.
        pipeline: The pipeline, for the pod's labels and the task's page.
        commit: The code version, for the pod's labels.
        settings: The deployment.
    """
    volumes, mounts = parts.volumes(step.reads_landing, settings.landing_claim, settings.tenant)
    pod_security, container_security = parts.restricted()
    return StepOperator(
        task_id=step.task_id,
        task_display_name=step.task_id,
        doc_md=task_page(step, pipeline, settings.dbt_project),
        name=parts.name(pipeline.name, step.name),
        namespace=settings.namespace,
        in_cluster=True,
        kubernetes_conn_id=None,
        image=settings.images[step.image],
        image_pull_policy=settings.pull_policy,
        arguments=list(step.args),
        env_vars={**{name: untemplated(value) for name, value in step.env.items()}, "HOME": "/tmp"},
        env_from=parts.logins(settings.warehouse_secret, step.secret),
        labels=parts.labels(pipeline.name, step.name, commit, settings.tenant),
        container_resources=parts.resources(step.resources.cpu, step.resources.memory),
        volumes=list(volumes),
        volume_mounts=list(mounts),
        service_account_name=settings.service_account,
        automount_service_account_token=False,
        security_context=pod_security,
        container_security_context=container_security,
        startup_timeout_seconds=pipeline.timeouts.startup_seconds,
        startup_check_interval_seconds=1,
        active_deadline_seconds=step.timeout_seconds,
        execution_timeout=timedelta(seconds=step.timeout_seconds),
        log_events_on_failure=True,
        log_pod_spec_on_failure=False,
        do_xcom_push=False,
        **({"pool": step.pool} if step.pool else {}),
        retries=step.retry.max_retries,
        # The policy decides where a worker can tell how a step ended; these hold where it cannot, as when
        # Airflow's own database is away: then every worker fails before it begins.
        retry_delay=timedelta(seconds=step.retry.initial_delay_seconds),
        retry_exponential_backoff=step.retry.backoff_multiplier,
        max_retry_delay=timedelta(seconds=step.retry.max_delay_seconds),
        retry_policy=ExitCodeRetryPolicy(step.retry),
    )


def untemplated(value: str) -> str:
    """JSON that means the same and that Airflow's template engine leaves alone.

    `{{`, `{%` and `{#` can stand in JSON only inside a string, where an escape says the same.
    """
    return re.sub(r"\{([{%#])", lambda found: f"{{\\u{ord(found[1]):04x}", value)
