"""Which type each column gets: the one that every value of the file fits and that loses nothing; in doubt, text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medallion.infer.candidates import (
    CANDIDATES,
    COMMAS,
    DATED,
    DIGITS,
    GROUPS,
    INTEGER,
    MARKS,
    POINTS,
    TRUTHS,
    Candidate,
)
from medallion.infer.evidence import Miss, Seen, gather
from medallion.infer.layout import Layout, find_layout
from medallion.infer.names import identifiers

_CODES = re.compile(
    r"(^|_)(zip|zip_?code|postal|post_?code|plz|phone|telephone|tel|mobile|fax|ean|upc|gtin|isbn|ssn|barcode"
    r"|account_(number|no|nr)|acct_(number|no|nr))(_|$)"
)
"""Digits that are no quantity: the next file may have one that begins with a zero."""
_WHICH = "Points, commas or spaces in all values may separate decimals, or groups of digits, or the items of a list"
_NEAR = 0.1
_WORDS = 80
"""Characters of a list of all values."""


@dataclass(frozen=True)
class Guess:
    """One column.

    Attributes:
        name: Its name in the table.
        label: Its name in the file, as a contract's `source` names it.
        terms: What its field says beside its names.
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


def guess(path: Path, header_row: int | None = None) -> Guesses:
    """Read a whole CSV file, plain or gzipped, and guess what its columns are.

    Args:
        path: The file.
        header_row: The line that names the columns; None: to be found.

    Raises:
        NotTabular: It cannot be read, has no rows, or its header is in doubt.
    """
    evidence = gather(path, find_layout(path, header_row))
    names = identifiers([seen.title for seen in evidence.columns])
    columns = tuple(_guess(name, seen, evidence.layout) for name, seen in zip(names, evidence.columns, strict=True))
    return Guesses(evidence.layout, columns, evidence.rows)


def _guess(name: str, seen: Seen, layout: Layout) -> Guess:
    if not seen.present:
        return Guess(name, seen.label, {}, (f"All {seen.rows:,} are empty.",))
    chosen, doubts = _choose(name, seen, layout)
    marks = {word: seen.marks[word] for word in MARKS if seen.marks[word]}
    terms = dict(chosen.terms) if chosen else {}
    sentences = [_sentence(seen, chosen, marks), *doubts]
    if chosen and marks:
        terms["missingValues"] = ["", *marks]
    missing = seen.rows - seen.present
    if missing:
        sentences.append(f"{missing:,} {_are(missing)} empty.")
    if seen.padded and not chosen:
        sentences.append(
            f"{seen.padded.rows:,} begin or end with blanks (line {seen.padded.line}), which are cut: "
            "`clean: []` keeps them."
        )
    if not missing and not marks:
        terms["constraints"] = {"required": True}
    return Guess(name, seen.label, terms, tuple(sentences), seen.is_unique)


def _choose(name: str, seen: Seen, layout: Layout) -> tuple[Candidate | None, list[str]]:
    """Return the type that fits, or None for text; and what is in doubt."""
    values = seen.present - sum(seen.marks.values())
    if values <= sum(seen.marks.values()):
        return None, []
    if truth := _truth(seen):
        return truth, []
    if seen.fits(INTEGER) and _CODES.search(name):
        return None, [f"All are whole numbers, but {name} sounds like a code, which may begin with a zero."]
    if seen.fits(INTEGER):
        return INTEGER, []
    if seen.fits(DIGITS):
        return None, [f"All are digits, but {DIGITS.doubt} ({_at(seen.misses[INTEGER])}): text keeps them."]
    readings = [next(filter(seen.fits, family), None) for family in (POINTS, _commas(layout), GROUPS)]
    point, comma, groups = readings
    if point and not comma and not groups:
        return point, []
    if comma and not point and not groups:
        return comma, []
    if groups or comma:
        return None, [f"{_WHICH}: text until you write `type: number` with `decimalChar` or `groupChar`."]
    dated = [candidate for candidate in DATED if seen.fits(candidate)]
    sure = [candidate for candidate in dated if not candidate.doubt]
    if len({candidate.order for candidate in sure}) == 1:
        return sure[0], list(_against(sure[0], seen))
    if dated:
        return None, [_ambiguous(dated)]
    return None, list(_near(seen, values))


