"""The deployment's pod template adds to a step's pod and takes nothing away."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes.client import models as k8s

from medallion.errors import Misconfigured
from medallion.orchestrators.kubernetes import pod_spec
from medallion.orchestrators.kubernetes.pod_template import fill


def pod() -> k8s.V1Pod:
    volumes, mounts = pod_spec.volumes(True, "landing", None)
    pod_security, container_security = pod_spec.restricted()
    container = k8s.V1Container(
        name="base", image="ours", env=pod_spec.environment({"A": "1"}), volume_mounts=list(mounts),
        security_context=container_security, resources=pod_spec.resources("1", "1Gi"),
    )  # fmt: skip
    spec = k8s.V1PodSpec(containers=[container], volumes=list(volumes), security_context=pod_security, tolerations=[])
    return k8s.V1Pod(metadata=k8s.V1ObjectMeta(labels={"medallion/step": "gold"}), spec=spec)


def filled(template: dict[str, Any]) -> k8s.V1Pod:
    return fill(pod(), template, "base")


def test_fill_without_a_template_returns_the_pod():
    made = pod()
    assert fill(made, {}, "base") is made


def test_fill_adds_fields_that_medallion_does_not_set():
    toleration = {"key": "batch", "operator": "Exists"}
    made = filled(
        {"metadata": {"annotations": {"a": "b"}}, "spec": {"priorityClassName": "p", "tolerations": [toleration]}}
    )
    assert made.metadata.annotations == {"a": "b"}
    assert made.metadata.labels == {"medallion/step": "gold"}
    assert made.spec.priority_class_name == "p"
    assert [one.key for one in made.spec.tolerations] == ["batch"]


def test_fill_keeps_what_medallion_sets():
    step = {"name": "step", "image": "other", "securityContext": {"readOnlyRootFilesystem": False}}
    made = filled(
        {
            "metadata": {"labels": {"medallion/step": "x"}},
            "spec": {"securityContext": {"runAsNonRoot": False}, "containers": [step]},
        }
    )
    (container,) = made.spec.containers
    assert (container.name, container.image) == ("base", "ours")
    assert container.security_context.read_only_root_filesystem
    assert made.spec.security_context.run_as_non_root
    assert made.metadata.labels == {"medallion/step": "gold"}


def test_fill_merges_lists_by_name():
    step = {
        "name": "step",
        "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}],
        "resources": {"limits": {"cpu": "2"}},
    }
    made = filled(
        {
            "spec": {
                "containers": [step, {"name": "sidecar", "image": "proxy"}],
                "volumes": [{"name": "ca", "emptyDir": {}}],
            }
        }
    )
    container, sidecar = made.spec.containers
    assert {one.name: one.value for one in container.env} == {"A": "1", "B": "3", "HOME": "/tmp"}
    assert container.resources.limits == {"memory": "1Gi", "cpu": "2"}
    assert sidecar.name == "sidecar"
    assert [one.name for one in made.spec.volumes] == ["tmp", "landing", "ca"]


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ({"spec": {"tolerationz": []}}, "global.podTemplate.spec.tolerationz"),
        ({"spec": {"tolerations": [{"kee": "a"}]}}, r"global.podTemplate.spec.tolerations\[0\].kee"),
    ],
)
def test_fill_unknown_field_is_refused_with_its_path(template: dict[str, Any], path: str):
    with pytest.raises(Misconfigured, match=f"a pod has no field {path}"):
        filled(template)
