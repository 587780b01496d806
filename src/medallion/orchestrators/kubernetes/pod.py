"""The pod of a task, as Kubernetes' own JSON: the same under every orchestrator that makes pods itself."""

from __future__ import annotations

from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from medallion.orchestrators.kubernetes import pod_spec, pod_template
from medallion.orchestrators.kubernetes.command_container import add_command
from medallion.orchestrators.kubernetes.project_delivery import Delivery
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.protocol import wire
from medallion.protocol.task import TaskSpec
from medallion.tasks import Task

CONTAINER = pod_template.CONTAINER


def build_pod(task: Task, document: TaskSpec, settings: Settings, brought: Delivery | None = None) -> dict[str, Any]:
    """Return the pod, as Kubernetes' own JSON."""
    volumes, mounts = pod_spec.volumes(task.first.reads_landing, settings.landing_claim, settings.tenant)
    if brought:
        volumes, mounts = (*volumes, *brought.volumes), (*mounts, *brought.mounts)
    pod_security, container_security = pod_spec.restricted()
    container = k8s.V1Container(
        name=CONTAINER,
        image=settings.images[task.image],
        image_pull_policy=settings.pull_policy,
        env=pod_spec.environment(wire.environment(document)),
        env_from=pod_spec.logins(settings.warehouse_secret, task.first.secret),
        resources=pod_spec.resources(task.resources.cpu, task.resources.memory),
        volume_mounts=list(mounts),
        security_context=container_security,
    )
    spec = k8s.V1PodSpec(
        containers=[container],
        restart_policy="Never",
        volumes=list(volumes),
        service_account_name=settings.service_account,
        automount_service_account_token=False,
        security_context=pod_security,
        active_deadline_seconds=task.timeout_seconds,
    )
    labels = pod_spec.labels(document.pipeline, task.name, document.commit, settings.tenant)
    metadata = k8s.V1ObjectMeta(labels=labels, annotations=pod_spec.list_steps(task))
    pod = k8s.V1Pod(metadata=metadata, spec=spec)
    pod_spec.spread(pod, task)
    add_command(pod, CONTAINER, task.first, settings)
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(
        pod_template.fill(pod, settings.pod_template, CONTAINER)
    )
    return made