def _truth(seen: Seen) -> Candidate | None:
    """Return the boolean of a column that has both words of a pair and no other."""
    low = {word.lower() for word in seen.words or () if word not in MARKS}
    for yes, no in TRUTHS:
        if low == {yes, no} and (yes != "t" or low <= (seen.words or set())):
            terms = {"type": "boolean", "clean": ["trim", {"case": "lower"}], "trueValues": [yes], "falseValues": [no]}
            return Candidate(f"`{yes}` or `{no}`", terms, f"(?i:{yes}|{no})")
    return None


def _commas(layout: Layout) -> tuple[Candidate, ...]:
    """Return the numbers with a decimal comma, as far as the file may hold them: between commas they are lists."""
    return COMMAS if layout.delimiter != "," else COMMAS[1:]


def _against(chosen: Candidate, seen: Seen) -> Iterator[str]:
    """Say which value decided between the day and the month first."""
    pattern = chosen.terms.get("format", "")
    other = pattern.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    for candidate, miss in seen.misses.items():
        if candidate.terms.get("format") == other != pattern:
            yield f"Not {other}: {_at(miss)}."


def _ambiguous(fitting: list[Candidate]) -> str:
    formats = " and ".join(f"`{candidate.terms['format']}`" for candidate in fitting)
    fit = {1: "fits", 2: "both fit"}.get(len(fitting), "all fit")
    doubt = next((f", and {candidate.doubt}" for candidate in fitting if candidate.doubt), "")
    remedy = f"`type: {fitting[0].terms['type']}` with one of them as `format`" if len(fitting) > 1 else "a type"
    return f"{formats} {fit} every value{doubt}: text until you write {remedy}."


def _near(seen: Seen, values: int) -> Iterator[str]:
    """Say what few values keep a column from being of a type."""
    near = [
        (miss.rows, CANDIDATES.index(candidate), miss)
        for candidate, miss in seen.misses.items()
        if candidate not in seen.hopeless and not candidate.doubt and miss.rows <= max(1, _NEAR * values) < values
    ]
    if near:
        rows, place, miss = min(near, key=lambda one: one[:2])
        yield f"All but {rows:,} ({_at(miss)}) are {CANDIDATES[place].what}: text keeps them."


def _sentence(seen: Seen, chosen: Candidate | None, marks: dict[str, int]) -> str:
    told = ", ".join(f"{rows:,} {_are(rows)} `{word}`" for word, rows in marks.items())
    if chosen is None:
        only = ", ".join(_shown(word) for word in sorted(seen.words or ()))
        what = f"only {only}" if only and len(only) <= _WORDS else f"text, the longest of {seen.longest:,} characters"
        kept = f" {told}: text here; `missingValues` makes it no value." if told else ""
        return f"{seen.present:,} of {seen.rows:,} have a value: {what}.{kept}"
    fit = seen.present - sum(marks.values())
    length = ""
    if chosen.terms["type"] in ("integer", "number"):
        length = f", at most {seen.longest:,} characters long"
    gone = f" {told}: no value." if told else ""
    return f"{fit:,} of {seen.rows:,} are {chosen.what}{length}.{gone}"


def _at(miss: Miss) -> str:
    return f"line {miss.line}: {_shown(miss.value)}"


def _shown(value: str) -> str:
    """A value as a comment can show it: on one line, and short."""
    plain = "".join(sign if sign.isprintable() else "�" for sign in value)
    return f"`{plain[:30]}{'…' if len(plain) > 30 else ''}`"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
