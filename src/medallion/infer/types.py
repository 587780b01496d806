"""Which type the values of a column have: the one that takes all of them and keeps them as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from medallion.infer.candidates import (
    DATED,
    DIGITS,
    INTEGER,
    LOOSE,
    POINTS,
    Candidate,
)
from medallion.infer.column_type import TEXT, Type
from medallion.infer.dates import mixture, readings_compared
from medallion.infer.junk import MOST_OTHER_DATES, affordable
from medallion.infer.numbers import Signs, number
from medallion.infer.seen import Seen
from medallion.infer.wording import against, ambiguous, at
from medallion.infer.words import TRUTHS, is_listed

_CODES = re.compile(
    r"(^|_)(zip|zip_?code|postal|post_?code|plz|phone|telephone|tel|mobile|fax|ean|upc|gtin|isbn|ssn|barcode"
    r"|account_(number|no|nr)|acct_(number|no|nr))(_|$)"
)
"""Digits that are no quantity: the next file may have one that begins with a zero."""


def type_of(name: str, seen: Seen, signs: Signs) -> Type:
    """Return the type of the values with a digit of a column.

    Args:
        name: Of the column in the table.
        seen: What is known of it.
        signs: What signs between digits may mean in its file.
    """
    spelling = seen.spelling
    if spelling is not None and spelling.is_mixed:
        return Type(None, (_mixed_units(seen),))
    if seen.fits(INTEGER) and _CODES.search(name):
        return Type(None, (f"All are whole numbers, but {name} sounds like a code, which may begin with a zero.",))
    if seen.fits(INTEGER):
        return Type(INTEGER)
    if seen.fits(DIGITS):
        return Type(None, (f"All are digits, but {DIGITS.doubt} ({at(seen.misses[INTEGER])}): text keeps them.",))
    if (found := number(seen, signs)) is not None:
        return found
    dated = [candidate for candidate in DATED if seen.fits(candidate)]
    sure = [candidate for candidate in dated if not candidate.doubt]
    if len({candidate.order for candidate in sure}) == 1:
        return Type(sure[0], tuple(_decided(sure[0], seen)))
    if dated:
        return Type(None, (ambiguous(dated),))
    return _almost(seen, signs)


def truth(seen: Seen) -> Candidate | None:
    """Return the boolean of a column of one pair of words, or of several where one pair is beyond doubt."""
    words = {word for word in seen.words or () if not is_listed(word)}
    low = {word.lower() for word in words}
    for yes, no in TRUTHS:
        if low == {yes, no} and (yes != "t" or low <= words):
            return _boolean([yes], [no])
    yes_words, no_words = ([pair[place] for pair in (*TRUTHS, ("1", "0")) if pair[place] in low] for place in (0, 1))
    if low == {*yes_words, *no_words} and any({*pair} <= low for pair in TRUTHS[:2]):
        return _boolean(yes_words, no_words)
    return None


def _boolean(yes: list[str], no: list[str]) -> Candidate:
    terms = {"type": "boolean", "clean": ["trim", {"case": "lower"}], "trueValues": yes, "falseValues": no}
    return Candidate(" or ".join(f"`{word}`" for word in (*yes, *no)), terms, "")


def _decided(chosen: Candidate, seen: Seen) -> Iterable[str]:
    if seen.dates is not None and chosen.terms["type"] == "date":
        return readings_compared(seen.dates, chosen.terms.get("format", "%Y-%m-%d"))
    return against(chosen, seen)


def _almost(seen: Seen, signs: Signs) -> Type:
    """Return the type that takes all but so few values that their rows may be rejected."""
    if seen.dates is not None and 2 * seen.dates.others < seen.digits:
        mixed = mixture(seen.dates)
        if mixed.candidate is None and not seen.dates.others:
            return Type(None, mixed.notes)
        if mixed.candidate is not None:
            example = next(iter(seen.dates.wrong.values()), None)
            shown = f"line {example[0]}: `{example[1]}`" if example else ""
            return Type(mixed.candidate, mixed.notes, mixed.rejected, shown, MOST_OTHER_DATES)
    possible = [
        (seen.misses[one].rows, one)
        for one in (*POINTS[:1], *signs.commas[:1], *DATED)
        if one in seen.misses
        and one not in seen.hopeless
        and not one.doubt
        and affordable(seen.misses[one].rows, seen.digits)
    ]
    best = [one for rows, one in possible if rows == min(possible, key=lambda pair: pair[0])[0]]
    numeric = LOOSE in seen.misses and seen.misses[LOOSE].rows
    if len({(one.terms["type"], one.order, one.terms.get("decimalChar")) for _, one in possible}) != 1 or (
        # A number that is written in a way that loses something is no misfit.
        best[0].terms["type"] == "number" and numeric != seen.misses[best[0]].rows
    ):
        return TEXT
    miss = seen.misses[best[0]]
    return Type(best[0], tuple(_decided(best[0], seen)), miss.rows, at(miss))


def _mixed_units(seen: Seen) -> str:
    spelling = seen.spelling
    assert spelling is not None
    unit, other = spelling.unit, spelling.other
    where = f" (line {other[0]}: `{other[1]}`)" if other else ""
    others = sum(spelling.others.values())
    have = f"{spelling.rows:,} {unit}" if unit else f"{spelling.rows:,} are numbers without a unit"
    return f"{have}, {others:,} have another unit or none{where}: text, as a column of numbers has one unit."
