"""The values of a block, added to what was counted of their column."""

from __future__ import annotations

from collections import Counter
from functools import cache, partial

import polars as pl

from medallion.cleaner.rules import TEXT
from medallion.infer.candidates import COMMAS, NUMBERS, SURE_COMMAS, Candidate
from medallion.infer.dates import WAYS, Dates, looks_dated, readings
from medallion.infer.grouping import Grouping
from medallion.infer.place import Place
from medallion.infer.seen import Miss, Seen
from medallion.infer.short_years import ShortYears, looks_short
from medallion.infer.trials import refused, trials
from medallion.infer.units import Spelling, common_unit, stripped
from medallion.infer.words import LISTED, WITH_DIGITS

WORDS = 50
"""Distinct values of a column that are counted one by one."""
_ODD = 200
_HOPELESS = 100
_LONGEST_WORD = 20
_LOOKS = 50
_GROUPED = {sign: [one for one in NUMBERS if one.terms.get("groupChar") == sign] for sign in (",", " ", "'", ".")}
_NUMBERS = frozenset(NUMBERS)


def count(seen: Seen, place: Place) -> None:
    """Add the values of a block to what was counted of a column."""
    if not place.rows:
        return
    filled = place.values()
    seen.rows += place.rows
    seen.present += int(filled["rows"].sum())
    if filled.is_empty():
        return
    lengths = filled[TEXT].str.len_chars()
    seen.longest = max(seen.longest, int(lengths.max()))  # type: ignore[arg-type]
    seen.shortest = min(seen.shortest, int(lengths.min()))  # type: ignore[arg-type]
    _note_padding(seen, filled, place)
    _note_words(seen, filled)
    has_digit = filled[TEXT].str.contains("[0-9]") & ~filled[TEXT].is_in(WITH_DIGITS)
    _note_listed(seen, filled)
    _note_odd(seen, filled.filter(~has_digit), place)
    values = filled.filter(has_digit)
    if seen.odd is None or values.is_empty():
        return
    if not seen.judged:
        _look(seen, values, place)
    if seen.short_years is not None:
        seen.short_years.add(values)
    if seen.dates is not None:
        _note_dates(seen.dates, values, place)
    _try(seen, _bare(seen, values, place), place)


def _look(seen: Seen, values: pl.DataFrame, place: Place) -> None:
    """Give up what hardly fits the first values: a look at them is cheaper than a trial of a whole block."""
    seen.judged = True
    first = values.head(_LOOKS)
    texts = first[TEXT].to_list()
    seen.dates = Dates() if looks_dated(texts) else None
    seen.short_years = ShortYears() if looks_short(texts) else None
    if unit := common_unit(first):
        seen.spelling = Spelling(unit)
    shown = stripped(seen.spelling or Spelling(), first)[0] if seen.dates is None else first
    if unit:
        seen.spelling = Spelling(unit)  # counted from the start, with all values
    rows = shown.select("raw", TEXT, "rows").rows()
    lines = place.lines([raw for raw, _, _ in rows])
    for trial in trials():
        missed = [(lines[raw], raw, rows) for raw, text, rows in rows if trial.looks.fullmatch(text) is None]
        if 2 * len(missed) > len(rows):
            line, value, _ = min(missed)
            seen.misses[trial.candidate] = Miss(sum(rows for _, _, rows in missed), line, value)
            seen.hopeless.add(trial.candidate)
    if seen.hopeless.issuperset(COMMAS):
        seen.hopeless.add(SURE_COMMAS)


