"""Limits of a Postgres table that a contract can be seen to break, before there is any row."""

from __future__ import annotations

from collections.abc import Sequence

from medallion.config.field import ContractField

_COLUMNS, _OWN, _KEY = 1600, 2, 32
"""https://www.postgresql.org/docs/current/limits.html; Medallion's own columns are `_line` and `_file`."""
MAX_FIELDS = _COLUMNS - _OWN
ROW_BYTES, _HEADER = 8160, 24
_SMALLEST = {"integer": 8, "datetime": 8, "date": 4, "boolean": 1, "number": 3, "string": 2}
"""Bytes of a value that is there. Those of a longer text move out of the row and leave 18."""


def check_size(fields: Sequence[ContractField], primary_key: Sequence[str]) -> None:
    """Refuse a contract whose table Postgres cannot make, or whose rows it certainly cannot keep.

    Raises:
        ValueError: There are too many fields or columns of the key, or the required ones are too wide together.
    """
    if len(fields) + _OWN > _COLUMNS:
        raise ValueError(
            f"there are {len(fields):,} fields, and Postgres has at most {_COLUMNS} columns, of which Medallion needs "
            f"{_OWN} — leave fields out, with `unknown_columns: ignore`"
        )
    if len(primary_key) > _KEY:
        raise ValueError(f"`primaryKey` names {len(primary_key)} fields — a key of Postgres has at most {_KEY}")
    required = [field for field in fields if field.constraints.required and field.derive is None]
    least = _HEADER + sum(_SMALLEST[field.type] for field in required)
    if least > ROW_BYTES:
        raise ValueError(
            f"a row of the {len(required):,} required fields has at least {least:,} bytes, and Postgres keeps "
            f"{ROW_BYTES:,} in one place — leave fields out, or do not require them"
        )
