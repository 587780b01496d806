"""Which columns, and which sets of columns, may be a key by the first rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

_SINGLES, _SETS = 6, 4
_IN_PAIRS, _IN_TRIPLES = 14, 9
"""Columns that are tried in sets."""
MOST_REPEATED = 0.05
"""Share of rows that may repeat a value of a column that is named like a key, for a comment."""
_ID = re.compile(
    r"(?i:(^|[^a-z])(id|key|uuid|guid|code|no|nr|num|number|ref|reference|sku|isbn|invoice|index)s?$)|(I[dD]|[a-z](Key|Code|No|Nr|Num|Number|Ref))$|^[a-z_]{4,}id$"
)
_NO_ID = re.compile(
    r"(^|_)(paid|prepaid|unpaid|valid|invalid|solid|liquid|fluid|rapid|hybrid|android|avoid|covid|grid)$"
)
_PART = re.compile(
    r"(?i:(^|[^a-z])(date|day|time|timestamp|datetime|month|year|week|hour|period|quarter|line|seq|sequence|pos|position"
    r"|item|row|rank|version|station|sensor|country|region|state)([^a-z]|$))"
)
_MEASURE = re.compile(
    r"(?i:(^|[^a-z])(amount|amt|price|cost|total|sum|qty|quantity|count|value|rate|score|share|percent|pct|balance|sales"
    r"|revenue|weight|height|lat|latitude|lon|lng|longitude|avg|mean|name|title|description|comment|note|text|address"
    r"|phone|email|url)s?([^a-z]|$))"
)


def names_key(title: str) -> bool:
    """Return whether a column is named like one that identifies a row or a thing."""
    return _ID.search(title) is not None and not _NO_ID.search(title.lower())


@dataclass
class KeySet:
    """Columns that may be a key: their places, the hashes of the rows so far, and the rows without a value."""

    places: tuple[int, ...]
    chance: float
    hashes: list[pl.Series] = field(default_factory=list)
    missing: int = 0
    repeats: int = 0


def row_hash(columns: list[str]) -> pl.Expr:
    """The hash of a row's values; null if one is missing."""
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in columns)
    value = pl.col(columns[0]) if len(columns) == 1 else pl.struct(columns)
    return pl.when(whole).then(value.hash()).alias("hash")


def key_sets(texts: pl.DataFrame, titles: Sequence[str]) -> Iterator[KeySet]:
    """Choose which sets of columns to follow, by the first rows."""
    places = range(len(titles))
    counts = texts.select(pl.all().n_unique()).row(0)
    missing = texts.null_count().row(0)
    rows = texts.height
    order = sorted(places, key=lambda place: (not names_key(titles[place]), place))
    single = [place for place in order if not missing[place] and counts[place] == rows]
    near = [
        place
        for place in order
        if place not in single
        and names_key(titles[place])
        and counts[place] - (missing[place] > 0) >= (1 - 2 * MOST_REPEATED) * (rows - missing[place]) > rows / 2
    ]
    for place in [*single[:_SINGLES], *near[:2]]:
        yield KeySet((place,), 0.0)
    if any(names_key(titles[place]) for place in single):
        return
    parts = [
        place
        for place in order
        if not missing[place] and 1 < counts[place] < rows and _may_be_part(texts[str(place)], titles[place])
    ]
    yield from list(_sets(texts, parts, titles, counts))[:_SETS]


def _may_be_part(values: pl.Series, title: str) -> bool:
    """Return whether a column may be a part of a key: no fraction, no measure by its name, and no free text."""
    if _MEASURE.search(title) and not names_key(title):
        return False
    first = values.head(1000)
    fractions = int(first.str.contains(r"^-?[0-9]+[.,][0-9]{1,2}$|^-?[0-9]*\.[0-9]+$").sum())
    prose = int(first.str.contains(r"\s\S+\s\S+\s").sum())
    return not fractions and 10 * prose < first.len()


def _sets(texts: pl.DataFrame, parts: list[int], titles: Sequence[str], counts: Sequence[int]) -> Iterator[KeySet]:
    """Yield the smallest sets of columns that are distinct in the first rows."""
    rows = texts.height
    alike = {place: _alike(texts[str(place)]) for place in parts}
    liked = sorted(parts, key=lambda place: (not _names_part(titles[place]), place))
    for size, most in ((2, _IN_PAIRS), (3, _IN_TRIPLES)):
        found = []
        tried = sorted(liked[:most])
        for places in combinations(tried, size):
            product = 1
            for place in places:
                product *= counts[place]
            if product < rows:
                continue
            if texts.select(row_hash([str(place) for place in places])).to_series().n_unique() == rows:
                chance = rows * (rows - 1) / 2
                for place in places:
                    chance *= alike[place]
                named = sum(_names_part(titles[place]) for place in places)
                found.append(((-named, places), KeySet(places, chance)))
        if found:
            yield from (one for _, one in sorted(found, key=lambda pair: pair[0]))
            return


def _names_part(title: str) -> bool:
    return names_key(title) or _PART.search(title) is not None


def _alike(values: pl.Series) -> float:
    """Return how likely two rows have the same value."""
    counts = values.value_counts()["count"].cast(pl.Float64)
    return float((counts * counts).sum()) / values.len() ** 2
