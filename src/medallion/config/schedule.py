"""When a pipeline runs."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from pydantic import Field, field_validator, model_validator

from medallion.config.cron import check_cron
from medallion.config.model import ConfigModel
from medallion.config.timezones import check_timezone

_LONGEST_INTERVAL = 366 * 24 * 3600
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)


class Schedule(ConfigModel):
    """When the pipeline runs. Without `cron` and `interval_seconds` it runs only when triggered."""

    cron: str | None = Field(None, description="Cron expression of five fields, or a preset such as `@daily`.")
    interval_seconds: int | None = Field(
        None, ge=60, le=_LONGEST_INTERVAL, description="Seconds between runs, instead of `cron`; a year at most."
    )
    timezone: str = Field("UTC", description="IANA time zone of `cron`, such as `Europe/Berlin`.")
    start_date: date = Field(
        date(2024, 1, 1), ge=_FIRST, le=_LAST, description="The first day that a run may be for, as `2024-01-31`."
    )
    catchup: bool = Field(False, description="Whether runs missed since `start_date` are made up for.")
    max_concurrent_runs: int = Field(1, ge=1, le=1000, description="How many runs of this pipeline may go on at once.")
    enabled: bool = Field(
        True, description="False: the DAG has no schedule and is created paused; it runs only when triggered."
    )

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        return value if value is None else check_cron(value)

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return check_timezone(value)

    @field_validator("start_date", mode="before")
    @classmethod
    def _date(cls, value: Any) -> Any:
        # Pydantic takes a number for seconds since 1970, as text too.
        if not isinstance(value, date) and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
            raise ValueError(f"{str(value)[:100]!r} is no date — write it as 2024-01-31")
        return value

    @model_validator(mode="after")
    def _one_of(self) -> Schedule:
        if self.cron is not None and self.interval_seconds is not None:
            raise ValueError("`cron` and `interval_seconds` are both given — keep one of them")
        return self
