"""Which values of a column are no values of its type, and what becomes of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from medallion.infer.key_sets import names_key
from medallion.infer.seen import Seen
from medallion.infer.words import MARKS, is_listed, may_answer

MOST_LISTED, MOST_LISTED_OF_FEW = 0.5, 0.2
"""The largest share of listed words among the values of a column with a type; the second where values are few."""
ENOUGH = 20
"""Values that are enough to call a column one of numbers, however many others say that there is none."""
_PLACE = re.compile(
    r"(?i:(^|[^a-z])(district|ward|precinct|grade|class|level|floor|room|unit|lot|zone|route|line|gate|track|section|page|size)"
    r"s?([^a-z]|$))"
)
"""Numbers that name a place or a step, of which others have words: district At-Large, grade K, floor G."""
_MOST_OTHERS = 0.05
"""The largest share of words of any wording."""
_KINDS = 10
_FEWEST_ROWS = 200
"""Rows with a value that a column must have for a few of them to be rejected."""
MOST_MISFITS = 0.01
"""The largest share of a column's values that are rejected for the sake of its type."""
MOST_OTHER_DATES = 0.03
"""The same, of a column of dates in which each way of writing them is known: nothing else can be meant."""
MOST_REJECTED = 0.025
"""The largest share of the file's rows that are: half of `max_share`, as the next file may have more."""
_STATUS = re.compile(r"(?i:status|state|level|severity|result|outcome|flag|event|message|reason|response)")
_TEXTS = 3
"""In so many columns of text a word for "no value" has to be, if no column of another type has it."""


@dataclass(frozen=True)
class Junk:
    """What a column holds besides values of its type.

    Attributes:
        words: Words that become its `missingValues`, and their rows.
        misfits: Words whose rows are rejected, and their rows.
        headers: Rows with the name of the column, of a header that is repeated. They are rejected too.
    """

    words: Counter[str]
    misfits: Counter[str]
    headers: int = 0


def sorted_out(seen: Seen, shared: Iterable[str], *, lines: bool = True) -> tuple[Junk | None, str]:
    """Sort the values without a digit of a column that has a type otherwise.

    Args:
        seen: The column.
        shared: Words that several columns have between values of a type.
        lines: Whether the header of the file is one of its lines, which may be repeated below.

    Returns:
        What becomes of them; None and the reason if they are too many, and the column must be text.
    """
    odd, digits = Counter(seen.odd or {}), seen.digits
    headers = odd.pop(seen.title, 0) if lines else 0
    listed = Counter({word: rows for word, rows in odd.items() if is_listed(word) or word in shared})
    strict = Counter({word: rows for word, rows in listed.items() if word not in MARKS})
    # What programs write for no value may be most of a column, if the others are enough to judge by.
    many = digits >= ENOUGH
    present = seen.present - (listed - strict).total() if many else seen.present
    most = MOST_LISTED if many else MOST_LISTED_OF_FEW
    if strict.total() > most * present or (not many and listed.total() >= digits):
        return None, f"{listed.total():,} of them stand for no value, too many for a column of another type."
    others = odd - listed
    repeated = Counter({word: rows for word, rows in others.items() if rows > 1})
    if others and not _are_junk(seen, repeated):
        return None, ""
    return Junk(listed + repeated, others - repeated, headers), ""


def _are_junk(seen: Seen, words: Counter[str]) -> bool:
    """Return whether words of any wording stand for no value: few, not many kinds, between many values."""
    # The grades K, 1, 2, 3 or the product 4711B are a code, and its words are values.
    few_values = seen.words is not None and len(seen.words) < ENOUGH
    return (
        not few_values
        and not names_key(seen.title)
        and not _PLACE.search(seen.title)
        and len(words) <= _KINDS
        and words.total() <= _MOST_OTHERS * seen.present
    )


def among_values(seen: Seen, values: int) -> int:
    """Return how many rows count for the type of a column with some values: without what programs write for none."""
    marks = sum(rows for word, rows in seen.listed.items() if word in MARKS) if values >= ENOUGH else 0
    return seen.present - marks


def affordable(misfits: int, present: int, most: float = MOST_MISFITS) -> bool:
    """Return whether so many rows may be rejected so that their column has a type."""
    return not misfits or (present >= _FEWEST_ROWS and misfits <= most * present)


def shared_words(columns: Iterable[Seen]) -> set[str]:
    """Return the words that stand in several columns between values with digits."""
    found: Counter[str] = Counter()
    for seen in columns:
        if seen.odd and 2 * seen.digits > seen.present:
            found.update({word: 1 for word, rows in seen.odd.items() if rows > 1 and len(word) > 1})
    return {word for word, columns_ in found.items() if columns_ > 1 and not may_answer(word)}


def spread(typed: Iterable[Counter[str]], texts: Iterable[Seen]) -> set[str]:
    """Return the words that stand for no value in columns of text too.

    Args:
        typed: The words of columns of another type.
        texts: The columns of text.
    """
    between_values = Counter(word for words in typed for word in {word.lower() for word in words} if len(word) > 2)
    between_words: Counter[str] = Counter()
    for seen in texts:
        between_words.update({*seen.listed})
    alike = Counter(word.lower() for word in between_words.elements())
    return {
        word
        for word, columns in between_words.items()
        if (_is_several(between_values[word.lower()], alike[word.lower()]) and not _may_stay(word))
        or (columns >= _TEXTS and not may_answer(word))
    }


def keeps_words(seen: Seen) -> bool:
    """Return whether a column of text is named like one in which `ERROR` is a value."""
    return _STATUS.search(seen.title) is not None


def _is_several(typed: int, texts: int) -> bool:
    return typed > 1 or (typed == 1 and texts > 1)


def _may_stay(word: str) -> bool:
    return word == "Null" or word.lower() in ("nil", "none")
