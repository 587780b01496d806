"""Values with types as text, exactly: what an export that loses nothing writes."""

from __future__ import annotations

import polars as pl

from medallion.cleaner.workbook.numbers import plain_number

INSTANT = "%Y-%m-%dT%H:%M:%S%.f"


def as_text(column: pl.Expr, kind: pl.DataType, *, in_utc: bool = False) -> pl.Expr:
    """Return an expression that makes text of a column; null where bytes are no text.

    Args:
        column: The column.
        kind: Its type.
        in_utc: Whether instants with a zone are written in UTC without it, and not with their offset.
    """
    if kind.is_float():
        return column.cast(pl.String).map_batches(_shortest, return_dtype=pl.String)
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is not None and in_utc:
            return column.dt.convert_time_zone("UTC").dt.to_string(INSTANT)
        return column.dt.to_string(INSTANT if kind.time_zone is None else f"{INSTANT}%:z")
    if isinstance(kind, pl.Duration):
        return column.dt.to_string("iso")
    if kind.is_nested():
        # As the only member of an object, whatever the type is.
        written = pl.struct(column.alias("_")).struct.json_encode().str.strip_prefix('{"_":').str.strip_suffix("}")
        return pl.when(column.is_not_null()).then(written)
    if isinstance(kind, pl.Binary):
        return column.map_batches(_decoded, return_dtype=pl.String)
    return column.cast(pl.String)


def _decoded(values: pl.Series) -> pl.Series:
    return pl.Series([None if value is None else _text(value) for value in values.to_list()], dtype=pl.String)


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _shortest(texts: pl.Series) -> pl.Series:
    """Return the shortest texts of floats without `.0`, with an exponent only far from zero."""
    texts = texts.str.strip_suffix(".0")
    powers = texts.str.contains("e", literal=True).fill_null(False)
    if powers.any():
        plain = pl.Series([plain_number(text) for text in texts.filter(powers)], dtype=pl.String)
        texts = texts.scatter(powers.arg_true(), plain)
    return texts.replace("-0", "0")


def as_csv(names: list[str]) -> pl.Expr:
    """Return an expression that writes columns of text as a record of CSV."""
    values = []
    for name in names:
        column = pl.col(name)
        quoted = '"' + column.str.replace_all('"', '""', literal=True) + '"'
        values.append(pl.when(column.str.contains('[",\r\n]')).then(quoted).otherwise(column).fill_null(""))
    record = pl.concat_str(values, separator=",")
    # A record of one empty value is a blank line else, which is none.
    return record if len(names) > 1 else pl.when(record == "").then(pl.lit('""')).otherwise(record)
