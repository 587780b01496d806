"""Which type each column gets: the one that every value of the file fits and that loses nothing; in doubt, text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medallion.infer.candidates import (
    COMMAS,
    DATED,
    DIGITS,
    GROUPS,
    INTEGER,
    JUNK,
    MARKS,
    POINT_GROUPS,
    POINTS,
    SURE_COMMAS,
    TRUTHS,
    Candidate,
)
from medallion.infer.dates import mixture
from medallion.infer.evidence import Evidence, Seen, gather
from medallion.infer.layout import Layout, find_layout
from medallion.infer.names import identifiers
from medallion.infer.wording import against, ambiguous, are, at, near, sentence

_CODES = re.compile(
    r"(^|_)(zip|zip_?code|postal|post_?code|plz|phone|telephone|tel|mobile|fax|ean|upc|gtin|isbn|ssn|barcode"
    r"|account_(number|no|nr)|acct_(number|no|nr))(_|$)"
)
"""Digits that are no quantity: the next file may have one that begins with a zero."""
_POINT_GROUPS = "`decimalChar: ','` with `groupChar: .`"
_FEW = 0.2
"""The largest share of junk among the values of a column with a type."""
_LONGEST_KEY = 600
"""Characters: an index of Postgres takes 2,704 bytes, and a character has at most four."""
_WHICH = "Points, commas or spaces in all values may separate decimals, or groups of digits, or the items of a list"


@dataclass(frozen=True)
class Guess:
    """One column.

    Attributes:
        name: Its name in the table.
        label: Its name in the file, as a contract's `source` names it.
        terms: The keys of its field in the contract, without its names.
        evidence: What of the file speaks for it, in sentences.
        key: Whether it could be the primary key.
    """

    name: str
    label: str
    terms: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    key: bool = False

    def as_text(self, why: str) -> Guess:
        """Return the guess without a type and without constraints, because a proof failed."""
        return replace(self, terms={}, evidence=(*self.evidence, why), key=False)


@dataclass(frozen=True)
class Guesses:
    """A file's layout, its columns, and its number of rows."""

    layout: Layout
    columns: tuple[Guess, ...]
    rows: int


def guess(path: Path, header_row: int | None = None, encoding: str | None = None) -> Guesses:
    """Read a whole CSV file, plain or gzipped, and guess what its columns are.

    Args:
        path: The file.
        header_row: The line that names the columns; None: to be found.
        encoding: How its text is encoded; None: to be found.

    Raises:
        NotTabular: It cannot be read, has no rows, or its header is in doubt.
    """
    evidence = gather(path, find_layout(path, header_row, encoding))
    names = identifiers([seen.title for seen in evidence.columns])
    commas = _commas(evidence)
    columns = tuple(_guess(name, seen, commas) for name, seen in zip(names, evidence.columns, strict=True))
    return Guesses(evidence.layout, columns, evidence.rows)


def _guess(name: str, seen: Seen, commas: tuple[tuple[Candidate, ...], bool]) -> Guess:
    if not seen.present:
        return Guess(name, seen.label, {}, (f"All {seen.rows:,} are empty.",))
    chosen, doubts = _choose(name, seen, commas)
    marks = {word: seen.marks[word] for word in (*MARKS, *JUNK) if seen.marks[word]}
    terms = dict(chosen.terms) if chosen else {}
    sentences = [sentence(seen, chosen, marks), *doubts]
    if chosen and marks:
        terms["missingValues"] = ["", *marks]
    missing = seen.rows - seen.present
    if missing:
        sentences.append(f"{missing:,} {are(missing)} empty.")
    if seen.padded and not chosen:
        sentences.append(
            f"{seen.padded.rows:,} begin or end with blanks (line {seen.padded.line}), which are cut: "
            "`clean: []` keeps them."
        )
    if not missing and not marks:
        terms["constraints"] = {"required": True}
    return Guess(name, seen.label, terms, tuple(sentences), seen.is_unique and seen.longest <= _LONGEST_KEY)


