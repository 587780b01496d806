"""Columns of a few words that repeat."""

from __future__ import annotations

from collections import Counter
from typing import Any

from medallion.infer.seen import Seen
from medallion.infer.wording import counted, ordered

_MOST = 20
"""Distinct values."""
_LONGEST = 60
"""Characters of a value."""
_ROWS_EACH = 10
"""Rows with a value for each distinct one, at least."""


def enumerated(seen: Seen, missing: Counter[str]) -> tuple[dict[str, Any], str]:
    """Return the constraint to offer for a column of few words, and the sentence that lists them.

    The list is only offered: a word that is new next month must not reject its row.

    Args:
        seen: A column of text.
        missing: Words of it that are no value.
    """
    words = Counter({word: rows for word, rows in (seen.words or Counter()).items() if word not in missing})
    if not 2 <= len(words) <= _MOST or seen.longest > _LONGEST or words.total() < _ROWS_EACH * len(words):
        return {}, ""
    return {"constraints": {"enum": ordered(words)}}, f"{len(words):,} distinct: {counted(words, _MOST)}."
