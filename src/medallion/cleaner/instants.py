"""Dates and datetimes: text in one of the field's formats, as what it says. Instants with an offset become UTC."""

from __future__ import annotations

from functools import reduce

import polars as pl

from medallion.config.datetimes import Format, Shape, compile_formats
from medallion.config.field import ContractField

FIRST_YEAR = 1000
"""Earlier years are years of two digits that were read as four."""


def read_instants(field: ContractField, text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Read dates or datetimes.

    Returns:
        The values, null where no format fits or formats disagree; and whether formats disagree.
    """
    formats = compile_formats(field.formats, field.type)
    read = [_read(one, shape, text) for one in formats for shape in one.shapes]
    first = pl.coalesce(read) if len(read) > 1 else read[0]
    unlike = [(one != first).fill_null(False) for one in read[1:]]
    doubtful = reduce(lambda left, right: left | right, unlike, pl.lit(False))
    value = pl.when(first.dt.year().is_between(FIRST_YEAR, 9999) & ~doubtful).then(first)
    return value.cast(pl.Date) if field.type == "date" else value, doubtful


def _read(one: Format, shape: Shape, text: pl.Expr) -> pl.Expr:
    fits = pl.when(text.str.contains(shape.pattern)).then(text)
    spelled = fits if shape.canonical is None else fits.str.replace(shape.pattern, shape.canonical)
    # An offset is only known to chrono where the pattern has one; the words for UTC are letters to it.
    value = spelled.str.strptime(pl.Datetime("us"), one.strptime, strict=False)
    return value.dt.replace_time_zone(None) if "%#z" in one.strptime else value
