"""What a file is guessed to be: what a contract is written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medallion.infer.layout import Layout
from medallion.infer.primary import PrimaryKey


@dataclass(frozen=True)
class Guess:
    """One column.

    Attributes:
        name: Its name in the table.
        label: Its name in the file, as a contract's `source` names it.
        terms: The keys of its field in the contract, without its names.
        evidence: What of the file speaks for it, in sentences.
        offer: Keys that its values would pass today, to be taken or not.
        rejected: Rows that are rejected so that it has its type.
    """

    name: str
    label: str
    terms: dict[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    offer: dict[str, Any] = field(default_factory=dict)
    rejected: int = 0

    def as_text(self, why: str) -> Guess:
        """Return the guess without a type and without constraints, because a proof failed."""
        return replace(self, terms={}, evidence=(*self.evidence, why), offer={}, rejected=0)


@dataclass(frozen=True)
class Guesses:
    """A file's layout, its columns, its key, and its number of rows."""

    layout: Layout
    columns: tuple[Guess, ...]
    rows: int
    key: PrimaryKey | None = None

    def with_columns(self, columns: Sequence[Guess]) -> Guesses:
        """Return the guesses with other columns. A key with a column that changed is only offered."""
        changed = {new.name for old, new in zip(self.columns, columns, strict=True) if old != new}
        key = self.key and replace(self.key, certain=self.key.certain and not changed & {*self.key.names})
        return replace(self, columns=tuple(columns), key=key)
