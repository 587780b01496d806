"""The type that a column is given, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medallion.infer.candidates import Candidate
from medallion.infer.junk import MOST_MISFITS


@dataclass(frozen=True)
class Type:
    """The type of a column.

    Attributes:
        candidate: The type; None for text.
        notes: What speaks for it or against it.
        misfits: Rows with a value that it does not take.
        example: One of them: where it is, and what.
        most_misfits: The largest share of the column's values that may be misfits.
    """

    candidate: Candidate | None
    notes: tuple[str, ...] = ()
    misfits: int = 0
    example: str = ""
    most_misfits: float = MOST_MISFITS


TEXT = Type(None)


def merged(*terms: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a field from several sources, constraints together."""
    made: dict[str, Any] = {}
    for one in terms:
        for key, value in one.items():
            made[key] = {**made[key], **value} if key == "constraints" and key in made else value
    return made
