"""Names of columns in a table, made of what a header calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from medallion.config.columns import SYSTEM_COLUMNS

_MOST = 50
"""Characters, so that a number fits behind them within the 55 of a contract."""


def identifiers(labels: Sequence[str]) -> Iterator[str]:
    """Yield a name for each column that Postgres takes without quotes, none twice.

    Args:
        labels: The columns' names in the file.
    """
    used = set(SYSTEM_COLUMNS)
    for place, label in enumerate(labels, 1):
        word = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:_MOST] or f"column_{place}"
        word = word if word[0].isalpha() else f"c_{word}"
        name, number = word, 1
        while name in used:
            number += 1
            name = f"{word}_{number}"
        used.add(name)
        yield name
