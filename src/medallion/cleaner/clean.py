"""Records into clean rows and rejects: every record becomes one or the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import polars as pl

from medallion.cleaner.judging import MAX_KNOWN, Judge, as_csv
from medallion.cleaner.lines import Reject
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.repeats import Repeats
from medallion.cleaner.rules import Column

_MAX_VALUE = 500
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

    `held_csv` are the rows whose key an earlier row may have. Counts are of rows, not of reasons: a row may be wrong in
    two columns. `rounded` counts the values, by column, of which places are cut off by `decimals`.
    """

    rows_csv: bytes
    held_csv: bytes
    rejects: pl.DataFrame
    loaded: int
    rejected: int
    reasons: Counter[str]
    rounded: Counter[str]


class Cleaner:
    """Applies a compiled contract to the blocks of a file.

    Args:
        columns: The compiled contract.
        file: Which file the rows are from, for a table that records it.
        repeats: Finds rows whose key an earlier row may have; None: there is no key.
    """

    def __init__(self, columns: Sequence[Column], file: str | None = None, repeats: Repeats | None = None) -> None:
        room = max(1000, MAX_KNOWN // max(1, len(columns)))
        self._judges = [(column, Judge(column, room)) for column in columns]
        self._file = None if file is None else as_csv(pl.Series("_file", [file], dtype=pl.String))
        self._repeats = repeats

    def clean(self, block: RecordBlock) -> CleanBlock:
        """Return a block's rows and rejects."""
        frame = block.frame
        values: list[pl.Series] = []
        rounded: dict[str, pl.Series] = {}
        found = [_lines_rejected(block.rejects)]
        bad: pl.Series | None = None
        for column, judge in self._judges:
            texts = None if column.position is None else frame[str(column.position)]
            judged = judge.judge(texts, frame.height)
            values.append(judged.values.alias(column.name))
            if judged.rounded is not None:
                rounded[column.name] = judged.rounded
            if judged.broken is not None and (wrong := judged.broken > 0).any():
                bad = wrong if bad is None else bad | wrong
                found.append(_values_rejected(column, block, judged.broken, wrong))
        if self._file is not None:
            values.append(self._file.new_from_index(0, frame.height))
        rows = pl.DataFrame([*values, frame["_line"]])
        rejected = len(block.rejects)
        if bad is not None:
            rejected += int(bad.sum())
            rows = rows.filter(~bad)
            rounded = {name: is_cut & ~bad for name, is_cut in rounded.items()}
        cut = Counter({name: int(is_cut.sum()) for name, is_cut in rounded.items()})
        rejects = pl.concat(found)
        rows, held = (rows, rows.clear()) if self._repeats is None else self._repeats.divide(rows)
        return CleanBlock(
            _join(rows), _join(held), rejects, rows.height + held.height, rejected, _reasons(rejects), +cut
        )


def _reasons(rejects: pl.DataFrame) -> Counter[str]:
    if rejects.is_empty():
        return Counter()
    subject = pl.when(pl.col("column_name").is_null()).then(pl.lit("the line ")).otherwise(pl.col("column_name") + " ")
    return Counter(dict(rejects.group_by(subject + pl.col("reason")).len().rows()))


def _values_rejected(column: Column, block: RecordBlock, broken: pl.Series, wrong: pl.Series) -> pl.DataFrame:
    reasons = pl.Series(["", *(check.reason for check in column.checks)], dtype=pl.String)
    none = pl.lit(None, pl.String)
    value = none if column.position is None else pl.col(str(column.position)).str.head(_MAX_VALUE)
    return block.frame.filter(wrong).select(
        line="_line",
        column_name=pl.lit(column.name),
        value=value,
        reason=reasons.gather(broken.filter(wrong)),
        record=block.records(wrong),
    )


def _lines_rejected(rejects: list[Reject]) -> pl.DataFrame:
    rows = [(reject.line, None, None, reject.reason, reject.record) for reject in rejects]
    return pl.DataFrame(rows, schema=REJECT_COLUMNS, orient="row")


def to_csv(frame: pl.DataFrame) -> bytes:
    """Return a frame as Postgres' COPY reads it; nothing for no rows."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return _join(frame.with_columns(as_csv(frame[name]) for name in texts))


def _join(frame: pl.DataFrame) -> bytes:
    """Return values that are written as CSV already as lines."""
    if frame.is_empty():
        return b""
    file = BytesIO()
    frame.write_csv(file, include_header=False, quote_style="never")
    return file.getvalue()