def _choose(name: str, seen: Seen, commas: tuple[tuple[Candidate, ...], bool]) -> tuple[Candidate | None, list[str]]:
    """Return the type that fits, or None for text; and what is in doubt."""
    values = seen.present - sum(seen.marks.values())
    if values <= sum(seen.marks.values()):
        return None, []
    junk = sum(seen.marks[word] for word in JUNK)
    if junk > _FEW * seen.present:
        return None, [f"{junk:,} of them are no values of a type, too many to take them for missing ones."]
    if truth := _truth(seen):
        return truth, []
    if seen.fits(INTEGER) and _CODES.search(name):
        return None, [f"All are whole numbers, but {name} sounds like a code, which may begin with a zero."]
    if seen.fits(INTEGER):
        return INTEGER, []
    if seen.fits(DIGITS):
        return None, [f"All are digits, but {DIGITS.doubt} ({at(seen.misses[INTEGER])}): text keeps them."]
    if (number := _number(seen, *commas)) is not None:
        return number
    if seen.dates is not None and seen.dates.is_mixed:
        return mixture(seen.dates)
    dated = [candidate for candidate in DATED if seen.fits(candidate)]
    sure = [candidate for candidate in dated if not candidate.doubt]
    if len({candidate.order for candidate in sure}) == 1:
        return sure[0], list(against(sure[0], seen))
    if dated:
        return None, [ambiguous(dated)]
    return None, list(near(seen, values))


def _truth(seen: Seen) -> Candidate | None:
    """Return the boolean of a column of one pair of words, or of several where one pair is beyond doubt."""
    low = {word.lower() for word in seen.words or () if word not in MARKS and word not in JUNK}
    for yes, no in TRUTHS:
        if low == {yes, no} and (yes != "t" or low <= (seen.words or set())):
            return _boolean([yes], [no])
    yes_words, no_words = ([pair[place] for pair in (*TRUTHS, ("1", "0")) if pair[place] in low] for place in (0, 1))
    if low == {*yes_words, *no_words} and any({*pair} <= low for pair in TRUTHS[:2]):
        return _boolean(yes_words, no_words)
    return None


def _boolean(yes: list[str], no: list[str]) -> Candidate:
    terms = {"type": "boolean", "clean": ["trim", {"case": "lower"}], "trueValues": yes, "falseValues": no}
    return Candidate(" or ".join(f"`{word}`" for word in (*yes, *no)), terms, "")


def _number(seen: Seen, commas: tuple[Candidate, ...], usual: bool) -> tuple[Candidate | None, list[str]] | None:
    """Return the number that fits, if any; text where its signs can be read in two ways."""
    point, comma, group = (next(filter(seen.fits, family), None) for family in (POINTS, commas, GROUPS))
    in_points = seen.fits(POINT_GROUPS)
    if point and in_points and not usual:
        return point, [f"If the point separates groups of digits: {_POINT_GROUPS}."]
    if point and not comma and not group and not in_points:
        return point, []
    # A few values with a decimal comma do not say what the comma of all others is.
    few_decimals = not seen.fits(SURE_COMMAS) and GROUPS[0] not in seen.hopeless
    if comma and not point and not group and not in_points and not few_decimals:
        return comma, []
    if point or comma or group or in_points:
        return None, [f"{_WHICH}: text until you write `type: number` with `decimalChar` or `groupChar`."]
    return None


def _commas(evidence: Evidence) -> tuple[tuple[Candidate, ...], bool]:
    """Return the numbers with a decimal comma that the file may hold, and whether a column has such numbers."""
    if evidence.layout.delimiter == ",":
        return (), False  # between commas they are lists
    others = (INTEGER, DIGITS, *POINTS)
    return COMMAS, any(
        any(map(seen.fits, COMMAS)) and not any(map(seen.fits, others)) for seen in evidence.columns if seen.present
    )
