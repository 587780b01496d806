"""How long things are kept. What readers see is always kept, whatever these keys say."""

from __future__ import annotations

from pydantic import Field

from medallion.config.model import ConfigModel

MAX_DAYS = 36_500
"""A hundred years: Postgres can count back so far from any day."""


class Retention(ConfigModel):
    """What a pipeline keeps of its past. A successful step that publishes removes the rest."""

    builds: int = Field(
        3, ge=1, le=1000, description="Of how many runs the published data is kept, to roll back to; 1 is the current."
    )
    failed_builds_days: int = Field(
        7, ge=0, le=MAX_DAYS, description="Days that a build which was never published can be looked at."
    )
    quarantine_days: int = Field(90, ge=1, le=MAX_DAYS, description="Days that rejected rows are kept.")
    ledger_days: int = Field(400, ge=1, le=MAX_DAYS, description="Days that the ledger and a run's history are kept.")
