"""What stands around the numbers of a column: one unit in front or behind, and minus signs of accountants."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from medallion.cleaner.rules import TEXT

_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|BRL|MXN|ZAR|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|ILS|"
    "AED|SAR|EGP|NGN|KES|GHS|KRW|TWD|HKD|SGD|MYR|IDR|THB|PHP|VND|PKR|BDT|LKR|CLP|COP|ARS|PEN|UYU"
)
_FRONT = rf"(?:US|CA|AU|NZ|HK|NT|[ACRS])?\$|\p{{Sc}}|(?:{_CODES})|kr\.?|Kr\.?|Fr\.?|SFr\.?|Rs\.?|zł"
_SPACE = "[ \\t\u00a0\u2009\u202f]"
_NUMBER = r"[0-9](?:[0-9.,'’ \u00a0\u2009\u202f]*[0-9])?|[.,][0-9]+"
_BEHIND = r"[^0-9()+\-.,'\s](?:[^0-9()\-]{0,14}[^0-9()\-\s])?[23]?"
_AROUND = (
    rf"^(?P<open>\()?{_SPACE}*(?P<before>-)?{_SPACE}*(?P<front>{_FRONT})?{_SPACE}*(?P<after>-)?"
    rf"(?P<number>{_NUMBER})(?P<gap>{_SPACE}*)(?P<behind>{_BEHIND})?(?P<last>-)?(?P<close>\))?$"
)
_GLUED = frozenset(
    f"{_CODES}|kg|g|mg|µg|t|lb|lbs|oz|km|m|cm|mm|mi|ft|l|L|ml|mL|cl|h|hr|hrs|min|mins|s|sec|secs|ms|W|kW|MW|Wh|kWh|MWh|"
    "GWh|V|mV|mA|Hz|kHz|MHz|GHz|KB|kB|MB|GB|TB|K|k|M|bn|mn|Mio|Mrd|pcs|px|bar|hPa|kPa|Pa|psi|ppm|ppb|mph|km/h|kmh|m/s|"
    "kcal|cal|kJ|ha|m2|m3|km2|cm2|x|st|pp".split("|")
)
"""Letters that are a unit right behind a number, where others are a part of a code: `12kg`, but `12a`."""
_CURRENCY = re.compile(r"[$€£¥₹₽₩₺₴₪฿₫₱]")
_KEPT_BY_CLEANER = re.compile(r"[0-9²³¹.,'’()+\-]")
"""Signs that `bareNumber` never takes away."""


@dataclass(frozen=True)
class Unit:
    """What stands in front of numbers and behind them; nothing where nothing does."""

    front: str = ""
    behind: str = ""

    def __bool__(self) -> bool:
        return bool(self.front or self.behind)

    @property
    def is_bare(self) -> bool:
        """Whether `bareNumber: false` takes it away."""
        return not _KEPT_BY_CLEANER.search(self.front + self.behind)

    @property
    def has_fractions(self) -> bool:
        """Whether what it measures has fractions, though a file may have none: money, and shares."""
        return bool(self.front) or self.behind in ("%", "‰", *_CODES.split("|")) or bool(_CURRENCY.match(self.behind))

    def __str__(self) -> str:
        places = [f"begin with `{self.front}`"] if self.front else []
        return " and ".join([*places, *([f"end with `{self.behind}`"] if self.behind else [])])


@dataclass
class Spelling:
    """How the numbers of a column are written.

    Attributes:
        unit: Their unit.
        rows: Values with it.
        zeros: Zeros without it.
        others: Numbers with another unit or without one, and their rows.
        other: The first of them: its line and itself.
        brackets: Negative numbers in brackets, and the first of them.
        minus: Values with a minus in front, and no brackets.
        minus_first: Those with a minus before the unit.
        minus_last: Values with a minus at the end.
    """

    unit: Unit = field(default_factory=Unit)
    rows: int = 0
    zeros: int = 0
    others: Counter[Unit] = field(default_factory=Counter)
    other: tuple[int, str] | None = None
    brackets: int = 0
    minus: int = 0
    minus_first: int = 0
    minus_last: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether nothing has to be taken away."""
        return not (self.unit or self.brackets or self.minus_last)

    @property
    def is_mixed(self) -> bool:
        """Whether numbers have several units, or some have none."""
        return bool(self.others)

    def rules(self) -> list[Any]:
        """Return the cleaning rules that make numbers of its values."""
        rules: list[Any] = ["trim"]
        if self.brackets:
            rules.append({"replace_pattern": r"^\((.*)\)$", "by": "-${1}"})
        if self.minus_last:
            rules.append({"replace_pattern": "^([^-].*)-$", "by": "-${1}"})
        if self.unit.front:
            rules.append({"replace_pattern": rf"^(-?)\s*{escaped(self.unit.front)}\s*", "by": "${1}"})
        if self.unit.behind:
            rules.append({"replace_pattern": rf"\s*{escaped(self.unit.behind)}$", "by": ""})
        return rules

    def terms(self) -> dict[str, Any]:
        """Return what a field has to say about it.

        The unit is required: a value with another one would else be read as if it had this one.
        """
        if self.is_plain:
            return {}
        unit = self.unit
        if self.brackets or self.minus_first or self.minus_last or not unit.is_bare or not unit:
            return {"clean": self.rules()}
        front, behind = escaped(unit.front), escaped(unit.behind)
        whole = f"{front}.*{behind}"
        return {"bareNumber": False, "constraints": {"pattern": f"{whole}|[0.,]+" if self.zeros else whole}}


