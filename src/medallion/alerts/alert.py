"""An alert as plain data: what happened to a pipeline, for a person who was not looking."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from medallion.config.alerts import AlertKind, Event
from medallion.protocol.termination_message import Failed


@dataclass(frozen=True)
class Alert:
    """One alert about a run or one of its tasks.

    Attributes:
        kind: What sort of thing.
        message: What happened: the step's own message where there is one.
        task: The task that it happened to; empty for a whole run.
        attempt: Which attempt of the task, from 1.
        reason: Kubernetes' word for it, such as `OOMKilled`; empty where it has none.
        exit_code: The step's exit code, where it is known.
        failed: The models and tests that failed, or that warn.
        remedy: What to try.
    """

    kind: AlertKind
    pipeline: str
    run_id: str
    owner: str
    message: str
    task: str = ""
    attempt: int = 1
    reason: str = ""
    exit_code: int | None = None
    failed: tuple[Failed, ...] = ()
    remedy: str = ""
    log_url: str = ""
    run_url: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def title(self) -> str:
        """One line that says it all to who is in a hurry."""
        return f"{self.pipeline} {self.kind.subject}" + (f" at {self.task}" if self.task else "")

    @property
    def facts(self) -> dict[str, str]:
        """What an alert says besides its message, by label, in the order to show it; empty facts are left out."""
        code = "" if self.exit_code is None else f"exit code {self.exit_code}"
        attempt = f", attempt {self.attempt}" if self.task else ""
        facts = {
            "pipeline": f"{self.pipeline} (owner: {self.owner})",
            "run": self.run_id,
            "task": f"{self.task}{attempt}",
            "reason": ", ".join(part for part in (self.reason, code) if part),
            "time": f"{self.at:%Y-%m-%d %H:%M:%S} UTC",
        }
        return {label: fact for label, fact in facts.items() if fact}


def find_alerts(event: Event, failed: tuple[Failed, ...] = (), remedy: str = "", **facts: Any) -> list[Alert]:
    """Return an alert of each kind that an event calls for, whether the pipeline sends that kind or not.

    Args:
        event: What happened.
        failed: The models and tests that failed or warn.
        remedy: What to try; by default the kind's own hint.
        facts: The other attributes of `Alert`.
    """
    found = ((kind, kind.text(event)) for kind in AlertKind)
    return [
        Alert(
            kind, message=message, attempt=event.attempt, failed=() if kind.severity == "success" else failed,
            remedy=remedy or kind.hint, **facts,
        )
        for kind, message in found
        if message is not None
    ]  # fmt: skip
