"""When a Dagster job runs: a schedule for a cron expression, a sensor for an interval."""

from __future__ import annotations

import time
from typing import Any

import dagster

from medallion.config.schedule import Schedule

_QUARTERLY = "0 0 1 */3 *"
"""The one of Airflow's presets that Dagster does not know."""
_LOOK_SECONDS = 30


def build_trigger(
    schedule: Schedule, job: dagster.JobDefinition, *, running: bool
) -> dagster.ScheduleDefinition | dagster.SensorDefinition | None:
    """Return the schedule or sensor of a job, or None if it only runs when a user starts it.

    Args:
        schedule: When it runs.
        job: The job.
        running: Whether the trigger is on from the beginning; in Dagster's UI it can be turned on and off.
    """
    on = schedule.enabled and running
    if schedule.cron is not None:
        return dagster.ScheduleDefinition(
            name=f"{job.name}_schedule",
            job=job,
            cron_schedule=_QUARTERLY if schedule.cron == "@quarterly" else schedule.cron,
            execution_timezone=schedule.timezone,
            default_status=dagster.DefaultScheduleStatus.RUNNING if on else dagster.DefaultScheduleStatus.STOPPED,
        )
    if schedule.interval_seconds is not None:
        return _every(schedule.interval_seconds, job, on)
    return None


def _every(seconds: int, job: dagster.JobDefinition, on: bool) -> dagster.SensorDefinition:
    def due(_context: Any) -> dagster.RunRequest:
        # Dagster makes one run of a key, however often it asks.
        return dagster.RunRequest(run_key=f"{job.name}/{seconds}/{int(time.time()) // seconds}")

    return dagster.SensorDefinition(
        name=f"{job.name}_interval",
        job=job,
        evaluation_fn=due,
        minimum_interval_seconds=min(seconds, _LOOK_SECONDS),
        default_status=dagster.DefaultSensorStatus.RUNNING if on else dagster.DefaultSensorStatus.STOPPED,
        description=f"Every {seconds} s.",
    )
