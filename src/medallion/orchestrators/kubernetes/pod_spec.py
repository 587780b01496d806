"""The parts of a step's pod, under the restricted Pod Security Standard."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache

from kubernetes.client import models as k8s

from medallion.orchestrators.kubernetes.settings import LANDING
from medallion.protocol.clean_work import CleanWork
from medallion.tasks import Task


def name(pipeline: str, step: str) -> str:
    """Return what a step's pod is called, before the suffix that makes it unique."""
    return re.sub(r"[^a-z0-9]+", "-", f"{pipeline}-{step}".lower())[:50].strip("-")


def labels(pipeline: str, step: str, commit: str, tenant: str | None = None) -> dict[str, str]:
    """Return what a step's pod is found by."""
    return {
        "app.kubernetes.io/part-of": "medallion",
        "medallion/pipeline": label_value(pipeline),
        "medallion/step": label_value(step),
        "medallion/commit": label_value(commit[:40]),
        **({"medallion/tenant": label_value(tenant)} if tenant else {}),
    }


def list_steps(task: Task) -> dict[str, str]:
    """Return what a pod shows besides its labels: the steps of a pack, which no label has room for."""
    return {"medallion/steps": ", ".join(step.name for step in task.steps)} if task.is_pack else {}


def spread(pod: k8s.V1Pod, task: Task) -> None:
    """Spread the pods of a source's packs over the nodes that have room; other pods stay as they are."""
    work = task.first.work
    if not isinstance(work, CleanWork) or work.part is None:
        return
    label = {"medallion/packs-of": label_value(work.part.of)}
    pod.metadata.labels |= label
    constraint = k8s.V1TopologySpreadConstraint(
        max_skew=1,
        topology_key="kubernetes.io/hostname",
        when_unsatisfiable="ScheduleAnyway",
        label_selector=k8s.V1LabelSelector(match_labels=label),
    )
    pod.spec.topology_spread_constraints = [constraint]


def label_value(text: str) -> str:
    """Return a text as the value of a label: unchanged where it is one, else made safe and with a hash of its own.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    if re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", text):
        return text
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:54].strip("_.-")
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")


def environment(variables: Mapping[str, str]) -> list[k8s.V1EnvVar]:
    """Return a step's variables, with a home that can be written to."""
    return [k8s.V1EnvVar(name=name, value=value) for name, value in {**variables, "HOME": "/tmp"}.items()]


# A model of the Kubernetes client costs about a millisecond, so thousands of steps share theirs.


@cache
def restricted(user: int | None = None) -> tuple[k8s.V1PodSecurityContext, k8s.V1SecurityContext]:
    """Return the security contexts of a pod and a container; without a user, the image's own applies.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    return k8s.V1PodSecurityContext(
        run_as_non_root=True, seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault")
    ), k8s.V1SecurityContext(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=k8s.V1Capabilities(drop=["ALL"]),
        run_as_user=user,
    )


@cache
def logins(warehouse: str, source: tuple[str, str] | None) -> list[k8s.V1EnvFromSource]:
    """Return the Secrets of the warehouse and, with its prefix, of the step's source."""
    logins = [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=warehouse))]
    if source is not None:
        # With its prefix a source's Secret cannot take the place of any variable of the warehouse.
        name, prefix = source
        logins.append(k8s.V1EnvFromSource(prefix=prefix, secret_ref=k8s.V1SecretEnvSource(name=name)))
    return logins


@cache
def resources(cpu: str, memory: str) -> k8s.V1ResourceRequirements:
    """Return a step's resources. Memory is request and limit alike; CPU is a request only."""
    return k8s.V1ResourceRequirements(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory})


@cache
def volumes(
    landing: bool, claim_name: str, tenant: str | None
) -> tuple[tuple[k8s.V1Volume, ...], tuple[k8s.V1VolumeMount, ...]]:
    """Return a place to write and, if asked, the landing volume: of a tenant, its own folder."""
    volumes = [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource())]
    mounts = [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")]
    if landing:
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=claim_name, read_only=True)
        volumes.append(k8s.V1Volume(name="landing", persistent_volume_claim=claim))
        # A tenant's pod sees its own folder of the volume and nothing else.
        path = f"{LANDING}/{tenant}" if tenant else LANDING
        mounts.append(k8s.V1VolumeMount(name="landing", mount_path=path, sub_path=tenant, read_only=True))
    return tuple(volumes), tuple(mounts)
