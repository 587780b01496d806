"""What a format says of the types of its values: a file of Parquet of its columns, a workbook of its cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.infer.column_type import merged

if TYPE_CHECKING:
    from medallion.infer.guesses import Guess, Guesses

_DEFAULTS = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%dT%H:%M:%S"}
_ONE_TYPE = {
    "number": (None, "integer"),
    "integer": (None,),
    "boolean": (None,),
    "date": (None,),
    "datetime": (None, "date"),
}
"""Types by what values alone may look like."""


def typed_columns(guesses: Guesses, path: Path) -> Guesses:
    """Return guesses with what the format of the file says of the types of its columns."""
    name = guesses.layout.terms.get("format")
    if name not in ("parquet", "xlsx"):
        return guesses
    columns = [_without_format(column) for column in guesses.columns]
    if name == "parquet":
        from medallion.cleaner.formats.parquet import columns_with_types

        types = columns_with_types(path)
        columns = [_as_declared(column, *declared) for column, declared in zip(columns, types, strict=True)]
    return replace(guesses, columns=tuple(columns))


def _without_format(guess: Guess) -> Guess:
    """Return the guess of a column of cells or typed values without the `format` that a field has anyway.

    A field with a `format` gets the text of a day for a midnight.
    """
    if guess.terms.get("format") != _DEFAULTS.get(str(guess.terms.get("type"))):
        return guess
    return replace(guess, terms={key: term for key, term in guess.terms.items() if key != "format"})


def _as_declared(guess: Guess, declared: dict[str, str], called: str) -> Guess:
    """Return the guess of a column with the type that the file declares, where its values alone look like another."""
    found = guess.terms.get("type")
    if not declared or found not in _ONE_TYPE[declared["type"]]:
        return guess
    terms: dict[str, Any] = merged(declared, {key: term for key, term in guess.terms.items() if key not in declared})
    return replace(guess, terms=terms, offer={}, evidence=(*_counts(guess), f"The file has them as {called}."))


def _counts(guess: Guess) -> tuple[str, ...]:
    """Return the sentences of a column of text that are as true of a column with a type."""
    if "type" in guess.terms:
        return guess.evidence
    first, *others = guess.evidence
    kept = [one for one in others if one.endswith((" empty.", ": no value."))]
    return f"{first.partition(': ')[0].removesuffix('.')}.", *kept
