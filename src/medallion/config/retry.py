"""When a failed step is tried again."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from medallion.config.model import ConfigModel
from medallion.errors import ExitCode

ExitClass = Literal["oom", "evicted"]
EXIT_CLASSES: tuple[ExitClass, ...] = ("oom", "evicted")
EndKind = ExitClass | Literal["refused"]
"""How Kubernetes ended a pod; one that it refused to create is refused again."""


class RetryConfig(ConfigModel):
    """When a failed step is tried again. Exit codes that are not listed fail at once."""

    max_retries: int = Field(1, ge=0, le=20, description="Attempts after the first.")
    initial_delay_seconds: int = Field(120, ge=0, description="Wait before the first retry.")
    backoff_multiplier: float = Field(1.0, ge=1.0, description="Each wait is this many times the one before.")
    max_delay_seconds: int = Field(1800, ge=0, description="No wait is longer.")
    retryable_exit_codes: tuple[int | ExitClass, ...] = Field(
        (*(int(code) for code in ExitCode if code.retryable), "evicted"),
        description="Exit codes worth another attempt; also `oom` (killed for want of memory, whose code is 137) and "
        "`evicted` (Kubernetes took the pod off its node).",
    )

    @field_validator("retryable_exit_codes", mode="before")
    @classmethod
    def _codes(cls, value: Any) -> Any:
        for code in value if isinstance(value, (list, tuple)) else ():
            number = isinstance(code, int) and not isinstance(code, bool) and 1 <= code <= 255
            if not number and code not in EXIT_CLASSES:
                raise ValueError(f"{code!r} is no exit code — write a number from 1 to 255, `oom` or `evicted`")
        return value

    def is_retryable(self, exit_code: int | None, ended: EndKind | None = None) -> bool:
        """Return whether an attempt that failed is worth another.

        Args:
            exit_code: The code of the step's process; None if it is unknown, which is always worth another.
            ended: How Kubernetes ended the pod, if it did.
        """
        if ended is not None and ended in self.retryable_exit_codes:
            return True
        return ended not in ("evicted", "refused") and (
            exit_code in (None, 0) or exit_code in self.retryable_exit_codes
        )

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the given failed attempt (1 is the first)."""
        return min(self.initial_delay_seconds * self.backoff_multiplier ** (attempt - 1), self.max_delay_seconds)
