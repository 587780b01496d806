"""The primary key: the smallest set of columns that is distinct in all rows, found in one pass and bounded memory.

The first rows choose which columns and sets of columns may be one. Of those, the hash of each row is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from medallion.infer.key_sets import MOST_REPEATED, KeySet, key_sets, names_key, row_hash

_FIRST = 20_000
"""Rows that choose."""
_LOOKS = 1000
_DATED = r"^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?$"
_MOST_HASHES = 24_000_000
"""Eight bytes each. The candidates that are liked least give way."""
_CHANCE = 10
"""How many rows would have to repeat a set of columns if they had nothing to do with each other."""


@dataclass(frozen=True)
class Key:
    """A set of columns and how it does as a key.

    Attributes:
        places: The columns.
        repeated: Rows that repeat an earlier one.
        missing: Rows without a value in one of the columns.
        example: The first row that repeats an earlier one, and that one: their lines.
        chance: How many rows would repeat another if the columns had nothing to do with each other.
    """

    places: tuple[int, ...]
    repeated: int
    missing: int
    example: tuple[int, int] | None
    chance: float

    @property
    def is_whole(self) -> bool:
        """Whether each row has its own."""
        return not self.repeated and not self.missing

    @property
    def is_meant(self) -> bool:
        """Whether a set of columns is distinct for a reason: columns that have nothing in common would repeat."""
        return len(self.places) == 1 or self.chance >= _CHANCE


class KeySearch:
    """Finds keys while a file is read.

    Args:
        titles: The names of its columns.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        self._titles = titles
        self._waiting: list[pl.DataFrame] = []
        self._lines: list[pl.Series] = []
        self._sets: list[KeySet] | None = None
        self._dated: set[int] = set()
        self._next_check = 8 * _FIRST
        self._rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a block."""
        if frame.is_empty():
            return
        self._rows += frame.height
        if self._sets is None:
            self._waiting.append(frame.drop("_record", strict=False))
            if self._rows < _FIRST:
                return
            self._begin()
        else:
            self._hash(frame)

    def found(self) -> list[Key]:
        """Return the sets of columns that are keys, and columns that almost are; the smallest and likeliest first."""
        if self._sets is None:
            self._begin()
        lines = pl.concat(self._lines) if self._lines else pl.Series("_line", [], pl.UInt32)
        return [_judged(one, lines) for one in self._sets or ()]

    def _begin(self) -> None:
        frame = pl.concat(self._waiting) if self._waiting else None
        self._waiting.clear()
        self._sets = []
        if frame is None:
            return
        first = frame.head(_FIRST)
        looks = first.select(pl.all().exclude("_line").head(_LOOKS).str.strip_chars().str.contains(_DATED).mean()).row(
            0
        )
        self._dated = {place for place, share in enumerate(looks) if (share or 0) > 0.5}
        self._sets = list(key_sets(self._texts(first, range(len(self._titles))), self._titles))
        self._hash(frame)

    def _hash(self, frame: pl.DataFrame) -> None:
        if not self._sets:
            return
        self._lines.append(frame["_line"].cast(pl.UInt32))
        needed = sorted({place for one in self._sets for place in one.places})
        texts = self._texts(frame, needed)
        for one in self._sets:
            columns = [str(place) for place in one.places]
            hashes = texts.select(row_hash(columns)).to_series()
            one.missing += hashes.null_count()
            one.hashes.append(hashes)
        if self._rows > self._next_check:
            self._next_check *= 2
            self._drop()

    def _texts(self, frame: pl.DataFrame, places: Iterable[int]) -> pl.DataFrame:
        """Return trimmed values, null if empty. Of dates without the zeros in front, which a date does not keep."""
        columns = []
        for place in places:
            text = pl.col(str(place)).str.strip_chars()
            if place in self._dated:
                text = text.str.replace_all(r"(^|[^0-9])0([0-9])", "${1}${2}")
            columns.append(pl.when(text != "").then(text).alias(str(place)))
        return frame.select(columns)

    def _drop(self) -> None:
        """Give up what repeats, and what is too much."""
        assert self._sets is not None
        for one in self._sets:
            one.hashes = [pl.concat(one.hashes)]
            one.repeats = _repeats(one.hashes[0])
        kept = [one for one in self._sets if one.repeats + one.missing <= _allowed(one, self._rows, self._titles)]
        self._sets = kept[: max(1, _MOST_HASHES // (2 * self._rows))] if 2 * self._rows <= _MOST_HASHES else []
        if not self._sets:
            self._lines.clear()


def _repeats(hashes: pl.Series) -> int:
    present = hashes.drop_nulls()
    return present.len() - present.n_unique()


def _allowed(one: KeySet, rows: int, titles: Sequence[str]) -> float:
    """How many rows may repeat or lack a value: some, for a comment, where the name promises a key."""
    named = len(one.places) == 1 and names_key(titles[one.places[0]])
    return max(1, MOST_REPEATED * rows) + one.missing if named else 0


def _judged(one: KeySet, lines: pl.Series) -> Key:
    hashes = pl.concat(one.hashes) if one.hashes else pl.Series("hash", [], pl.UInt64)
    repeats = _repeats(hashes)
    example = None
    if repeats:
        rows = pl.DataFrame({"line": lines, "hash": hashes}).drop_nulls()
        again = rows.filter(~rows["hash"].is_first_distinct()).head(1)
        line, value = again.row(0)
        first = rows.filter(pl.col("hash") == value)["line"].min()
        example = (line, int(first))  # type: ignore[arg-type]
    return Key(one.places, repeats, one.missing, example, one.chance)
