"""How many bytes a row takes in a table of Postgres."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from medallion.config.field import ContractField

_HEADER, _OWN = 24, 8
_FIXED = {"integer": 8, "datetime": 8, "date": 4, "boolean": 1}
_STAYS, _MOVED = 23, 18
"""A longer text can move out of the row and leaves a pointer (https://www.postgresql.org/docs/current/storage-toast.html)."""


def widest_row(csv: bytes, fields: Sequence[ContractField]) -> int:
    """Return about how many bytes the widest of some rows takes, without what Postgres moves out of it.

    Args:
        csv: Rows in Postgres' CSV, each with its line number at the end.
        fields: The fields of the table, in order.
    """
    names = [str(place) for place in range(len(fields))]
    schema = dict.fromkeys([*names, "_line"], pl.String)
    rows = pl.read_csv(csv, has_header=False, schema=schema)
    sizes = [_size(pl.col(name), field.type) for name, field in zip(names, fields, strict=True)]
    widest = rows.select(pl.sum_horizontal(sizes).max()).item()
    return int(widest or 0) + _HEADER + _OWN + len(fields) // 8


def _size(value: pl.Expr, kind: str) -> pl.Expr:
    length = value.str.len_bytes().cast(pl.Int64)
    if kind in _FIXED:
        size = pl.lit(_FIXED[kind], pl.Int64)
    elif kind == "number":
        size = 5 + length // 2
    else:
        size = pl.when(length > _STAYS).then(_MOVED).otherwise(length + 1)
    return pl.when(value.is_null()).then(0).otherwise(size)
