"""Columns of numbers: which signs separate decimals, and which separate groups of digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medallion.infer.candidates import (
    COMMAS,
    DIGITS,
    GROUPS,
    INTEGER,
    NUMBER,
    NUMBERS,
    POINT_GROUPS,
    POINTS,
    SURE_COMMAS,
    Candidate,
)
from medallion.infer.column_type import Type
from medallion.infer.key_sets import names_key
from medallion.infer.seen import Seen

_POINT_GROUPS = "`decimalChar: ','` with `groupChar: .`"
_WHICH = "Points, commas or spaces in all values may separate decimals, or groups of digits, or the items of a list"
_COMMA_COUNTRIES = ("€", "EUR", "kr", "kr.", "Kr.", "zł", "R$")


@dataclass(frozen=True)
class Signs:
    """What signs between digits may mean in a file.

    Attributes:
        commas: Numbers with a decimal comma that it may hold.
        usual: Whether a column has such numbers.
        groups: Signs that separate groups of digits in a column, beyond doubt.
    """

    commas: tuple[Candidate, ...]
    usual: bool
    groups: frozenset[str] = frozenset()


def signs_of(delimiter: str, columns: Sequence[Seen]) -> Signs:
    """Return what signs between digits may mean in a file."""
    commas = () if delimiter == "," else COMMAS  # between commas they are lists
    groups = frozenset(
        sign
        for seen in columns
        for sign, one in seen.grouping.items()
        if (one.is_sure or one.decimals) and _grouped(seen, sign)
    )
    others = (INTEGER, DIGITS, *POINTS)
    usual = any(any(map(seen.fits, commas)) and not any(map(seen.fits, others)) for seen in columns if seen.digits)
    return Signs(commas, usual, groups)


def _grouped(seen: Seen, sign: str) -> bool:
    return any(seen.fits(one) for one in NUMBERS if one.terms.get("groupChar") == sign)


def number(seen: Seen, signs: Signs) -> Type | None:
    """Return the number that fits, if any; text where its signs can be read in two ways."""
    if (grouped := _surely_grouped(seen, signs)) is not None:
        return grouped
    point = NUMBER if seen.fits(NUMBER) else None
    comma = COMMAS[0] if signs.commas and seen.fits(COMMAS[0]) else None
    maybe = [one for one in (*GROUPS, *POINTS[1:], *signs.commas[1:]) if seen.fits(one)]
    in_points = seen.fits(POINT_GROUPS)
    if point and in_points and not signs.usual:
        return Type(point, (f"If the point separates groups of digits: {_POINT_GROUPS}.",))
    if point and not comma and not _others(maybe, point) and not in_points:
        return Type(point)
    # A few values with a decimal comma do not say what the comma of all others is.
    few_decimals = not seen.fits(SURE_COMMAS) and GROUPS[0] not in seen.hopeless
    if comma and not point and not _others(maybe, comma) and not in_points and not few_decimals:
        return Type(comma)
    if point or comma or maybe or in_points:
        return Type(None, (f"{_WHICH}: text until you write `type: number` with `decimalChar` or `groupChar`.",))
    return None


def _others(maybe: list[Candidate], chosen: Candidate) -> list[Candidate]:
    """Return the candidates that read a separator in another way; those that only allow a group are the same."""
    decimal = chosen.terms.get("decimalChar", ".")
    return [one for one in maybe if one.terms["type"] != "number" or one.terms.get("decimalChar", ".") != decimal]


def _surely_grouped(seen: Seen, signs: Signs) -> Type | None:
    """Return the number whose groups are beyond doubt."""
    for one in (*POINTS[1:], *signs.commas[1:]):
        grouping = seen.grouping.get(one.terms["groupChar"])
        if grouping is not None and grouping.decimals and seen.fits(one):
            return Type(one)
    for one in (*GROUPS, *((POINT_GROUPS,) if signs.commas else ())):
        sign = one.terms["groupChar"]
        grouping = seen.grouping.get(sign)
        if grouping is None or not grouping.rows or not seen.fits(one):
            continue
        usual = sign in signs.groups and any(lead < 3 for lead in grouping.leads) and not names_key(seen.title)
        if grouping.is_sure or usual or (sign == "," and _is_amount(seen)):
            return Type(replace(one, doubt=""))
    for one in (*POINTS[1:], *signs.commas[1:]):
        grouping = seen.grouping.get(one.terms["groupChar"])
        if grouping is not None and grouping.is_sure and seen.fits(one):
            return Type(one)
    return None


def _is_amount(seen: Seen) -> bool:
    """Return whether a currency stands around the numbers that has no decimal comma anywhere it is used."""
    front = seen.spelling.unit.front if seen.spelling else ""
    return bool(front) and front not in _COMMA_COUNTRIES
