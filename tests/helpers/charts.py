"""What tests ask of rendered charts."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
CHART = REPO / "charts" / "medallion"
REGISTRY = "registry.example.com/medallion"
IMAGES = ["--set", f"global.images.registry={REGISTRY},airflow.defaultAirflowRepository={REGISTRY}/airflow"]
"""What every install has to set."""
VALUES = {
    "default": [],
    "kind": ["--values", str(REPO / "k8s" / "values-kind.yaml")],
    "everything": ["--values", str(CHART / "ci" / "everything-values.yaml")],
    "external Postgres": ["--values", str(CHART / "values-external-postgres.yaml")],
    "external database": ["--set", "postgres.enabled=false,secrets.create=false"],
}
Manifest = dict[str, Any]
Render = Callable[[str], list[Manifest]]


def dependencies() -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load((CHART / "Chart.yaml").read_text())["dependencies"]
    return found


def helm(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *args], capture_output=True, text=True, timeout=120)


def template(chart: Path, *args: str) -> str:
    answer = helm("template", "medallion", str(chart), "--namespace", "data", *IMAGES, *args)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def manifests(text: str) -> list[Manifest]:
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(found: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod that the manifests lead to: name and spec, workers' pods too."""
    for manifest in found:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield title(manifest), spec["template"]["spec"]
        if template := manifest.get("data", {}).get("pod_template_file.yaml"):
            yield "worker", yaml.safe_load(template)["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*(pod.get("initContainers") or []), *pod["containers"]]


def breaches(pod: Manifest) -> list[str]:
    """What the restricted Pod Security Standard would refuse.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    whole = pod.get("securityContext") or {}
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    found = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    found += [f"volume {volume['name']}" for volume in pod.get("volumes", []) if not set(volume) - {"name"} <= allowed]
    for container in containers(pod):
        own = container.get("securityContext") or {}
        both = {**whole, **own}
        rules = {
            "runAsNonRoot": both.get("runAsNonRoot") is True,
            "runAsUser": both.get("runAsUser") != 0,
            "seccompProfile": (both.get("seccompProfile") or {}).get("type") in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities": (own.get("capabilities") or {}).get("drop") == ["ALL"] and "add" not in own["capabilities"],
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
        }
        found += [f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found


def of_kind(found: list[Manifest], kind: str, name: str) -> list[Manifest]:
    return [one for one in found if title(one) == f"{kind}/{name}"]


def script(path: Path) -> ModuleType:
    """A script that belongs to no package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
