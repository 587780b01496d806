"""Which type the values of a column have: the one that takes all of them and keeps them as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

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
from medallion.infer.junk import MOST_OTHER_DATES
from medallion.infer.numbers import Signs, number
from medallion.infer.seen import Seen
from medallion.infer.wording import against, all_but, ambiguous, are, at
from medallion.infer.words import TRUTHS, is_listed

_CODES = re.compile(
    r"(^|_)(zip|zip_?code|postal|post_?code|plz|phone|telephone|tel|mobile|fax|ean|upc|gtin|isbn|ssn|barcode"
    r"|account_(number|no|nr)|acct_(number|no|nr))(_|$)"
)
"""Digits that are no quantity: the next file may have one that begins with a zero."""
_NEAR = 0.1
"""The largest share of other values for a comment that names a type."""


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
    if spelling is not None and (doubt := _doubtful_minus(seen)):
        return Type(None, (doubt,))
    if seen.fits(INTEGER):
        return Type(_measured(INTEGER, seen, signs))
    if seen.fits(DIGITS):
        return Type(None, (f"All are digits, but {DIGITS.doubt} ({at(seen.misses[INTEGER])}): text keeps them.",))
    if (found := number(seen, signs)) is not None:
        return replace(found, candidate=found.candidate and _measured(found.candidate, seen, signs))
    dated = [candidate for candidate in DATED if seen.fits(candidate)]
    sure = [candidate for candidate in dated if not candidate.doubt]
    if len({candidate.order for candidate in sure}) == 1:
        return Type(sure[0], tuple(_decided(sure[0], seen)))
    if seen.short_years is not None and (short := seen.short_years.reading(dated)) is not None:
        return Type(replace(short[0], doubt=""), (short[1],))
    if dated:
        return Type(None, (ambiguous(dated),))
    return _almost(seen, signs)


def _measured(candidate: Candidate, seen: Seen, signs: Signs) -> Candidate:
    """Return whole numbers of money or per cent as numbers: next month's may have a fraction."""
    terms = candidate.terms
    if terms["type"] != "integer" or seen.spelling is None or not seen.spelling.unit.has_fractions:
        return candidate
    comma = terms.get("groupChar") == "." or (signs.usual and terms.get("groupChar") != ",")
    return replace(candidate, terms={**terms, "type": "number", **({"decimalChar": ","} if comma else {})})


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
    near = {
        one: seen.misses[one]
        for one in (INTEGER, *POINTS[:1], *signs.commas[:1], *DATED)
        if one in seen.misses
        and one not in seen.hopeless
        and not one.doubt
        and seen.misses[one].rows <= max(1, _NEAR * seen.digits) < seen.digits
    }
    if (whole := near.get(INTEGER)) is not None:
        # They may be codes, of which others have letters.
        return Type(None, (all_but(whole.rows, at(whole), INTEGER.what),))
    if not near or len({(one.terms["type"], one.order, one.terms.get("decimalChar")) for one in near}) > 1:
        return TEXT
    best, miss = min(near.items(), key=lambda pair: pair[1].rows)
    numeric = LOOSE in seen.misses and seen.misses[LOOSE].rows
    if best.terms["type"] == "number" and numeric != miss.rows:
        # A number that is written in a way that loses something is no misfit.
        return Type(None, (all_but(miss.rows, at(miss), best.what),))
    return Type(best, tuple(_decided(best, seen)), miss.rows, at(miss))


def _doubtful_minus(seen: Seen) -> str:
    """Return why brackets or a minus at the end may not make numbers negative."""
    spelling = seen.spelling
    assert spelling is not None
    around = spelling.brackets + spelling.minus_last
    if not around:
        return ""
    what = f"{around:,} {are(around)} in brackets or {'has' if around == 1 else 'have'} a minus at the end"
    if seen.fits(INTEGER) and not spelling.unit:
        return f"{what}, which may be a remark on a whole number: text keeps it."
    if 2 * around > seen.digits or spelling.minus or (spelling.brackets and spelling.minus_last):
        return f"{what}, which is not how the others show a negative number: text keeps it."
    return ""


def _mixed_units(seen: Seen) -> str:
    spelling = seen.spelling
    assert spelling is not None
    unit, other = spelling.unit, spelling.other
    where = f" (line {other[0]}: `{other[1]}`)" if other else ""
    others = sum(spelling.others.values())
    have = f"{spelling.rows:,} {unit}" if unit else f"{spelling.rows:,} are numbers without a unit"
    return f"{have}, {others:,} have another unit or none{where}: text, as a column of numbers has one unit."
