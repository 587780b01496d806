"""Rows whose key an earlier row may have: found by hashes while rows go by, in bounded memory.

What is not held back has distinct keys, so that Postgres builds the index once. A row may be held back for nothing; the
database looks up the few that are.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_CELLS = 1 << 25
"""Bytes of memory. A key sets one bit of one byte."""
_BITS = pl.Series([1 << place for place in range(8)], dtype=pl.UInt8)


class Repeats:
    """The keys so far.

    Args:
        key: The columns of the key.
    """

    def __init__(self, key: Sequence[str]) -> None:
        self._key = list(key)
        self._seen = pl.zeros(_CELLS, pl.UInt8, eager=True)

    def divide(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return rows with distinct keys that no earlier row has, and the rows that may be others."""
        hashes = rows.select(self._key).hash_rows()
        cells = (hashes % _CELLS).cast(pl.UInt32)
        bits = _BITS.gather((hashes // _CELLS % 8).cast(pl.UInt32))
        known = self._seen.gather(cells)
        # Of rows that share a byte, one sets its bit. The others are held back too, as their bits are not set.
        held = ((known & bits) > 0) | ~cells.is_first_distinct()
        free = ~held
        self._seen.scatter(cells.filter(free), (known | bits).filter(free))
        return (rows.filter(free), rows.filter(held)) if held.any() else (rows, rows.clear())
