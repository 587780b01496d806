"""The directives of strptime that a format may have: what each looks like, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Directive:
    """One directive.

    Attributes:
        name: What chrono calls it, for the canonical text.
        meaning: The part of an instant that it is; a format has each part once.
        group: Its group in the shape.
        exact: What it looks like next to another digit.
        loose: What it looks like elsewhere: a leading zero may lack.
        write: Writes it, for the round trip.
        midnight: What it looks like at the beginning of a day; empty if it is no part of a time.
        numeric: Whether it is made of digits.
        unpadded: Whether it is written without its leading zero.
        around: What is skipped before and after the group.
    """

    name: str
    meaning: str
    group: str
    exact: str
    loose: str
    write: Callable[[datetime], str]
    midnight: str = ""
    numeric: bool = True
    unpadded: bool = False
    around: tuple[str, str] = ("", "")

    def written(self, moment: datetime) -> str:
        """Return the part of an instant as text."""
        return self.write(moment)


def _numbers(name: str, meaning: str, group: str, exact: str, loose: str, attribute: Callable[[datetime], int],
             midnight: str = "") -> dict[str, Directive]:  # fmt: skip
    padded = Directive(f"%{name}", meaning, group, exact, loose, lambda moment: f"{attribute(moment):02}", midnight)
    bare = Directive(
        f"%{name}", meaning, group, loose, loose, lambda moment: str(attribute(moment)), midnight, unpadded=True
    )
    return {f"%{name}": padded, f"%-{name}": bare}


def _names(name: str, meaning: str, group: str, names: tuple[str, ...], index: Callable[[datetime], int]) -> Directive:
    shape = f"(?i:{'|'.join(names)})"
    return Directive(name, meaning, group, shape, shape, lambda moment: names[index(moment)], numeric=False)


def _fraction(digits: int, point: bool, most: str = "") -> Directive:
    """A fraction of a second, of so many digits (0: up to six, and zeros behind), maybe with its point."""
    width = f"{{{min(digits, 6)}}}" if digits else "{1,6}"
    zeros = most or ("0{3}" if digits == 9 else "" if digits else "0*")
    dot, wide = (r"\." if point else ""), digits or 6

    def write(moment: datetime) -> str:
        return ("." if point else "") + f"{moment.microsecond:06}".ljust(wide, "0")[:wide]

    if point and not digits:
        # chrono's %.f may be absent.
        shape = rf"\.[0-9]{width}"
        return Directive("%.f", "fraction", "point", shape, shape, write, r"\.0{1,6}", around=("(?:", "0*)?"))
    shape = f"[0-9]{width}"
    return Directive("%.f", "fraction", "fraction", shape, shape, write, f"0{width}", around=(dot, zeros))


def _offset(colon: str) -> Directive:
    shape = r"Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?"

    def write(moment: datetime) -> str:
        sign_hours, minutes = moment.strftime("%z")[:3], moment.strftime("%z")[3:5]
        return f"{sign_hours}{colon}{minutes}"

    return Directive("%#z", "zone", "zone", shape, shape, write, numeric=False)


DIRECTIVES: dict[str, Directive] = {
    "%Y": Directive("%Y", "year", "year", "[0-9]{4}", "[0-9]{4}", lambda moment: f"{moment.year:04}"),
    "%y": Directive("%y", "year", "year2", "[0-9]{2}", "[0-9]{2}", lambda moment: f"{moment.year % 100:02}"),
    **_numbers("m", "month", "month", "0[1-9]|1[0-2]", "0?[1-9]|1[0-2]", lambda moment: moment.month),
    **_numbers("d", "day", "day", "0[1-9]|[12][0-9]|3[01]", "0?[1-9]|[12][0-9]|3[01]", lambda moment: moment.day),
    "%b": _names("%b", "month", "name", tuple(name[:3] for name in _MONTHS), lambda moment: moment.month - 1),
    "%h": _names("%b", "month", "name", tuple(name[:3] for name in _MONTHS), lambda moment: moment.month - 1),
    "%B": _names("%B", "month", "name", _MONTHS, lambda moment: moment.month - 1),
    "%j": Directive(
        "%j", "dayofyear", "dayofyear", "[0-9]{3}", "[0-9]{3}", lambda moment: f"{moment.timetuple().tm_yday:03}"
    ),
    "%G": Directive("%G", "isoyear", "isoyear", "[0-9]{4}", "[0-9]{4}", lambda m: f"{m.isocalendar()[0]:04}"),
    "%V": Directive("%V", "isoweek", "isoweek", "[0-9]{2}", "[0-9]{2}", lambda m: f"{m.isocalendar()[1]:02}"),
    "%u": Directive("%u", "isoday", "isoday", "[1-7]", "[1-7]", lambda moment: str(moment.isoweekday())),
    "%a": _names("%a", "weekday", "weekday", tuple(name[:3] for name in _DAYS), lambda moment: moment.weekday()),
    "%A": _names("%A", "weekday", "weekday", _DAYS, lambda moment: moment.weekday()),
    **_numbers("H", "hour", "hour24", "[01][0-9]|2[0-3]", "[01]?[0-9]|2[0-3]", lambda moment: moment.hour, "00?"),
    **_numbers("I", "hour", "hour12", "0[1-9]|1[0-2]", "0?[1-9]|1[0-2]", lambda moment: (moment.hour - 1) % 12 + 1,
               "12"),
    "%M": Directive("%M", "minute", "minute", "[0-5][0-9]", "[0-5][0-9]", lambda moment: f"{moment.minute:02}", "00"),
    "%S": Directive("%S", "second", "second", "[0-5][0-9]", "[0-5][0-9]", lambda moment: f"{moment.second:02}", "00"),
    "%p": Directive("%p", "half", "half", "(?i:[ap]m)", "(?i:[ap]m)", lambda moment: "PM" if moment.hour > 11 else "AM",
                    "(?i:am)", numeric=False),
    "%f": _fraction(0, point=False),
    "%.f": _fraction(0, point=True),
    **{f"%.{digits}f": _fraction(digits, point=True) for digits in (3, 6, 9)},
    **{f"%{digits}f": _fraction(digits, point=False) for digits in (3, 6, 9)},
    "%z": _offset(""),
    "%:z": _offset(":"),
    "%#z": _offset(""),
}  # fmt: skip
"""The directives that are read, by how a format writes them."""
DIRECTIVES["%P"] = DIRECTIVES["%p"]

COMPOSITES = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
"""Directives that stand for several."""

_LOCAL = ("depends on a language", "write its parts, such as %d/%m/%Y")
_WEEKS = ("is a week that no day follows from", "write %G-W%V-%u for ISO weeks")
NOT_READ: dict[str, tuple[str, str]] = {
    "%Z": ("is the name of a zone, and names such as EST or CST stand for several offsets", "write offsets, with %z"),
    "%s": ("counts seconds", "load it as a number, and compute the instant in a dbt model"),
    "%e": ("is padded with a space", "write %d after the cleaning rule collapse_whitespace"),
    "%w": ("is a weekday from 0 on", "write %a, %A or %u"),
    **dict.fromkeys(("%c", "%x", "%X", "%r", "%v"), _LOCAL),
    **dict.fromkeys(("%U", "%W"), _WEEKS),
}
"""Directives that are refused: why, and what to write instead."""