def _bare(seen: Seen, values: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Return values without what stands around their numbers, if the column may be one of numbers."""
    if seen.hopeless >= _NUMBERS:
        return values
    if seen.spelling is None:
        if not values[TEXT].str.contains(r"[0-9]-$|^\(").any():
            return values
        seen.spelling = Spelling()
    bare, others = stripped(seen.spelling, values)
    if seen.spelling.other is None and not others.is_empty():
        seen.spelling.other = place.first(others)
    return bare


def _try(seen: Seen, values: pl.DataFrame, place: Place) -> None:
    """Count what the candidates miss that are not given up yet."""
    alive = [trial for trial in trials() if trial.candidate not in seen.hopeless]
    if not alive:
        return
    judged = values.select("raw", "rows", *(trial.broken.alias(str(number)) for number, trial in enumerate(alive)))
    missed = judged.select(pl.all().exclude("raw", "rows").any()).row(0)
    for number, (trial, misses) in enumerate(zip(alive, missed, strict=True)):
        if misses:
            _note_miss(seen, trial.candidate, judged.filter(str(number)), place)
    for sign, candidates in _GROUPED.items():
        if not seen.hopeless.issuperset(candidates):
            seen.grouping.setdefault(sign, Grouping()).add(values, sign)


def _note_miss(seen: Seen, candidate: Candidate, missed: pl.DataFrame, place: Place) -> None:
    miss = seen.misses.get(candidate)
    if miss is None:
        miss = seen.misses[candidate] = Miss(0, *place.first(missed))
    miss.rows += int(missed["rows"].sum())
    if miss.rows > _HOPELESS and 10 * miss.rows > seen.digits:
        seen.hopeless.add(candidate)


def _note_dates(dates: Dates, values: pl.DataFrame, place: Place) -> None:
    """Count the values by the way in which they are written, and note what a format does not take."""
    left = values
    for way in WAYS:
        inside = left.filter(pl.col(TEXT).str.contains(way.shape))
        if inside.is_empty():
            continue
        left = left.filter(~pl.col(TEXT).str.contains(way.shape))
        dates.add(way, int(inside["rows"].sum()))
        wrong = [inside.select(_no_date(pattern)).to_series() for pattern in way.formats]
        for pattern, is_wrong in zip(way.formats, wrong, strict=True):
            missed = inside.filter(is_wrong)
            if not missed.is_empty():
                dates.miss(pattern, int(missed["rows"].sum()), partial(place.first, missed))
        if len(wrong) > 1:
            dates.unsure[way] += int(inside.filter(~(wrong[0] | wrong[1]))["rows"].sum())
            dates.neither[way] += int(inside.filter(wrong[0] & wrong[1])["rows"].sum())
    dates.others += int(left["rows"].sum())


@cache
def _no_date(pattern: str) -> pl.Expr:
    return refused(readings()[pattern].terms)


def _note_padding(seen: Seen, filled: pl.DataFrame, place: Place) -> None:
    padded = filled.filter(pl.col("raw") != pl.col(TEXT))
    if not padded.is_empty():
        rows = int(padded["rows"].sum())
        seen.padded = seen.padded or Miss(0, *place.first(padded))
        seen.padded.rows += rows


def _note_words(seen: Seen, filled: pl.DataFrame) -> None:
    if seen.words is not None:
        seen.words = None if filled.height > 4 * WORDS else seen.words + _counts(filled)
        if seen.words is not None and len(seen.words) > WORDS:
            seen.words = None


def _note_listed(seen: Seen, filled: pl.DataFrame) -> None:
    short = filled.filter(pl.col(TEXT).str.len_bytes() <= _LONGEST_WORD)
    text = pl.col(TEXT)
    listed = text.str.to_lowercase().is_in(list(LISTED)) | ~text.str.contains(r"[\p{L}\p{N}]")
    seen.listed.update(_counts(short.filter(listed)))


def _note_odd(seen: Seen, odd: pl.DataFrame, place: Place) -> None:
    if seen.odd is None or odd.is_empty():
        return
    added = _counts(odd)
    if len(seen.odd.keys() | added.keys()) > _ODD:
        seen.odd = None
        return
    new = odd.filter(~pl.col(TEXT).is_in(list(seen.odd)))
    texts = dict(new.select("raw", TEXT).rows())
    for raw, line in sorted(place.lines(list(texts)).items(), key=lambda one: one[1]) if texts else ():
        seen.first.setdefault(texts[raw], line)
    seen.odd.update(added)


def _counts(values: pl.DataFrame) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text, rows in values.select(TEXT, "rows").rows():
        counts[text] += rows
    return counts
