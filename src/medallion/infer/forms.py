"""Forms of a file besides its delimiter that the first lines show: quotes and escapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

DELIMITERS = ("\t", "|", ";", ",")
"""The comma last, because it stands inside of values too."""
_BETWEEN = "[,;|\t]"
_QUOTED = re.compile(rf"(?:^|{_BETWEEN})'(?:[^']|'')*'(?={_BETWEEN}|$)")
_USUAL = re.compile(rf'(?:^|{_BETWEEN})"')


def forms(lines: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the terms of dialects to try on some lines, the most usual first."""
    if _in_apostrophes(lines):
        yield {"quoteChar": "'"}
    yield {}
    if any('\\"' in line for line in lines):
        yield {"escapeChar": "\\"}


def _in_apostrophes(lines: list[str]) -> bool:
    """Return whether values stand in apostrophes on most lines, and none in quotes."""
    if any(_USUAL.search(line) for line in lines):
        return False
    return 2 * sum(_QUOTED.search(line) is not None for line in lines) > sum(bool(line.strip()) for line in lines)
