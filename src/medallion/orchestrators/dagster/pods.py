"""Tasks of a Dagster job as pods, by dagster-k8s: the same pods as under Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster_k8s import PipesK8sClient
from dagster_k8s.client import DagsterK8sError
from kubernetes import config
from kubernetes.client import ApiException, CoreV1Api

from medallion.errors import Misconfigured
from medallion.orchestrators.dagster.job import Ended
from medallion.orchestrators.kubernetes.pod import CONTAINER, build_pod
from medallion.orchestrators.kubernetes.pod_result import Ending, read_pod_result, read_refusal
from medallion.orchestrators.kubernetes.project_delivery import deliver
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import Plan
from medallion.tasks import Task

_POLL_SECONDS = 2.0
_SPARE_SECONDS = 300
"""For the pod's start and its logs, on top of what the step itself may take."""


class StepPods(PipesK8sClient):
    """Starts a step's pod, follows its log, and reads how it ended before it is deleted."""

    def __init__(self) -> None:
        super().__init__(poll_interval=_POLL_SECONDS)
        self.ending = Ending()
        self.created = False

    @contextmanager
    def consume_pod_logs(self, context: Any, client: Any, namespace: str, pod_name: str, **rest: Any) -> Iterator[None]:
        """Consume the logs as Dagster's own client does, and read the pod's status at the end."""
        self.created = True
        try:
            with super().consume_pod_logs(
                context=context, client=client, namespace=namespace, pod_name=pod_name, **rest
            ):
                yield
        finally:
            try:
                self.ending = read_pod_result(client.core_api.read_namespaced_pod(pod_name, namespace), CONTAINER)
            except ApiException as error:
                context.log.warning(f"how the pod {pod_name} ended cannot be read: {error.reason}")


def run_pod(context: Any, task: Task, plan: Plan, run_id: str) -> Ended:
    """Run a task as a pod, and count it as a success only if the pod reports that its ledger rows are written."""
    settings = Settings.from_environment().of_tenant(plan.pipeline.tenant)
    pods = StepPods()
    try:
        brought = deliver(plan, task, settings, _api())
        document = (plan.with_project(brought.digest) if brought else plan).document(task, run_id)
        pod = build_pod(task, document, settings, brought)
    except Misconfigured as error:
        return Ended(int(error.code), f"{error.message}\nhint: {error.remedy}", "refused")
    except ApiException as error:
        refused = read_refusal(error)
        return Ended(refused.exit_code, refused.explanation, refused.kind)
    try:
        pods.run(
            context=context,
            namespace=settings.namespace,
            base_pod_meta=pod["metadata"],
            base_pod_spec=pod["spec"],
            pod_wait_timeout=task.timeout_seconds + _SPARE_SECONDS,
        )
    except DagsterK8sError as error:
        context.log.warning(str(error)[:2000])
    except ApiException as error:
        if not pods.created:
            pods.ending = read_refusal(error)
        context.log.warning(f"the Kubernetes API answered: {read_refusal(error).message}")
    ending = pods.ending
    return Ended(ending.exit_code, ending.explanation, ending.kind, ending.succeeded)


def _api() -> CoreV1Api:
    """Return a client for the cluster that Dagster's own client finds."""
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        config.load_incluster_config()
    else:
        config.load_kube_config()
    return CoreV1Api()
