"""Cron expressions, checked by the same library that Airflow schedules with."""

from __future__ import annotations

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


def check_cron(value: str) -> str:
    """Returns the expression if it is a preset or five valid fields.

    Raises:
        ValueError: It is neither.
    """
    from croniter import croniter

    if value in PRESETS:
        return value
    if len(value.split()) != 5 or not croniter.is_valid(value):
        raise ValueError(
            f"{value!r} is no cron expression — write five fields (minute hour day month weekday), "
            f"such as `0 6 * * *`, or one of {', '.join(PRESETS)}"
        )
    return value
