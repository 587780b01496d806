"""How a step's pod ended, from what Kubernetes and the step itself say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


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
        message: What the step said last, or what Kubernetes says.
        remedy: What the step says to do.
        said_success: Whether the step itself reported that its ledger row is written.
    """

    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    remedy: str = ""
    said_success: bool = False

    @property
    def succeeded(self) -> bool:
        """True only when both Kubernetes and the step say so: a killed pod can look like a success."""
        return self.exit_code == 0 and self.said_success

    @property
    def explanation(self) -> str:
        """What happened and what to do, in a line or two."""
        what = self.message or "the pod is gone and nobody knows how it ended; the ledger has no success for it"
        code = "" if self.exit_code is None else f"exit code {self.exit_code}"
        kube = ", ".join(part for part in (self.reason if self.reason != "Error" else "", code) if part)
        return what + (f" ({kube})" if kube else "") + (f"\nwhat to do: {self.remedy}" if self.remedy else "")


def ending_of(pod: Any, container: str) -> Ending:
    """Reads a pod's status.

    Args:
        pod: A `V1Pod`, or None when there is none.
        container: The name of the container that runs the step.
    """
    status = getattr(pod, "status", None)
    if status is None:
        return Ending()
    containers = status.container_statuses or []
    state = next((item.state for item in containers if item.name == container), None)
    if state is not None and state.terminated is not None:
        ended = state.terminated
        said = _said(ended.message)
        return Ending(
            exit_code=ended.exit_code,
            reason=ended.reason or "",
            message=said.get("message") or ended.message or "",
            remedy=said.get("remedy", ""),
            said_success=said.get("status") in ("succeeded", "unchanged"),
        )
    if state is not None and state.waiting is not None:
        return Ending(reason=state.waiting.reason or "", message=state.waiting.message or "the pod never started")
    return Ending(reason=status.reason or "", message=status.message or "")


def _said(message: str | None) -> dict[str, Any]:
    try:
        said = json.loads(message or "")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
