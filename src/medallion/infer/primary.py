"""Which of the keys that were found is written into the contract, and which is only named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.infer.key_sets import names_key
from medallion.infer.keys import Key
from medallion.infer.seen import Seen
from medallion.infer.wording import are

if TYPE_CHECKING:
    from medallion.infer.guesses import Guess

_FEWEST_ROWS, _FEWEST_FIRST = 100, 10
"""Rows of which none repeats. In fewer a column may be distinct by accident, unless it is the first and named so."""
_LONGEST = 600
"""Characters: an index of Postgres takes 2,704 bytes, and a character has at most four."""
_LONGEST_WORD = 64
"""Characters of a column of text that is not named like a key."""


@dataclass(frozen=True)
class PrimaryKey:
    """A key, or a column that almost is one.

    Attributes:
        names: The columns of the table.
        evidence: What of the file speaks for it.
        certain: Whether it is written; else it is only named.
        whole: Whether each row has its own.
    """

    names: tuple[str, ...]
    evidence: str
    certain: bool
    whole: bool = True


def primary_key(keys: Sequence[Key], columns: Sequence[Guess], seen: Sequence[Seen]) -> PrimaryKey | None:
    """Return the key of a file: the first that is certain, else the first that is possible, else a near one."""
    possible = [key for key in keys if key.is_whole and _is_able(key, columns, seen)]
    for key in possible:
        if _is_certain(key, seen):
            return _written(key, columns, seen, certain=True)
    for key in possible:
        if _is_likely(key, seen):
            return _written(key, columns, seen, certain=False)
    near = [key for key in keys if not key.is_whole and len(key.places) == 1 and names_key(seen[key.places[0]].title)]
    if near:
        key = near[0]
        name = columns[key.places[0]].name
        return PrimaryKey((name,), _why_not(key, name, seen[key.places[0]].rows), certain=False, whole=False)
    return None


def _is_able(key: Key, columns: Sequence[Guess], seen: Sequence[Seen]) -> bool:
    """Return whether each value of the table is written in one way, so that what differs in the file differs there.

    The search for keys has evened out zeros in front of days, months and hours.
    """
    length = 0
    for place in key.places:
        terms, column = columns[place].terms, seen[place]
        kind = terms.get("type", "string")
        pattern = terms.get("format", "")
        fixed = isinstance(pattern, str) and ("%.f" not in pattern or column.shortest == column.longest)
        if "missingValues" in terms or columns[place].rejected or "clean" in terms or "bareNumber" in terms:
            return False
        if kind not in ("string", "integer") and not (kind in ("date", "datetime") and fixed):
            return False
        if kind == "string" and not names_key(column.title) and column.longest > _LONGEST_WORD:
            return False
        length += column.longest
    return length <= _LONGEST


def _is_certain(key: Key, seen: Sequence[Seen]) -> bool:
    columns = [seen[place] for place in key.places]
    named, first = any(names_key(one.title) for one in columns), key.places[0] == 0
    fewest = _FEWEST_FIRST if named and first and len(columns) == 1 else _FEWEST_ROWS
    return columns[0].rows >= fewest and key.is_meant and (named or first)


def _is_likely(key: Key, seen: Sequence[Seen]) -> bool:
    columns = [seen[place] for place in key.places]
    named = len(columns) == 1 and names_key(columns[0].title)
    return named or (key.is_meant and columns[0].rows >= _FEWEST_ROWS)


def _written(key: Key, columns: Sequence[Guess], seen: Sequence[Seen], *, certain: bool) -> PrimaryKey:
    names = tuple(columns[place].name for place in key.places)
    rows = seen[key.places[0]].rows
    if len(names) == 1:
        what = f"The values of {names[0]} are"
    else:
        what = f"The {'pairs' if len(names) == 2 else 'triples'} of {', '.join(names[:-1])} and {names[-1]} are"
    return PrimaryKey(names, f"{what} distinct in all {rows:,} rows.", certain)


def _why_not(key: Key, name: str, rows: int) -> str:
    costs = [f"{key.missing:,} {are(key.missing)} empty"] if key.missing else []
    if key.repeated and key.example:
        verb = "repeats" if key.repeated == 1 else "repeat"
        line, first = key.example
        costs.append(f"{key.repeated:,} {verb} an earlier one, such as line {line}, which repeats line {first}")
    distinct = rows - key.missing - key.repeated
    return f"{distinct:,} of {rows:,} values of {name} are distinct, {' and '.join(costs)}."
