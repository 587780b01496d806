"""What a step says at its very end: Kubernetes keeps it as the container's termination message.

The image writes it and the orchestrator reads it: it is all that is known of a step once its pod is gone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeVar

from medallion.protocol.result import TaskResult

MAX_BYTES = 4000
"""Kubernetes keeps 4096 bytes (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/)."""
_MAX_TEXT = 1200
_MAX_NAMED = 20
Words = TypeVar("Words", "Failed", "TerminationMessage")


@dataclass(frozen=True)
class Failed:
    """A source, a model or a test that failed. `failures` counts failing rows; `sample` is the first of them."""

    kind: Literal["source", "model", "test"]
    name: str
    failures: int = 0
    message: str = ""
    sample: dict[str, Any] | None = None


@dataclass(frozen=True)
class TerminationMessage:
    """A step's end in its own words.

    Attributes:
        status: That of the ledger row, if the step could write one.
        again: Whether the attempt before, of the same run, had succeeded already.
        warned: Tests of a step that succeeded, with `severity: warn`, that found rows.
    """

    status: str
    exit_code: int = 0
    message: str = ""
    remedy: str = ""
    again: bool = False
    failed: tuple[Failed, ...] = ()
    warned: tuple[Failed, ...] = ()

    def to_json(self) -> str:
        """Return JSON of at most `MAX_BYTES` bytes; if it is too long, samples are dropped first, then names."""
        words = replace(
            self,
            message=self.message[:_MAX_TEXT],
            remedy=self.remedy[: _MAX_TEXT // 2],
            failed=tuple(replace(item, message=item.message[:200]) for item in self.failed[:_MAX_NAMED]),
            warned=tuple(replace(item, message=item.message[:200]) for item in self.warned[:_MAX_NAMED]),
        )
        while len(text := json.dumps(asdict(words), ensure_ascii=False, default=str).encode()) > MAX_BYTES:
            words = words._shorter()
        return text.decode()

    def _shorter(self) -> TerminationMessage:
        if any(item.sample is not None for item in self.warned):
            return replace(self, warned=tuple(replace(item, sample=None, message="") for item in self.warned))
        if self.warned and not self.failed:
            return replace(self, warned=self.warned[:-1])
        bulky = [index for index, item in enumerate(self.failed) if item.sample is not None or item.message]
        if bulky and (bulky[-1] > 0 or len(self.failed) == 1):
            kept = list(self.failed)
            kept[bulky[-1]] = replace(kept[bulky[-1]], sample=None, message="")
            return replace(self, failed=tuple(kept))
        if self.failed:
            return replace(self, failed=self.failed[:-1])
        return replace(self, message=self.message[: len(self.message) // 2], remedy="")

    @classmethod
    def from_json(cls, text: str | None) -> TerminationMessage | None:
        """Read the message, or return None if the text is no message of a step."""
        try:
            content = json.loads(text or "")
            failed = tuple(_known(Failed, item) for item in content.pop("failed", ()))
            warned = tuple(_known(Failed, item) for item in content.pop("warned", ()))
            return replace(_known(cls, content), failed=failed, warned=warned)
        except (ValueError, TypeError, AttributeError):
            return None


def _known(kind: type[Words], content: dict[str, Any]) -> Words:
    """Return the known fields; those that an image of another version adds are left out."""
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in content.items() if name in names})


def failed_in(outcome: TaskResult | None) -> tuple[Failed, ...]:
    """Return the models and tests of an outcome that failed, models first."""
    return () if outcome is None else (*_models(outcome), *_tests(outcome, ("error", "fail")))


def warned_in(outcome: TaskResult | None) -> tuple[Failed, ...]:
    """Return the tests of an outcome that warn."""
    return () if outcome is None else tuple(_tests(outcome, ("warn",)))


def _models(outcome: TaskResult) -> Iterable[Failed]:
    bad = (model for model in outcome.models if model.status in ("error", "fail"))
    return (Failed("model", model.name, message=model.message) for model in bad)


def _tests(outcome: TaskResult, ended: Collection[str]) -> Iterable[Failed]:
    bad = (test for test in outcome.tests if test.status in ended)
    return (Failed("test", t.name, t.failures, t.message, t.sample[0] if t.sample else None) for t in bad)
