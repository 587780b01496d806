"""Numbers of cells as text: the shortest that means the same, and dates in ISO 8601."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from medallion.cleaner.workbook.number_formats import Kind

_DAY = 86_400_000
_LAST_DAY = 2_958_465
"""9999-12-31; Excel shows no date beyond it."""
_LEAP_DAY = 60
"""Excel, as Lotus before it, takes 1900 for a leap year."""


def plain_number(written: str) -> str:
    """Return a number of a cell as text.

    Digits stay as they are. Others are floats, of which Excel writes up to 17 digits: `0.10000000000000001` is 0.1.

    Raises:
        ValueError: It is no number.
    """
    if written.isdecimal() and written.isascii():
        return written
    number = float(written)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(written)
    size = abs(number)
    if size and not 1e-7 <= size < 1e21:
        return repr(number).replace(".0e", "e")
    text = format(Decimal(repr(number)), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def plain_instant(written: str, kind: Kind, *, from_1904: bool) -> str:
    """Return a date, a time of the day or a duration as text; a number that is none as Excel shows it, or as number.

    Excel counts days, and shows thousandths of a second. Floats hold no more.
    """
    serial = float(written)
    thousandths = round(serial * _DAY)
    days, of_day = divmod(thousandths, _DAY)
    if kind is Kind.DURATION:
        return f"{'-' if thousandths < 0 else ''}{_clock(abs(thousandths))}"
    if kind is Kind.TIME and 0 <= serial < 1:
        return _clock(of_day if days == 0 else _DAY - 1)
    if not 0 <= days <= _LAST_DAY - (1462 if from_1904 else 0):
        return plain_number(written)
    if from_1904:
        day = datetime(1904, 1, 1) + timedelta(days=days)
    elif days in (0, _LEAP_DAY):
        shown = "1900-01-00" if days == 0 else "1900-02-29"
        return f"{shown}T{_clock(of_day)}" if of_day else shown
    else:
        day = datetime(1899, 12, 31 if days < _LEAP_DAY else 30) + timedelta(days=days)
    shown = f"{day:%Y-%m-%d}"
    return f"{shown}T{_clock(of_day)}" if of_day else shown


def _clock(thousandths: int) -> str:
    seconds, rest = divmod(thousandths, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    shown = f"{hour:02}:{minute:02}:{second:02}"
    return f"{shown}.{rest:03}".rstrip("0") if rest else shown
