"""The dbt project of a checkout, for the pods that start a run: ConfigMaps, which need no volume, server or credential.

The first step to start stores the project in the warehouse, where every later step finds it (decision 31). So a pod has
no access to git, and a git server that is away stops no run that has begun.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from kubernetes.client import ApiException, CoreV1Api
from kubernetes.client import models as k8s

from medallion.config.places import dbt_project
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import Plan
from medallion.protocol.project_archive import DELIVERY, PROJECT_FILE, check_packages, hash_files, pack, part_name
from medallion.tasks import Task

PART_BYTES = 900_000
"""Of one ConfigMap; Kubernetes takes no more than 1 MiB."""
_PARTS = "medallion/parts"
_PROJECT = "medallion/project"
_KEPT = 3
"""ConfigMaps of older commits: a pod that is about to start may still be given one."""


@dataclass(frozen=True)
class Delivery:
    """A project as a pod gets it.

    Attributes:
        digest: Of its files.
        volumes: For a pod that may start a run: the archive. A later pod finds it in the warehouse.
    """

    digest: str
    volumes: tuple[k8s.V1Volume, ...] = ()

    @property
    def mounts(self) -> tuple[k8s.V1VolumeMount, ...]:
        """Where the step looks for it."""
        return tuple(
            k8s.V1VolumeMount(name=volume.name, mount_path=str(DELIVERY), read_only=True) for volume in self.volumes
        )


def deliver(plan: Plan, task: Task, settings: Settings, api: CoreV1Api) -> Delivery | None:
    """Put the project of a plan's dbt steps where a pod that may start a run can mount it, unless it is there already.

    Args:
        plan: A plan.
        task: The task whose pod is to be made.
        settings: The deployment, as the plan's tenant uses it.
        api: May read, create, list and delete ConfigMaps in the steps' namespace.

    Returns:
        None where no step uses dbt, and where the DAG folder has no project: then the image has one baked in.

    Raises:
        Misconfigured: The project is too large, or its packages are not there.
        ApiException: The API refused.
    """
    folder = dbt_project(settings.dags, plan.pipeline.dbt.project)
    if not plan.uses_dbt or not (folder / PROJECT_FILE).is_file():
        return None
    check_packages(folder)
    digest = hash_files(folder)
    if task.needs:
        return Delivery(digest)
    names = _ConfigMaps(api, settings.namespace, plan.pipeline.dbt.project, digest).ensure(folder)
    sources = [k8s.V1VolumeProjection(config_map=k8s.V1ConfigMapProjection(name=name)) for name in names]
    projected = k8s.V1ProjectedVolumeSource(sources=sources)
    return Delivery(digest, (k8s.V1Volume(name="dbt-project", projected=projected),))


class _ConfigMaps:
    """The ConfigMaps of one project in one namespace."""

    def __init__(self, api: CoreV1Api, namespace: str, project: str, digest: str) -> None:
        self._api, self._namespace, self._digest = api, namespace, digest
        self._label = project.replace("/", "_")[:63].strip("_.-")

    def ensure(self, folder: Path) -> list[str]:
        """Return the names of the project's ConfigMaps; create those that are not there."""
        first = self._read(self._name(0))
        if first is not None:
            return [self._name(number) for number in range(int(first.metadata.annotations[_PARTS]))]
        archive = pack(folder)
        parts = [archive[place : place + PART_BYTES] for place in range(0, len(archive), PART_BYTES)]
        # The first part says that all are there, so it comes last.
        for number in reversed(range(len(parts))):
            self._create(number, parts)
        self._remove_old()
        return [self._name(number) for number in range(len(parts))]

    def _name(self, number: int) -> str:
        return f"medallion-project-{self._digest}-{number}"

    def _read(self, name: str) -> k8s.V1ConfigMap | None:
        try:
            return self._api.read_namespaced_config_map(name, self._namespace)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def _create(self, number: int, parts: list[bytes]) -> None:
        labels = {"app.kubernetes.io/part-of": "medallion", _PROJECT: self._label}
        made = k8s.V1ConfigMap(
            metadata=k8s.V1ObjectMeta(name=self._name(number), labels=labels, annotations={_PARTS: str(len(parts))}),
            immutable=True,
            binary_data={part_name(self._digest, number): base64.b64encode(parts[number]).decode()},
        )
        try:
            self._api.create_namespaced_config_map(self._namespace, made)
        except ApiException as error:
            if error.status != 409:  # another worker was faster; its bytes are the same
                raise

    def _remove_old(self) -> None:
        selector = f"{_PROJECT}={self._label}"
        found = self._api.list_namespaced_config_map(self._namespace, label_selector=selector).items
        made = {one.metadata.name.rpartition("-")[0]: one.metadata.creation_timestamp for one in found}
        newest = sorted(made, key=lambda digest: made[digest], reverse=True)[: _KEPT + 1]
        for one in found:
            if one.metadata.name.rpartition("-")[0] not in newest:
                self._delete(one.metadata.name)

    def _delete(self, name: str) -> None:
        try:
            self._api.delete_namespaced_config_map(name, self._namespace)
        except ApiException as error:
            if error.status != 404:
                raise
