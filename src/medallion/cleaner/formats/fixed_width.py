"""Text in columns of fixed widths, cut after so many characters. Blanks around a value are no part of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import polars as pl

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import expected_names
from medallion.cleaner.lines import MAX_SHOWN, LineBlock, Reject, line_blocks
from medallion.cleaner.records import Records
from medallion.cleaner.splitting import CUT, PADDED
from medallion.config.contract import Contract
from medallion.config.formats.fixed_width import FixedWidthDialect
from medallion.config.sources.stream import Opened
from medallion.errors import ContractViolation


def read(source: Opened, contract: Contract, evidence: Evidence) -> Records:
    """Return the records of text in columns of fixed widths."""
    dialect = contract.dialect
    assert isinstance(dialect, FixedWidthDialect)
    names = expected_names(contract)
    if not dialect.header and len(names) != len(dialect.widths):
        raise ContractViolation(
            f"`widths` of the contract {contract.name} has {len(dialect.widths)} columns, and it has {len(names)} "
            "fields; no line of the file names the columns",
            "write a width for each field, in their order",
        )
    lines = line_blocks(source.stream, codec=contract.codec, evidence=evidence, end=dialect.line_end.encode())
    return Records(lines, dialect, names, FixedWidth(dialect))


def cut(line: str, widths: Sequence[int]) -> list[str]:
    """Return the values of a line."""
    return [line[start:end].strip() for start, end in pairwise(accumulate(widths, initial=0))]


class FixedWidth:
    """The form of such text: each line is a record."""

    def __init__(self, dialect: FixedWidthDialect) -> None:
        self._dialect, self.line_end = dialect, dialect.line_end

    def read(self, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | str | None:  # noqa: ARG002
        """Return the values of a line."""
        return cut(block.lines[index], self._dialect.widths), 1

    def cutter(self, width: int, done: Counter[str]) -> WidthCutter:  # noqa: ARG002
        """Return what cuts lines."""
        return WidthCutter(self._dialect, done)

    def quick(self, width: int) -> None:
        """Return nothing: all lines are cut in the same way."""


class WidthCutter:
    """Cuts lines after so many characters."""

    def __init__(self, dialect: FixedWidthDialect, done: Counter[str]) -> None:
        self._dialect, self._done = dialect, done
        self._starts = list(accumulate(dialect.widths, initial=0))
        self.names = [str(place) for place in range(len(dialect.widths))]

    def prepare(self, records: pl.Series) -> pl.Series:
        """Return lines as they are."""
        return records

    def wild(self, records: pl.Series, prepared: pl.Series, *, returns: bool) -> pl.Series:  # noqa: ARG002
        """Return no line: each is a record."""
        return pl.Series([], dtype=pl.UInt32)

    def split(self, lines: pl.DataFrame, rejects: list[Reject]) -> Iterator[pl.DataFrame]:
        """Yield the rows of lines; what is too short or too long is rejected, and blank lines are left out."""
        lines = lines.filter(pl.col("_text").str.strip_chars().str.len_bytes() > 0)
        end = self._starts[-1]
        chars = lines["_text"].str.strip_chars_end(" ").str.len_chars()
        full = lines["_text"].str.len_chars()
        short, long = full < end, chars > end
        if self._dialect.short_rows == "pad":
            self._done.update(+Counter({PADDED: int(short.sum())}))
        elif short.any():
            rejects += self._rejects(lines.filter(short), f"has fewer than {end} characters, the sum of `widths`")
        if self._dialect.long_rows == "cut":
            self._done.update(+Counter({CUT: int(long.sum())}))
        elif long.any():
            rejects += self._rejects(lines.filter(long), f"has more than {end} characters, the sum of `widths`")
        kept = pl.repeat(True, lines.height, eager=True)
        kept &= ~short if self._dialect.short_rows == "reject" else True
        kept &= ~long if self._dialect.long_rows == "reject" else True
        lines = lines.filter(kept)
        widths = zip(self.names, self._starts, self._dialect.widths, strict=False)
        values = [
            pl.col("_text").str.slice(start, width).str.strip_chars().alias(name) for name, start, width in widths
        ]
        yield lines.select(*values, "_line", "_record")

    def _rejects(self, lines: pl.DataFrame, reason: str) -> list[Reject]:
        return [Reject(line, reason, text[:MAX_SHOWN]) for line, text in lines.select("_line", "_record").rows()]

    def fit(self, values: list[str]) -> list[str]:
        """Return values as they are."""
        return values

    def misfit(self, found: int) -> str:
        """Return why a record with this number of values is rejected; none is."""
        return f"has {found} values, not {len(self.names)}"

    def rows(self, rows: list[tuple[str | int, ...]]) -> pl.DataFrame:
        """Return rows as a frame."""
        schema = {**dict.fromkeys(self.names, pl.String), "_line": pl.Int64, "_record": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")
