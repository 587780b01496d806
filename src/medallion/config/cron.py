"""Cron expressions, checked by the same library that Airflow schedules with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from medallion.config.timezones import changes

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")

_VALUE = r"(\d+|[a-z]{3})"
_ITEM = rf"(\*|{_VALUE}(-{_VALUE})?)(/\d+)?"
_DAY = rf"({_ITEM}|\?|l)"
_WEEKDAY = rf"({_ITEM}|\?|l?{_VALUE}|{_VALUE}#[1-5])"
_FIELDS = (
    ("minute", _ITEM, 0, 59),
    ("hour", _ITEM, 0, 23),
    ("day", _DAY, 1, 31),
    ("month", _ITEM, 1, 12),
    ("weekday", _WEEKDAY, 0, 6),
)
_STEP = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)/(\d+)")
_EXAMPLE = f"such as `0 6 * * *`, or one of {', '.join(PRESETS)}"


def check_cron(value: str) -> str:
    """Return the expression if it is a preset, or five fields that come to pass.

    Raises:
        ValueError: It is neither.
    """
    if value not in PRESETS and (wrong := _wrong(value)):
        raise ValueError(wrong)
    return value


@cache
def _wrong(value: str) -> str:
    """What is wrong with an expression of five fields, or nothing."""
    from croniter import CroniterBadDateError, croniter

    shown = repr(value[:100])
    fields = value.lower().split()
    if len(fields) != len(_FIELDS):
        return f"{shown} is no cron expression — write five fields (minute hour day month weekday), {_EXAMPLE}"
    for text, (name, pattern, _, _) in zip(fields, _FIELDS, strict=True):
        # croniter takes `R` (another time at each parse), `H`, and ignores what it does not know, such as `W`.
        if not re.fullmatch(rf"{pattern}(,{pattern})*", text, re.ASCII):
            remedy = "write numbers or names with `*`, `,`, `-` and `/`"
            return f"{shown} is no cron expression: the {name} {text[:40]!r} — {remedy}"
    if not croniter.is_valid(value):
        return f"{shown} is no cron expression — write five fields (minute hour day month weekday), {_EXAMPLE}"
    try:
        croniter(value, datetime(2024, 1, 1)).get_next(datetime)
    except CroniterBadDateError:
        return f"{shown} never comes: no such month has such a day — correct the day or the month"
    return ""


def uneven_steps(value: str) -> Iterator[str]:
    """Yield what a step says and what it does, for each step that does not divide its field.

    `*/7` in the minutes is not every 7 minutes: it begins again at each hour.
    """
    from croniter import croniter

    if value in PRESETS:
        return
    expanded, _ = croniter.expand(value)
    for text, values, (name, _, low, high) in zip(value.lower().split(), expanded, _FIELDS, strict=True):
        for item in text.split(","):
            if not (match := _STEP.fullmatch(item)):
                continue
            first, last, step = int(match[1] or low), int(match[2] or high), int(match[3])
            count = high - low + 1
            if step == 1 or (match[2] and (first, last) != (low, high)):
                continue  # a window such as 8-18/3 ends where it says
            if count % step or name == "day":
                yield _uneven(name, item, step, [one for one in values if isinstance(one, int)])


def at_skipped_times(value: str, zone: str) -> tuple[datetime | None, datetime | None]:
    """Return a local time of the expression that a change of clocks skips, and one that comes twice, if there are.

    Only for runs at certain hours: what runs through the day has a run before and after.
    """
    from croniter import croniter

    found: dict[bool, datetime] = {}
    text = "0 0 1 */3 *" if value == "@quarterly" else value
    if value == "@hourly" or (value not in PRESETS and "*" in value.split()[1]):
        return None, None
    for change in changes(zone):
        at = croniter(text, change.begin - timedelta(minutes=1)).get_next(datetime)
        if at < change.end:
            found.setdefault(change.skipped, at)
    return found.get(True), found.get(False)


def _uneven(name: str, item: str, step: int, values: list[int]) -> str:
    again = {
        "minute": "at each hour",
        "hour": "at each day",
        "day": "at each month",
        "month": "at each year",
        "weekday": "at each week",
    }[name]
    shown = ", ".join(map(str, values[:24]))
    return f"`{item}` is not every {step} {name}s: it begins again {again}, and runs at {name} {shown}"
