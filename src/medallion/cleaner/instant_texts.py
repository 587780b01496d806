"""Dates and times of formats that have types, as the fields of a contract read them.

A day and its midnight are the same value to such a format, and two texts. A field without a `format` of its own gets
the text that it reads; another field gets ISO 8601.
"""

from __future__ import annotations

import polars as pl

from medallion.cleaner.columns import labels
from medallion.config.contract import Contract

_MIDNIGHT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00$"
_DAY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})$"


def spelled(frame: pl.DataFrame, header: list[str], contract: Contract) -> pl.DataFrame:
    """Return records in which days and midnights are as fields of type `date` and `datetime` read them.

    Args:
        frame: Records, with columns named by their place.
        header: The names of the columns.
        contract: Whose fields read them.
    """
    places = {name: str(place) for place, name in enumerate(labels(header))}
    changes = []
    for field in contract.fields:
        place = places.get(field.header)
        if field.derive is not None or field.format is not None or place is None:
            continue
        if field.type == "date":
            changes.append(pl.col(place).str.replace(_MIDNIGHT, "${1}"))
        elif field.type == "datetime":
            changes.append(pl.col(place).str.replace(_DAY, "${1}T00:00:00"))
    return frame.with_columns(changes) if changes else frame
