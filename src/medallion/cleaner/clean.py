"""Records into clean rows and rejects: every record becomes one or the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import polars as pl

from medallion.cleaner.judging import MAX_KNOWN, Judge, as_csv
from medallion.cleaner.lines import Reject
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.repeats import Repeats
from medallion.cleaner.rules import Column, compile_contract
from medallion.config.contract import Contract

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
        repeats: Finds rows whose key an earlier row may have; None: there is no key.
    """

    def __init__(self, columns: Sequence[Column], repeats: Repeats | None = None) -> None:
        room = max(1000, MAX_KNOWN // max(1, len(columns)))
        self._judges = [(column, Judge(column, room)) for column in columns]
        self._repeats = repeats

    def clean(self, block: RecordBlock, file: str | None = None) -> CleanBlock:
        """Return a block's rows and rejects.

        Args:
            block: Records of a file with the header that the contract is compiled for.
            file: Which file they are from, for a table that records it.
        """
        frame = block.frame
        values: list[pl.Series] = []
        rounded: dict[str, pl.Series] = {}
        broken: list[tuple[Column, pl.Series]] = []
        for column, judge in self._judges:
            texts = None if column.position is None else frame[str(column.position)]
            judged = judge.judge(texts, frame.height)
            values.append(judged.values.alias(column.name))
            if judged.rounded is not None:
                rounded[column.name] = judged.rounded
            if judged.broken is not None and judged.broken.max():
                broken.append((column, judged.broken))
        if file is not None:
            values.append(as_csv(pl.Series("_file", [file], dtype=pl.String)).new_from_index(0, frame.height))
        rows = pl.DataFrame([*values, frame["_line"]])
        rejects = _lines_rejected(block.rejects)
        rejected = len(block.rejects)
        if broken:
            bad = pl.DataFrame([numbers.alias(column.name) for column, numbers in broken]).max_horizontal() > 0
            rows = rows.filter(~bad)
            rejected += frame.height - rows.height
            rounded = {name: is_cut & ~bad for name, is_cut in rounded.items()}
            rejects = pl.concat([rejects, *_values_rejected(block, bad, broken)])
        cut = Counter({name: int(is_cut.sum()) for name, is_cut in rounded.items()})
        rows, held = (rows, rows.clear()) if self._repeats is None else self._repeats.divide(rows)
        loaded = rows.height + held.height
        return CleanBlock(_join(rows), _join(held), rejects, loaded, rejected, _reasons(rejects), +cut)


class Cleaners:
    """Cleaners for the headers that files have. The next file with the same one profits from what is known of values.

    Args:
        contract: How the files are cleaned.
        repeats: As for a cleaner; of all files together.
    """

    def __init__(self, contract: Contract, repeats: Repeats | None = None) -> None:
        self._contract, self._repeats = contract, repeats
        self._last: tuple[list[str], Cleaner] | None = None

    @contextmanager
    def lend(self, header: list[str]) -> Iterator[Cleaner]:
        """Yield the cleaner of a header. After a failure it is not used again: a thread may still be at work with it.

        Args:
            header: The columns of a file, as `check_columns` returns them.

        Raises:
            Misconfigured: A pattern is too large for the engine that runs it.
        """
        last, self._last = self._last, None
        if last is None or last[0] != header:
            last = header, Cleaner(compile_contract(self._contract, header), self._repeats)
        yield last[1]
        self._last = last


def _reasons(rejects: pl.DataFrame) -> Counter[str]:
    if rejects.is_empty():
        return Counter()
    subject = pl.when(pl.col("column_name").is_null()).then(pl.lit("the line ")).otherwise(pl.col("column_name") + " ")
    return Counter(dict(rejects.group_by(subject + pl.col("reason")).len().rows()))


def _values_rejected(
    block: RecordBlock, bad: pl.Series, broken: list[tuple[Column, pl.Series]]
) -> Iterator[pl.DataFrame]:
    """Yield the rejected values of each column, with the first check that each breaks."""
    frame, records = block.frame.filter(bad), block.records(bad)
    for column, numbers in broken:
        number = numbers.filter(bad)
        wrong = number > 0
        reasons = pl.Series(["", *(check.reason for check in column.checks)], dtype=pl.String)
        value = (
            pl.lit(None, pl.String) if column.position is None else pl.col(str(column.position)).str.head(_MAX_VALUE)
        )
        yield frame.filter(wrong).select(
            line="_line",
            column_name=pl.lit(column.name),
            value=value,
            reason=reasons.gather(number.filter(wrong)),
            record=records.filter(wrong),
        )


def _lines_rejected(rejects: list[Reject]) -> pl.DataFrame:
    rows = [(reject.line, None, None, reject.reason, reject.record) for reject in rejects]
    return pl.DataFrame(rows, schema=REJECT_COLUMNS, orient="row")


def to_csv(frame: pl.DataFrame) -> bytes:
    """Return a frame as Postgres' COPY reads it: texts in quotes, so that an empty one is no missing one."""
    return _written(frame, "non_numeric")


def _join(frame: pl.DataFrame) -> bytes:
    """Return values that are written as CSV already as lines."""
    return _written(frame, "never")


def _written(frame: pl.DataFrame, quotes: Literal["never", "non_numeric"]) -> bytes:
    if frame.is_empty():
        return b""
    file = BytesIO()
    frame.write_csv(file, include_header=False, quote_style=quotes)
    return file.getvalue()
