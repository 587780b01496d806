"""A step as a KubernetesPodOperator: one pod under the restricted Pod Security Standard."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import models as k8s

from medallion.plan import Step
from medallion.runners.airflow.ending import Ending, StepPodFailed, ending_of
from medallion.runners.airflow.pages import task_page
from medallion.runners.airflow.retry import ExitCodeRetryPolicy
from medallion.runners.airflow.settings import LANDING, Settings
from medallion.spec.pipeline import Pipeline


class StepOperator(KubernetesPodOperator):
    """Runs a step's pod and believes it only if the step itself said that its ledger row is written."""

    ending: Ending | None = None

    def cleanup(self, pod: Any, remote_pod: Any, xcom_result: Any = None, context: Any = None) -> None:
        """Deletes the pod, then raises `StepPodFailed` unless the step succeeded."""
        self.ending = ending = ending_of(remote_pod, self.base_container_name)
        failure = StepPodFailed(self.task_id, ending)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException as error:
            raise failure from error
        if not self._killed and not ending.succeeded:
            raise failure


def pod_operator(step: Step, pipeline: Pipeline, commit: str, settings: Settings) -> StepOperator:
    """The operator for a step.

    Args:
        step: The step; its arguments may hold Airflow templates.
        pipeline: The pipeline, for the pod's labels and the task's page.
        commit: The code version, for the pod's labels.
        settings: The deployment.
    """
    volumes, mounts = _volumes(step.reads_landing, settings.landing_claim, settings.tenant)
    pod_security, container_security = _restricted()
    return StepOperator(
        task_id=step.task_id,
        task_display_name=step.task_id,
        doc_md=task_page(step, pipeline, settings.dbt_project),
        name=re.sub(r"[^a-z0-9]+", "-", f"{pipeline.name}-{step.name}".lower())[:50].strip("-"),
        namespace=settings.namespace,
        in_cluster=True,
        kubernetes_conn_id=None,
        image=settings.images[step.image],
        image_pull_policy=settings.pull_policy,
        arguments=list(step.args),
        env_vars={**{name: untemplated(value) for name, value in step.env.items()}, "HOME": "/tmp"},
        env_from=_logins(settings.warehouse_secret, step.secret),
        labels={
            "app.kubernetes.io/part-of": "medallion",
            "medallion/pipeline": pipeline.name,
            "medallion/step": step.name,
            "medallion/commit": commit[:40],
            **({"medallion/tenant": settings.tenant} if settings.tenant else {}),
        },
        container_resources=_resources(step.resources.cpu, step.resources.memory),
        volumes=list(volumes),
        volume_mounts=list(mounts),
        service_account_name=settings.service_account,
        automount_service_account_token=False,
        security_context=pod_security,
        container_security_context=container_security,
        startup_timeout_seconds=300,
        startup_check_interval_seconds=1,
        active_deadline_seconds=step.timeout_seconds,
        execution_timeout=timedelta(seconds=step.timeout_seconds),
        log_events_on_failure=True,
        log_pod_spec_on_failure=False,
        do_xcom_push=False,
        **({"pool": step.pool} if step.pool else {}),
        retries=step.retry.max_retries,
        retry_delay=timedelta(seconds=step.retry.initial_delay_seconds),
        retry_policy=ExitCodeRetryPolicy(step.retry),
    )


def untemplated(value: str) -> str:
    """JSON that means the same and that Airflow's template engine leaves alone.

    `{{`, `{%` and `{#` can stand in JSON only inside a string, where an escape says the same.
    """
    return re.sub(r"\{([{%#])", lambda found: f"{{\\u{ord(found[1]):04x}", value)


# A model of the Kubernetes client costs about a millisecond, so thousands of steps share theirs.


@cache
def _restricted() -> tuple[k8s.V1PodSecurityContext, k8s.V1SecurityContext]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    return k8s.V1PodSecurityContext(
        run_as_non_root=True, seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault")
    ), k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
    )


@cache
def _logins(warehouse: str, source: tuple[str, str] | None) -> list[k8s.V1EnvFromSource]:
    logins = [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=warehouse))]
    if source is not None:
        # With its prefix a source's Secret cannot take the place of any variable of the warehouse.
        name, prefix = source
        logins.append(k8s.V1EnvFromSource(prefix=prefix, secret_ref=k8s.V1SecretEnvSource(name=name)))
    return logins


@cache
def _resources(cpu: str, memory: str) -> k8s.V1ResourceRequirements:
    return k8s.V1ResourceRequirements(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory})


@cache
def _volumes(
    landing: bool, claim_name: str, tenant: str | None
) -> tuple[tuple[k8s.V1Volume, ...], tuple[k8s.V1VolumeMount, ...]]:
    volumes = [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource())]
    mounts = [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")]
    if landing:
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=claim_name, read_only=True)
        volumes.append(k8s.V1Volume(name="landing", persistent_volume_claim=claim))
        # A tenant's pod sees its own folder of the volume and nothing beside it.
        path = f"{LANDING}/{tenant}" if tenant else LANDING
        mounts.append(k8s.V1VolumeMount(name="landing", mount_path=path, sub_path=tenant, read_only=True))
    return tuple(volumes), tuple(mounts)
