"""The deployment's pod template: fields that every step's pod gets and that Medallion does not set.

The chart's value `global.podTemplate` is a partial PodTemplateSpec. What Medallion sets wins, such as the security
context: a template adds, and never takes away. Under either orchestrator the step's container is called `step` in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from medallion.errors import Misconfigured

CONTAINER = "step"
_REMEDY = "correct the chart's value `global.podTemplate`"


def fill(pod: k8s.V1Pod, template: Mapping[str, Any], container: str) -> k8s.V1Pod:
    """Return a step's pod with what the template adds.

    Args:
        pod: The pod as Medallion makes it.
        template: The template, as Kubernetes' own JSON.
        container: The name of the pod's container that runs the step.

    Raises:
        Misconfigured: The template has a field that Kubernetes' pods do not have.
    """
    if not template:
        return pod
    merged = _merge(_rename(template, container), _to_json(pod))
    try:
        filled = ApiClient().deserialize(SimpleNamespace(data=json.dumps(merged)), "V1Pod")
    except ValueError as error:
        raise Misconfigured(f"the pod template makes no pod: {error}", _REMEDY) from error
    # Kubernetes' model drops what it does not have; nothing of the template may be lost silently.
    unknown = _lost(merged, _to_json(filled), "global.podTemplate")
    if unknown is not None:
        raise Misconfigured(f"a pod has no field {unknown}", _REMEDY)
    return filled


def _rename(template: Mapping[str, Any], container: str) -> dict[str, Any]:
    spec = dict(template.get("spec", {}))
    if "containers" in spec:
        spec["containers"] = [
            {**one, "name": container} if one.get("name") == CONTAINER else one for one in spec["containers"]
        ]
    return {**template, "spec": spec}


def _merge(template: Any, made: Any) -> Any:
    if isinstance(template, dict) and isinstance(made, dict):
        both = {key: _merge(value, made[key]) if key in made else value for key, value in template.items()}
        return {**made, **both}
    if isinstance(template, list) and isinstance(made, list):
        ours = {one["name"]: one for one in made if isinstance(one, dict) and "name" in one}
        theirs = {one["name"]: one for one in template if isinstance(one, dict) and "name" in one}
        merged = [_merge(theirs[name], one) if name in theirs else one for name, one in ours.items()]
        rest = [one for one in made if not (isinstance(one, dict) and "name" in one)]
        more = [one for one in template if not (isinstance(one, dict) and one.get("name") in ours)]
        return [*merged, *rest, *more]
    return made


def _lost(given: Any, kept: Any, path: str) -> str | None:
    """The path of the first part that Kubernetes' model did not take over, or None."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(kept, dict) or key not in kept:
                return f"{path}.{key}"
            if (lost := _lost(value, kept[key], f"{path}.{key}")) is not None:
                return lost
    elif isinstance(given, list):
        for index, value in enumerate(given):
            if (lost := _lost(value, kept[index], f"{path}[{index}]")) is not None:
                return lost
    return None


def _to_json(pod: k8s.V1Pod) -> dict[str, Any]:
    made: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return made
