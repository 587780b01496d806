"""A column's texts as values and what is wrong with them: each distinct text is judged once in a load."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from medallion.cleaner.rules import TEXT, VALUE, Column

_SAMPLE = 20_000
MAX_KNOWN = 1_000_000
"""Distinct texts that are remembered, in all columns of a table: memory is bounded by it."""
_SPECIAL = ['"', ",", "\n", "\r"]


@dataclass(frozen=True)
class Judged:
    """Texts as values.

    Attributes:
        values: As they stand in Postgres' CSV: null where there is none.
        broken: The number of the first check that a text breaks, or 0; None if no text breaks any.
        rounded: Which of them Postgres rounds; None if it rounds none.
    """

    values: pl.Series
    broken: pl.Series | None
    rounded: pl.Series | None

    def gather(self, places: pl.Series, of_null: Judged) -> Judged:
        """Return what is known of texts, by their places here; a null is as another judgement says."""
        number = 0 if of_null.broken is None else int(of_null.broken.item())
        broken = None if self.broken is None else self.broken.gather(places).fill_null(number)
        if broken is None and number and places.null_count():
            broken = places.is_null().cast(pl.UInt8) * number
        rounded = None if self.rounded is None else self.rounded.gather(places).fill_null(value=False)
        return Judged(self.values.gather(places), broken, rounded)

    def joined(self, other: Judged) -> Judged:
        """Return what is known of these texts, and then of others."""
        values = pl.concat([self.values, other.values])
        broken, rounded = _both(self.broken, self, other.broken, other), _both(self.rounded, self, other.rounded, other)
        return Judged(values, broken, rounded)


class Judge:
    """Judges the texts of a column, block by block.

    Args:
        column: The compiled field.
        room: How many distinct texts may be remembered.
    """

    def __init__(self, column: Column, room: int) -> None:
        self._column, self._room = column, room
        self._of_null = judge(column, pl.Series([None], dtype=pl.String))
        self._known: _Known | None = None
        self._repeats = True

    def judge(self, texts: pl.Series | None, rows: int) -> Judged:
        """Return what is known of the texts of a block's rows.

        Args:
            texts: The texts; None if the file does not have the column.
            rows: How many rows the block has.
        """
        if texts is None:
            return self._of_null.gather(pl.zeros(rows, pl.UInt32, eager=True), self._of_null)
        if self._known is None and self._repeats and rows:
            sample = texts.head(_SAMPLE)
            self._repeats = 2 * sample.n_unique() <= sample.len()
            self._known = _Known(self._column) if self._repeats else None
        if self._known is None:
            return judge(self._column, texts)
        judged = self._known.gather(texts, self._of_null)
        if self._known.size > self._room:
            self._known, self._repeats = None, False
        return judged


class _Known:
    """The distinct texts of a column so far, each with a code, and what is known of them."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._categories = pl.Categories.random()
        # Codes last as long as a series has them: without it they begin again at 0.
        self._alive = pl.Series([], dtype=pl.Categorical(self._categories))
        self._judged = judge(column, pl.Series([], dtype=pl.String))

    @property
    def size(self) -> int:
        return self._judged.values.len()

    def gather(self, texts: pl.Series, of_null: Judged) -> Judged:
        coded = texts.cast(pl.Categorical(self._categories))
        self._alive = coded.head(1)
        codes = coded.to_physical()
        last = codes.max()
        if isinstance(last, int) and last >= self.size:
            seen = pl.DataFrame({"code": codes, "text": texts}).filter(pl.col("code") >= self.size)
            new = seen.unique("code").sort("code")
            assert new["code"].to_list() == list(range(self.size, last + 1)), "codes began again"
            self._judged = self._judged.joined(judge(self._column, new["text"]))
        return self._judged.gather(codes, of_null)


def judge(column: Column, texts: pl.Series) -> Judged:
    """Judge texts, each by itself."""
    judged = texts.alias(str(column.position)).to_frame().select(column.text).with_columns(column.value)
    cut = {} if column.rounded is None else {"rounded": column.rounded}
    found = judged.with_columns(_first(column, unread=False), **cut)
    broken = found["broken"]
    unread = judged[VALUE].is_null() & judged[TEXT].is_not_null()
    if unread.any():
        # Why is only asked of the few texts that are no values.
        why = judged.filter(unread).select(_first(column, unread=True)).to_series()
        broken = broken.scatter(unread.arg_true(), why)
    rounded = found["rounded"] if cut else None
    return Judged(
        as_csv(judged[VALUE].cast(pl.String), special=column.is_text),
        broken if (broken > 0).any() else None,
        rounded if rounded is not None and rounded.any() else None,
    )


def _first(column: Column, *, unread: bool) -> pl.Expr:
    """The number of the first check that a row breaks, from 1 on; 0 if it breaks none."""
    broken = pl.lit(0, pl.UInt8)
    for number, check in reversed(list(enumerate(column.checks, 1))):
        if check.unread == unread:
            broken = pl.when(check.broken).then(pl.lit(number, pl.UInt8)).otherwise(broken)
    return broken.alias("broken")


def as_csv(values: pl.Series, *, special: bool = True) -> pl.Series:
    """Return texts as they stand in Postgres' CSV, where an empty text is `""` and a missing one is nothing.

    Args:
        values: The texts.
        special: Whether some may need quotes.
    """
    if not special:
        return values
    quoted = values.str.contains_any(_SPECIAL) | (values.str.len_bytes() == 0)
    if not quoted.any():
        return values
    inside = values.filter(quoted.fill_null(value=False)).str.replace_all('"', '""', literal=True)
    return values.scatter(quoted.arg_true(), '"' + inside + '"')


def _both(one: pl.Series | None, first: Judged, two: pl.Series | None, second: Judged) -> pl.Series | None:
    if one is None and two is None:
        return None
    kind = (one if two is None else two).dtype  # type: ignore[union-attr]
    parts = [
        pl.zeros(judged.values.len(), pl.UInt8, eager=True).cast(kind) if part is None else part
        for part, judged in ((one, first), (two, second))
    ]
    return pl.concat(parts)
