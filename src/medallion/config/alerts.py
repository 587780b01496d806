"""A pipeline's alerts: which events are sent, and to which channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medallion.config.model import ConfigModel

AlertKind = Literal["failure", "recovery", "deadline", "warning"]
Channel = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class Alerts(ConfigModel):
    """Which alerts a pipeline sends, and where. A channel that fails is logged and stops nothing."""

    on: tuple[AlertKind, ...] = Field(
        ("failure", "recovery", "deadline"),
        description="`failure`: a step has failed for good. `recovery`: a step or a run succeeded after a failure. "
        "`deadline`: a run takes longer than `timeouts.deadline_seconds`. `warning`: a step succeeded, and tests with "
        "`severity: warn` found rows; not sent unless it is written here.",
    )
    channels: tuple[Channel, ...] = Field(
        ("log",), description="`log`, and names of channels that the deployment knows (its Secret `medallion-alerts`)."
    )
