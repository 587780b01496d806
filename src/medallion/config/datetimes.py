"""The formats of dates and times: strptime patterns, each compiled to an exact shape and a canonical spelling.

A pattern is refused if any part of it would be ignored, guessed or read in two ways. `compile_format` tries each
pattern on a round trip: it writes some instants with it and reads them back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

from medallion.config.directives import COMPOSITES, DIRECTIVES, NOT_READ, Directive

_INSTANTS = (
    datetime(2024, 2, 29, 23, 58, 9, 123456, timezone(timedelta(hours=5, minutes=30))),
    datetime(1999, 12, 31, 1, 2, 3, 456000, timezone(-timedelta(hours=11))),
    datetime(2010, 10, 10, 12, 0, 59, 999999, timezone.utc),
    datetime(2001, 1, 1, 0, 11, 11, 100000, timezone(timedelta(hours=1))),
)
_DAYS = ({"year", "month", "day"}, {"year", "dayofyear"}, {"isoyear", "isoweek", "isoday"})
_TIMES = ((), ("hour",), ("hour", "minute"), ("hour", "minute", "second"), ("hour", "minute", "second", "fraction"))


@dataclass(frozen=True)
class Shape:
    """One exact spelling.

    Attributes:
        pattern: A regular expression with a group per part, for Python and for the cleaner's engine alike.
        canonical: What the text becomes, with `${group}` for each part; None if it is read as it stands.
    """

    pattern: str
    canonical: str | None


@dataclass(frozen=True)
class Format:
    """A compiled format.

    Attributes:
        shapes: The spellings that it reads; no text fits two of them.
        strptime: The pattern in chrono's terms (https://docs.rs/chrono) of the canonical text.
        zoned: Whether its texts stand for instants: they have an offset from UTC, or say UTC.
        timed: Whether its texts have a time of the day.
    """

    shapes: tuple[Shape, ...]
    strptime: str
    zoned: bool
    timed: bool


def compile_format(text: str, kind: str) -> Format:
    """Compile a strptime pattern.

    Args:
        text: The pattern.
        kind: "date" or "datetime".

    Raises:
        ValueError: A part of it is unknown, would be ignored, contradicts another, or is ambiguous.
    """
    parts = _split(text)
    used = [part for part in parts if isinstance(part, Directive)]
    _check(text, used, kind)
    _check_widths(text, parts)
    shapes = []
    for century, years in (("19", "69|[7-9][0-9]"), ("20", "[0-5][0-9]|6[0-8]")):
        pattern = "".join(_piece(parts, index, kind, years) for index in range(len(parts)))
        shapes.append(Shape(f"^{pattern}$", _canonical(used, century)))
    if not any(part.group == "year2" for part in used):
        del shapes[1:]
    timed = any(part.midnight for part in used)
    made = Format(tuple(shapes), _strptime(used), _zoned(text, parts, used), timed)
    if _is_direct(used):
        written = "".join(part.replace("%", "%%") if isinstance(part, str) else part.name for part in parts)
        made = replace(made, shapes=(Shape(shapes[0].pattern, None),), strptime=written)
    _round_trip(text, parts, made, kind)
    return made


def _split(text: str) -> list[Directive | str]:
    for short, long in COMPOSITES.items():
        text = text.replace(short, long)
    parts: list[Directive | str] = []
    for found in re.finditer(r"%(?:[-_0]?[A-Za-z]|[:#]z|\.[369]?f|[369]f|%|.|$)|[^%]+", text, re.DOTALL):
        part = found[0]
        if part == "%%" or not part.startswith("%"):
            parts.append("%" if part == "%%" else part)
        elif part in DIRECTIVES:
            parts.append(DIRECTIVES[part])
        else:
            why, remedy = NOT_READ.get(part, ("is not read", f"use some of {', '.join(DIRECTIVES)}"))
            raise ValueError(f"{part} of the format {text!r} {why} — {remedy}")
    return parts


def _check(text: str, used: list[Directive], kind: str) -> None:
    meanings = [part.meaning for part in used]
    twice = sorted({meaning for meaning in meanings if meanings.count(meaning) > 1})
    if twice:
        raise ValueError(f"the format {text!r} has the {twice[0]} twice — keep one of them")
    day = {meaning for meaning in meanings if meaning in set().union(*_DAYS)}
    if day not in _DAYS:
        raise ValueError(
            f"the format {text!r} names no whole day — write %Y, %m and %d; or %Y and %j; or %G, %V and %u"
        )
    time = tuple(meaning for meaning in _TIMES[-1] if meaning in meanings)
    if time not in _TIMES:
        raise ValueError(f"the format {text!r} has a gap in its time — write %H, %M and %S before a fraction")
    halves = [part.group for part in used if part.group in ("hour12", "half")]
    if len(halves) == 1:
        raise ValueError(f"the format {text!r} has one of %I and %p — write both, or %H alone")
    if kind == "date" and "zone" in meanings:
        raise ValueError(f"the format {text!r} of a date has an offset — make the field a datetime")


def _zoned(text: str, parts: list[Directive | str], used: list[Directive]) -> bool:
    """Whether texts have an offset: as a directive, or in words that stand for UTC."""
    if any(part.meaning == "zone" for part in used):
        return True
    end = parts[-1].strip() if isinstance(parts[-1], str) and any(part.midnight for part in used) else ""
    if re.fullmatch(r"[+-]\d{2}(:?\d{2})?|[A-Z]{2,5}", end) and end not in ("UTC", "GMT"):
        raise ValueError(
            f"the format {text!r} ends with the zone {end!r}, which would be ignored — "
            "write %z, and turn a name into its offset with the cleaning rule replace_pattern"
        )
    return end in ("Z", "UTC", "GMT")


def _check_widths(text: str, parts: list[Directive | str]) -> None:
    for left, right in pairwise(parts):
        if _touches(left, right) and any(isinstance(part, Directive) and part.unpadded for part in (left, right)):
            raise ValueError(f"the format {text!r} has a number without padding next to a digit — use %m, %d, %H or %I")


def _touches(left: Directive | str, right: Directive | str) -> bool:
    ends = left.numeric if isinstance(left, Directive) else left[-1].isdigit()
    begins = right.numeric if isinstance(right, Directive) else right[0].isdigit()
    return ends and begins


def _piece(parts: list[Directive | str], index: int, kind: str, years: str) -> str:
    part = parts[index]
    if isinstance(part, str):
        return re.escape(part)
    exact = any(_touches(left, right) for left, right in pairwise(parts[max(index - 1, 0) : index + 2]))
    shape = part.exact if exact else part.loose
    if part.group == "year2":
        shape = years
    if kind == "date" and part.midnight:
        # A date cannot hold another time of the day.
        shape = part.midnight
    before, after = part.around
    return f"{before}(?P<{part.group}>{shape}){after}"


def _is_direct(used: list[Directive]) -> bool:
    """Whether chrono reads the text exactly: not years of two digits, fractions alone, and hours alone."""
    groups = {part.group for part in used}
    return not groups & {"year2", "fraction"} and ("hour" not in {part.meaning for part in used} or "minute" in groups)


def _canonical(used: list[Directive], century: str) -> str:
    groups = {part.group for part in used}

    def has(name: str, otherwise: str = "") -> str:
        return f"${{{name}}}" if name in groups else otherwise

    if "isoyear" in groups:
        day = "${isoyear}-${isoweek}-${isoday}"
    else:
        year = f"{century}${{year2}}" if "year2" in groups else "${year}"
        day = f"{year}-${{dayofyear}}" if "dayofyear" in groups else f"{year}-{has('month', has('name'))}-${{day}}"
    weekday = f" {has('weekday')}" if "weekday" in groups else ""
    hour = has("hour24", has("hour12", "00"))
    fraction = f".{has('fraction')}" if "fraction" in groups else has("point")
    half = f" {has('half')}" if "half" in groups else ""
    return f"{day}{weekday} {hour}:{has('minute', '00')}:{has('second', '00')}{fraction}{half}{has('zone')}"


def _strptime(used: list[Directive]) -> str:
    groups = {part.group: part for part in used}
    if "isoyear" in groups:
        day = "%G-%V-%u"
    elif "dayofyear" in groups:
        day = "%Y-%j"
    else:
        day = f"%Y-{groups['name'].name if 'name' in groups else '%m'}-%d"
    weekday = f" {groups['weekday'].name}" if "weekday" in groups else ""
    time = "%I:%M:%S" if "hour12" in groups else "%H:%M:%S"
    half = " %p" if "half" in groups else ""
    return f"{day}{weekday} {time}%.f{half}{'%#z' if 'zone' in groups else ''}"


def _round_trip(text: str, parts: list[Directive | str], made: Format, kind: str) -> None:
    for instant in _INSTANTS:
        moment = datetime.combine(instant, datetime.min.time(), instant.tzinfo) if kind == "date" else instant
        written = "".join(part if isinstance(part, str) else part.written(moment) for part in parts)
        meant = {part.group: _value(part, part.written(moment)) for part in parts if isinstance(part, Directive)}
        read = [found for shape in made.shapes if (found := re.match(shape.pattern, written))]
        groups = read[0].groupdict() if len(read) == 1 else {}
        got = {part.group: _value(part, groups.get(part.group)) for part in parts if isinstance(part, Directive)}
        if got != meant:
            raise ValueError(f"the format {text!r} does not read {written!r} as it was written — separate its parts")


def _value(part: Directive, written: str | None) -> str:
    """The part without its point and without what is behind microseconds, which are zeros."""
    bare = (written or "").strip(".")
    return bare[:6] if part.meaning == "fraction" else bare


def compile_formats(formats: tuple[str, ...], kind: str) -> tuple[Format, ...]:
    """Compile the formats of one field.

    Raises:
        ValueError: One of them cannot be read, or some have an offset and some have none.
    """
    made = tuple(compile_format(text, kind) for text in formats)
    if len({one.zoned for one in made}) > 1:
        plain = next(text for text, one in zip(formats, made, strict=True) if not one.zoned)
        raise ValueError(
            f"{plain!r} has no offset and another format has one, so the instants of a column could not be compared — "
            "split the column, or add the offset to each value"
        )
    return made


def default_formats(kind: str) -> tuple[str, ...]:
    """Return the ISO 8601 formats of a date or datetime field that has no `format`."""
    return ("%Y-%m-%d",) if kind == "date" else ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def is_zoned(bound: date | float) -> bool:
    """Return whether a bound is a datetime with an offset."""
    return isinstance(bound, datetime) and bound.tzinfo is not None
