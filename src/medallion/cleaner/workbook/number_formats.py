"""What a number format shows: numbers, dates, times of the day or durations (ECMA-376, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from enum import Enum


class Kind(Enum):
    """What a number means."""

    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"


_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)), Kind.DATE),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), Kind.TIME),
    46: Kind.DURATION,
}
_NO_PART = re.compile(r'"[^"]*"|\\.|_.|\*.|General|E[+-]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


def kind_of(number: int, code: str | None) -> Kind:
    """Return what a number format shows.

    Args:
        number: Its number.
        code: What the workbook declares for it; None for those that are built in.
    """
    if code is None:
        return _BUILT_IN.get(number, Kind.NUMBER)
    plain = _NO_PART.sub("", code).split(";")[0]
    if _ELAPSED.search(plain):
        return Kind.DURATION
    shown = set(re.sub(r"\[[^\]]*\]", "", plain).lower())
    if shown & {"y", "d", "g", "e", "b"} or ("m" in shown and not shown & {"h", "s"}):
        return Kind.DATE
    return Kind.TIME if shown & {"h", "s"} else Kind.NUMBER
