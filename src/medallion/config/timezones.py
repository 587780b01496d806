"""Time zones: which names are taken, which stay at winter time, and when their clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REGIONS = {
    "AKST": "America/Anchorage",
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "CET": "Europe/Berlin",
    "CST6CDT": "America/Chicago",
    "EDT": "America/New_York",
    "EEST": "Europe/Athens",
    "EET": "Europe/Athens",
    "EST": "America/New_York",
    "EST5EDT": "America/New_York",
    "HST": "Pacific/Honolulu",
    "JST": "Asia/Tokyo",
    "MDT": "America/Denver",
    "MET": "Europe/Berlin",
    "MST": "America/Denver",
    "MST7MDT": "America/Denver",
    "PDT": "America/Los_Angeles",
    "PST": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "WEST": "Europe/Lisbon",
    "WET": "Europe/Lisbon",
}
"""The zone of the region that people mean by an abbreviation."""

_OF_THE_MACHINE = ("localtime", "posixrules", "Factory")
_OTHER_TREES = ("posix/", "right/")


def check_timezone(value: str) -> str:
    """Return the name of a time zone if it means the same on every machine.

    Raises:
        ValueError: There is no such zone, or it depends on the machine.
    """
    try:
        if value in _OF_THE_MACHINE or value.startswith(_OTHER_TREES):
            raise ValueError
        ZoneInfo(value)  # it keeps what it has read; `available_timezones` walks the disk each time
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        meant = REGIONS.get(value.upper())
        remedy = f"`{meant}`" if meant else "an IANA name such as `Europe/Berlin` or `UTC`"
        raise ValueError(f"no time zone {value[:100]!r} — use {remedy}") from error
    return value


@dataclass(frozen=True)
class Change:
    """A change of clocks: local times from `begin` up to `end` are skipped, or come twice."""

    begin: datetime
    end: datetime
    skipped: bool


@cache
def changes(name: str, years: int = 2) -> tuple[Change, ...]:
    """Return a zone's changes of clocks from now on, in order.

    Args:
        name: The zone.
        years: How far to look.
    """
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    return tuple(_changes(ZoneInfo(name), now, now + timedelta(days=366 * years)))


def stays_at_winter_time(name: str) -> str | None:
    """Return the zone of the region that an abbreviation means, if only the region changes its clocks."""
    region = REGIONS.get(name)
    return region if region and not changes(name) and changes(region) else None


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Change]:
    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    while begin < end:
        after = begin + timedelta(days=1)
        if (old := offset(begin)) != (new := offset(after)):
            low, high = begin, after
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if offset(middle) == old else (low, middle)
            at = high.replace(second=0, microsecond=0, tzinfo=None)
            yield Change(at + min(old, new), at + max(old, new), new > old)
        begin = after
