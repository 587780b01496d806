"""A pipeline's alerts: which events are sent, and to which channels.

`AlertKind` is the table of kinds: the schema, the documentation, the titles, colours and log levels follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from medallion.config.model import ConfigModel


@dataclass(frozen=True)
class Event:
    """What may be worth an alert: the end of a task or of a run, or a run that is late.

    Attributes:
        outcome: How it ended.
        message: What happened, in the step's own words where it wrote any.
        attempt: Which attempt of the task, from 1.
        repeated: Whether an earlier attempt of the same run had succeeded already.
        failed_run: The run before, of a run that succeeded after a failed one.
        warns: Whether tests that only warn found rows.
        limit: What a late run should have taken at most.
    """

    outcome: Literal["succeeded", "failed", "late"]
    message: str = ""
    attempt: int = 1
    repeated: bool = False
    failed_run: str = ""
    warns: bool = False
    limit: timedelta = timedelta(0)


def _failure(event: Event) -> str | None:
    return event.message if event.outcome == "failed" else None


def _recovery(event: Event) -> str | None:
    if event.outcome != "succeeded":
        return None
    if event.failed_run:
        return f"succeeded, after run {event.failed_run} failed"
    return f"succeeded in attempt {event.attempt}" if event.attempt > 1 and not event.repeated else None


def _deadline(event: Event) -> str | None:
    return f"the run is not done after {event.limit}; it goes on" if event.outcome == "late" else None


def _warning(event: Event) -> str | None:
    return (event.message or "tests warn") if event.outcome == "succeeded" and event.warns else None


class AlertKind(StrEnum):
    """The kinds of alert.

    Attributes:
        subject: What the title says of the pipeline.
        severity: How channels show it.
        by_default: Whether a pipeline sends it that does not list its kinds.
        condition: When it is sent, for the schema and the documentation.
        text: Returns the message for an event that calls for such an alert, else None.
        hint: What to do, where the event suggests nothing.
    """

    subject: str
    severity: Literal["failure", "success", "warning"]
    by_default: bool
    condition: str
    text: Callable[[Event], str | None]
    hint: str

    def __new__(
        cls,
        name: str,
        subject: str = "",
        severity: Literal["failure", "success", "warning"] = "failure",
        by_default: bool = True,
        condition: str = "",
        text: Callable[[Event], str | None] = _failure,
        hint: str = "",
    ) -> Self:
        """Make a kind of its entry."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.subject, kind.severity, kind.by_default = subject, severity, by_default
        kind.condition, kind.text, kind.hint = condition, text, hint
        return kind

    FAILURE = (
        "failure", "failed", "failure", True,
        "A step failed and has no retries left, or a run exceeded `timeouts.run_seconds`. There is one alert per "
        "failure, not one per retry.",
        _failure,
    )  # fmt: skip
    RECOVERY = (
        "recovery", "recovered", "success", True,
        "A step succeeds after a failed attempt, or a scheduled run succeeds after a failed run.",
        _recovery,
    )  # fmt: skip
    DEADLINE = (
        "deadline", "missed its deadline", "warning", True,
        "A run is not done `timeouts.deadline_seconds` after it was due. Airflow's triggerer sends this alert.",
        _deadline,
        "see in the run's Gantt view which step takes long; `timeouts` in the pipeline file holds the limits",
    )  # fmt: skip
    WARNING = (
        "warning", "warns", "warning", False,
        "A step succeeded, but tests with `severity: warn` found rows, or a source is older than its `warn_after`.",
        _warning,
        "look at the rows: they are published, as the tests have `severity: warn`",
    )  # fmt: skip


_Kind = Annotated[
    AlertKind, WithJsonSchema({"oneOf": [{"const": kind, "description": kind.condition} for kind in AlertKind]})
]
Channel = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class Alerts(ConfigModel):
    """Which alerts a pipeline sends, and where. A channel that fails is logged and stops nothing."""

    on: tuple[_Kind, ...] = Field(
        tuple(kind for kind in AlertKind if kind.by_default), description="The kinds of alert that are sent."
    )
    channels: tuple[Channel, ...] = Field(
        ("log",), description="`log`, and names of channels that the deployment knows (its Secret `medallion-alerts`)."
    )