def escaped(text: str) -> str:
    """Return the regular expression of a text, as short as Python and the cleaner's engine both read it."""
    return re.sub(r"[.^$*+?()\[\]{}|\\]", r"\\\g<0>", text)


def common_unit(values: pl.DataFrame) -> Unit:
    """Return the unit that most of some values have; none if none does."""
    parts = _parts(values)
    units: Counter[Unit] = Counter()
    known: Counter[Unit] = Counter()
    for front, gap, behind, rows in parts.drop_nulls("number").select("front", "gap", "behind", "rows").rows():
        if gap or not behind.isalpha() or behind in _GLUED:
            units[Unit(front, behind)] += rows
            if front or behind in _GLUED or not behind.isalpha():
                known[Unit(front, behind)] += rows
    del known[Unit()]
    half = int(values["rows"].sum()) / 2
    unit, rows = units.most_common(1)[0] if units else (Unit(), 0)
    if rows > half:
        return unit
    # Of several the first is taken, so that the others are found.
    return known.most_common(1)[0][0] if known.total() > half else Unit()


def stripped(spelling: Spelling, values: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count how some values are written, and take away what is around their numbers.

    Args:
        spelling: Receives the counts.
        values: Distinct values as `TEXT`, with their rows.

    Returns:
        The values with the bare number as `TEXT`, and those with another unit.
    """
    parts = _parts(values)
    number, unit = pl.col("number"), spelling.unit
    minus = pl.sum_horizontal(pl.col(name).is_not_null() for name in ("open", "before", "after", "last"))
    mine = (pl.col("front") == unit.front) & (pl.col("behind") == unit.behind)
    bare = (pl.col("front") == "") & (pl.col("behind") == "")
    zero = bare & number.str.contains("^[0.,]+$")
    read = number.is_not_null() & (minus <= 1) & (pl.col("open").is_null() == pl.col("close").is_null())
    parts = parts.with_columns(_read=read, _minus=minus > 0, _mine=read & mine, _zero=read & zero & ~mine)
    signed = pl.concat_str(pl.when("_minus").then(pl.lit("-")).otherwise(pl.lit("")), number)
    core = pl.when("_mine").then(signed).when("_zero").then(number).otherwise(pl.col(TEXT))
    own = parts.filter("_mine")
    spelling.rows += int(own["rows"].sum())
    spelling.zeros += int(parts.filter("_zero")["rows"].sum())
    for name, column in (("brackets", "open"), ("minus_first", "before"), ("minus_last", "last")):
        rows = int(own.filter(pl.col(column).is_not_null())["rows"].sum())
        if name != "minus_first" or unit.front:
            setattr(spelling, name, getattr(spelling, name) + rows)
    in_front = pl.col("before").is_not_null() | pl.col("after").is_not_null()
    spelling.minus += int(own.filter(in_front)["rows"].sum())
    others = parts.filter(pl.col("_read") & ~pl.col("_mine") & ~pl.col("_zero"))
    for front, behind, rows in others.group_by("front", "behind").agg(pl.col("rows").sum()).rows():
        if len(spelling.others) < 20:
            spelling.others[Unit(front, behind)] += rows
    return parts.with_columns(core.alias(TEXT)).select(values.columns), others.select(values.columns)


def _parts(values: pl.DataFrame) -> pl.DataFrame:
    parts = values.with_columns(pl.col(TEXT).str.extract_groups(_AROUND).alias("_parts")).unnest("_parts")
    return parts.with_columns(pl.col("front", "gap", "behind").fill_null(""))
