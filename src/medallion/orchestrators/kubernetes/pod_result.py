"""How a step's pod ended, from what Kubernetes and the step itself say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiException

from medallion.config.retry import EndKind
from medallion.protocol.termination_message import Failed, TerminationMessage

EVICTED = "Evicted"
REFUSED = "refused"
_IMAGE = (
    "check that the image, of the chart's `global.images` or of an own step, exists and that the cluster may pull it"
)
REMEDIES = {
    "OOMKilled": "raise `resources.<image>.memory`, or `resources.memory` of an own step, in the pipeline file",
    EVICTED: "the node ran out of what the message names: free it, or give the cluster more",
    "DeadlineExceeded": "raise `timeouts.step_seconds` in the pipeline file, or see why the step took so long",
    "Unschedulable": "no node has room for the pod: lower `resources` in the pipeline file or add a node",
    "ImagePullBackOff": _IMAGE,
    "ErrImagePull": _IMAGE,
    "InvalidImageName": _IMAGE,
    "CreateContainerConfigError": "create the Secret or ConfigMap that the message names; for an image "
    "that runs as root, set `run_as_user` of the step",
    "BadRequest": "correct what the message names in the pipeline file; if it is not there, please report this",
    "Invalid": "correct what the message names in the pipeline file; if it is not there, please report this",
    "Forbidden": "give the worker's service account the right, or change the quota or policy, that the message names",
    "Unauthorized": "see that the worker's service account still exists",
    "NotFound": "see that the namespace exists: the chart makes it",
    "RequestEntityTooLarge": "split the pipeline, or shorten its contracts: `medallion lint` says which",
}
"""What to try, by Kubernetes' reason, when the step itself could say nothing."""


_STARTING = (None, "ContainerCreating", "PodInitializing")


class StepPodFailed(Exception):
    """A step's pod that did not end in success. `ending` says how."""

    def __init__(self, step: str, ending: Ending) -> None:
        super().__init__(f"{step}: {ending.explanation}")
        self.ending = ending


@dataclass(frozen=True)
class Ending:
    """The end of a pod's main container.

    Attributes:
        exit_code: None when Kubernetes does not know it: the pod is gone, or never started.
        reason: Kubernetes' word, such as `OOMKilled`, `Error`, `ImagePullBackOff` or `Evicted`.
        message: The step's termination message, or that of Kubernetes.
        remedy: What the step says to do.
        reported_success: Whether the step itself reported that its ledger row is written.
        again: Whether an earlier attempt of the same run had succeeded already.
        failed: The models and tests that the step says failed.
        warned: The tests that the step says found rows and stop nothing.
        refused: Whether no pod was ever created, and another attempt would create none either.
        is_quota: Whether no pod was created as a quota is used up.
    """

    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    remedy: str = ""
    reported_success: bool = False
    again: bool = False
    failed: tuple[Failed, ...] = ()
    warned: tuple[Failed, ...] = ()
    refused: bool = False
    is_quota: bool = False

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Ending:
        """Return what `dataclasses.asdict` made a dictionary of, and JSON a list of each tuple."""
        lists = {name: tuple(Failed(**one) for one in fields[name]) for name in ("failed", "warned")}
        return cls(**{**fields, **lists})

    @property
    def succeeded(self) -> bool:
        """True only when both Kubernetes and the step say so: a killed pod can look like a success."""
        return self.exit_code == 0 and self.reported_success

    @property
    def kind(self) -> EndKind | None:
        """How Kubernetes ended the pod, for retries: by a class of its own rather than by an exit code."""
        if self.refused:
            return "refused"
        if self.reason == EVICTED:
            return "evicted"
        return "oom" if self.reason == "OOMKilled" else None

    @property
    def explained(self) -> str:
        """What happened, in words."""
        return self.message or "the pod disappeared before its exit status was recorded; the ledger has no success"

    @property
    def explanation(self) -> str:
        """What happened and what to do, in a line or two."""
        what = self.explained
        code = "" if self.exit_code is None else f"exit code {self.exit_code}"
        kube = ", ".join(part for part in (self.reason if self.reason != "Error" else "", code) if part)
        return what + (f" ({kube})" if kube else "") + (f"\nhint: {self.remedy}" if self.remedy else "")


def read_refusal(error: ApiException) -> Ending:
    """Return the end of a pod that the API server did not create, in the API server's words.

    Another attempt helps where the server was busy or broken, where a name was taken, and where a quota is used up.
    """
    try:
        answer = json.loads(error.body or "")
        reason, problem = str(answer.get("reason") or error.reason), str(answer.get("message") or error.reason)
    except (ValueError, AttributeError):
        reason, problem = str(error.reason), str(error.body or error.reason)
    status = int(error.status or 0)
    is_quota = status == 403 and "exceeded quota" in problem
    curable = not 400 <= status < 500 or status in (408, 409, 429) or is_quota
    message = f"Kubernetes refused the pod with status {status}: {problem}"
    remedy = REMEDIES.get(reason, "")
    return Ending(reason=reason, message=message, remedy=remedy, refused=not curable, is_quota=is_quota)


def read_pod_result(pod: Any, container: str) -> Ending:
    """Read a pod's status.

    Args:
        pod: A `V1Pod`, or None when the pod does not exist.
        container: The name of the container that runs the step.
    """
    status = getattr(pod, "status", None)
    if status is None:
        return Ending()
    containers = status.container_statuses or []
    state = next((item.state for item in containers if item.name == container), None)
    if state is not None and state.terminated is not None:
        ended = state.terminated
        report, oom = TerminationMessage.from_json(ended.message), ended.exit_code != 0 and _is_any_oom(containers)
        if ended.exit_code != 0 and _is_evicted(status):
            return _by_kubernetes(EVICTED, status.message or ended.message, ended.exit_code)
        if report is None:
            return _by_kubernetes(ended.reason, ended.message, ended.exit_code)
        return Ending(
            exit_code=ended.exit_code,
            reason="OOMKilled" if oom else ended.reason or "",
            message=report.message,
            remedy=REMEDIES["OOMKilled"] if oom else report.remedy,
            reported_success=report.status in ("succeeded", "unchanged"),
            again=report.again,
            failed=report.failed,
            warned=report.warned,
        )
    if _is_evicted(status):
        return _by_kubernetes(EVICTED, status.message)
    others = [item.state.waiting for item in containers if item.state.waiting is not None]
    if stuck := next((one for one in others if one.reason not in _STARTING), None):
        return _by_kubernetes(stuck.reason, stuck.message or "the pod never started")
    if state is not None and state.waiting is not None:
        return _by_kubernetes(state.waiting.reason, state.waiting.message or "the pod never started")
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return _by_kubernetes(condition.reason, condition.message)
    return _by_kubernetes(status.reason, status.message)


def _is_any_oom(containers: Any) -> bool:
    """Whether one of a pod's containers was killed for want of memory: a team's own command has its own."""
    return any(item.state.terminated and item.state.terminated.reason == "OOMKilled" for item in containers)


def _is_evicted(status: Any) -> bool:
    """Whether Kubernetes took the pod away: for want of room, a drained node, or a pod of higher priority.

    https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
    """
    disrupted = (one for one in status.conditions or [] if one.type == "DisruptionTarget" and one.status == "True")
    return status.reason == EVICTED or any(disrupted)


def _by_kubernetes(reason: str | None, message: str | None, exit_code: int | None = None) -> Ending:
    return Ending(exit_code, reason or "", message or "", REMEDIES.get(reason or "", ""))
