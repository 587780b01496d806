"""What the fields of a contract may not be, taken together: columns that no file or no table has."""

from __future__ import annotations

from collections.abc import Sequence

from medallion.config.field import ContractField

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Names that Postgres gives to columns of its own in every table."""


def check_names(fields: Sequence[ContractField]) -> None:
    """Refuse fields that no table can have, and fields that read the same column.

    Raises:
        ValueError: A name is Postgres' own, a `source` cannot be in a header, or two fields read one column.
    """
    readers: dict[str, str] = {}
    for field in fields:
        if field.name in SYSTEM_COLUMNS:
            raise ValueError(f"`{field.name}` is a system column of Postgres — choose another name and add `source`")
        if field.derive is not None:
            continue
        header = field.header
        if header != header.strip():
            raise ValueError(
                f"`source: {header!r}` of {field.name} begins or ends with a blank, and names in a header are "
                f"trimmed — write {header.strip()!r}"
            )
        if header in readers:
            first, second = (f"{header} ({number})".strip() for number in (1, 2))
            raise ValueError(
                f"{readers[header]} and {field.name} both read the column {header!r} — remove one of them; if the "
                f"file has two columns of this name, write `source: {first!r}` and `source: {second!r}`"
            )
        readers[header] = field.name
