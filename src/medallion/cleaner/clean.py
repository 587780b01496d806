"""Records into clean rows and rejects: every record becomes one or the other.

A column of a block is judged by its distinct values: a date or a product that stands in a thousand rows is cleaned
and checked once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from io import BytesIO

import polars as pl

from medallion.cleaner.lines import Reject
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.rules import TEXT, VALUE, Column

_MAX_VALUE = 500
_SAMPLE = 20_000
REJECT_COLUMNS = {
    "line": pl.Int64,
    "column_name": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "record": pl.String,
}


@dataclass
class CleanBlock:
    """Rows as Postgres' CSV, and a frame of what was rejected, with `REJECT_COLUMNS`.

    Counts are of rows, not of reasons: a row may be wrong in two columns. `rounded` counts the values, by column, of
    which places are cut off by `decimals`.
    """

    rows_csv: bytes
    rejects: pl.DataFrame
    loaded: int
    rejected: int
    reasons: Counter[str]
    rounded: Counter[str]


def clean(block: RecordBlock, columns: list[Column], file: str | None = None) -> CleanBlock:
    """Apply a compiled contract to a block of records.

    Args:
        block: Records and the lines already rejected.
        columns: The compiled contract.
        file: Which file the rows are from, for a table that records it.
    """
    frame = block.frame
    values: list[pl.Series] = []
    rounded: dict[str, pl.Series] = {}
    found = [_lines_rejected(block.rejects)]
    bad = pl.repeat(False, frame.height, eager=True)
    for column in columns:
        judged = _judge(column, frame)
        broken = judged["_broken"]
        values.append(judged[column.name])
        if column.rounded is not None:
            rounded[column.name] = judged["_rounded"]
        wrong = broken > 0
        if wrong.any():
            bad = bad | wrong
            found.append(_values_rejected(column, frame, broken, wrong))
    if file is not None:
        values.append(pl.repeat(file, frame.height, dtype=pl.String, eager=True).alias("_file"))
    rows = pl.DataFrame([*values, frame["_line"]]).filter(~bad)
    rejects = pl.concat(found)
    subject = pl.when(pl.col("column_name").is_null()).then(pl.lit("the line ")).otherwise(pl.col("column_name") + " ")
    reasons = rejects.group_by(subject + pl.col("reason")).len().rows()
    cut = Counter({name: int((is_cut & ~bad).sum()) for name, is_cut in rounded.items()})
    rejected = int(bad.sum()) + len(block.rejects)
    return CleanBlock(to_csv(rows), rejects, rows.height, rejected, Counter(dict(reasons)), +cut)


def _judge(column: Column, frame: pl.DataFrame) -> pl.DataFrame:
    """Return, for every row, the clean value, the number of the first check that it breaks or 0, and what is cut."""
    places: pl.Series | None
    if column.position is None:
        distinct, places = pl.Series("constant", [None], pl.String), pl.zeros(frame.height, pl.UInt32, eager=True)
    else:
        distinct, places = _distinct(frame[str(column.position)])
    judged = distinct.to_frame().select(column.text).with_columns(column.value)
    cut = {} if column.rounded is None else {"_rounded": column.rounded}
    judged = judged.with_columns(_broken=_first(column, unread=False), **cut)
    unread = judged[VALUE].is_null() & judged[TEXT].is_not_null()
    if unread.any():
        # Why is only asked of the few texts that are no values.
        why = judged.filter(unread).select(_first(column, unread=True)).to_series()
        judged = judged.with_columns(judged["_broken"].scatter(unread.arg_true(), why))
    value = pl.col(VALUE).cast(pl.String) if judged[VALUE].dtype.is_temporal() else pl.col(VALUE)
    judged = judged.select(value.alias(column.name), pl.col("_broken", *cut))
    return judged if places is None else judged.select(pl.all().gather(places))


def _first(column: Column, *, unread: bool) -> pl.Expr:
    """The number of the first check that a row breaks, from 1 on; 0 if it breaks none."""
    broken = pl.lit(0, pl.UInt8)
    for number, check in reversed(list(enumerate(column.checks, 1))):
        if check.unread == unread:
            broken = pl.when(check.broken).then(pl.lit(number, pl.UInt8)).otherwise(broken)
    return broken.alias("_broken")


def _distinct(series: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """The distinct values and where each row finds its own; or the series itself, where most values differ."""
    if series.is_empty() or 2 * series.head(_SAMPLE).n_unique() > min(series.len(), _SAMPLE):
        return series, None
    distinct = series.unique()
    return distinct, series.cast(pl.Enum(distinct)).to_physical()


def _values_rejected(column: Column, frame: pl.DataFrame, broken: pl.Series, wrong: pl.Series) -> pl.DataFrame:
    chosen = frame.filter(wrong)
    reasons = pl.Series(["", *(check.reason for check in column.checks)], dtype=pl.String)
    none = pl.lit(None, pl.String)
    value = none if column.position is None else pl.col(str(column.position)).str.head(_MAX_VALUE)
    return chosen.select(
        line="_line",
        column_name=pl.lit(column.name),
        value=value,
        reason=reasons.gather(broken.filter(wrong)),
        record=pl.col("_record"),
    )


def _lines_rejected(rejects: list[Reject]) -> pl.DataFrame:
    rows = [(reject.line, None, None, reject.reason, reject.record) for reject in rejects]
    return pl.DataFrame(rows, schema=REJECT_COLUMNS, orient="row")


def to_csv(frame: pl.DataFrame) -> bytes:
    """Return a frame as Postgres' COPY reads it; nothing for no rows."""
    if frame.is_empty():
        return b""
    file = BytesIO()
    # An empty text is written as "" and a missing one as nothing, which is how Postgres distinguishes them.
    frame.write_csv(file, include_header=False, quote_style="necessary")
    return file.getvalue()
