"""A namespace with a quota takes a pod only if each of its containers states what it needs (case 30)."""

from __future__ import annotations

import pytest

from charts import REPO, VALUES, Manifest, Render, containers, manifests, pods


def unstated(pod: Manifest) -> list[str]:
    """What the containers of a pod do not state of requests for CPU and memory and of a limit for memory."""
    found = []
    for box in containers(pod):
        resources = box.get("resources") or {}
        for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if name not in (resources.get(kind) or {}):
                found.append(f"{box['name']}: {kind}.{name}")
    return found


@pytest.mark.parametrize("values", VALUES)
def test_every_container_states_requests_and_memory_limit(values: str, render: Render) -> None:
    found = {name: missing for name, pod in pods(render(values)) if (missing := unstated(pod))}
    assert found == {}


@pytest.mark.parametrize(
    "file",
    ["k8s/git-server/manifest.yaml", "k8s/put-pod.yaml", "k8s/dbt-debug-pod.yaml", "tests/cluster/receiver.yaml"],
)
def test_scripts_own_pods_state_requests_and_limit(file: str) -> None:
    found = manifests((REPO / file).read_text())
    bare = [manifest["spec"] for manifest in found if manifest["kind"] == "Pod"]
    specs = [*bare, *(pod for _, pod in pods([one for one in found if one["kind"] != "Pod"]))]
    assert specs
    assert [missing for pod in specs if (missing := unstated(pod))] == []
