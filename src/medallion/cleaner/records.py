"""Lines into records of as many values as the header has columns; what is no such record is rejected.

Almost all records are a line each, which polars reads. Where quotes span lines or stand astray, `quotes` reads: if
what begins at a line makes no record, that line alone is rejected and reading resumes at the next. So one bad quote
never swallows its neighbours, whatever the block size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from medallion.cleaner.header import HasRecords, Header
from medallion.cleaner.lines import MAX_SHOWN, LineBlock, Reject
from medallion.cleaner.quick import QuickReader
from medallion.cleaner.quotes import NEVER_CLOSED, Quoting, read_record
from medallion.cleaner.skipping import LineDialect, Skipped, without_footer
from medallion.cleaner.splitting import Splitter
from medallion.config.dialect import Dialect


@dataclass
class RecordBlock:
    """Records in the order of their lines, and the lines that are none.

    Attributes:
        frame: A record a row: string columns, named by position, `_line`, where it begins, and `_record`, as it stands
            in the file. Without `_record` it is the values with `delimiter` between them.
        rejects: The lines that are no records.
        delimiter: Between values.
    """

    frame: pl.DataFrame
    rejects: list[Reject] = field(default_factory=list)
    delimiter: str = ","

    def records(self, rows: pl.Series | None = None) -> pl.Series:
        """Return the records of some rows, or of all, as they stand in the file.

        Args:
            rows: A mask.
        """
        chosen = self.frame if rows is None else self.frame.filter(rows)
        if "_record" in chosen.columns:
            return chosen["_record"]
        return chosen.select(pl.concat_str(pl.exclude("_line"), separator=self.delimiter)).to_series()


class Cutter(Protocol):
    """Cuts lines into columns; `Splitter` does at delimiters, and says what each method is for."""

    def prepare(self, records: pl.Series) -> pl.Series: ...  # noqa: D102

    def wild(self, records: pl.Series, prepared: pl.Series, *, returns: bool) -> pl.Series: ...  # noqa: D102

    def split(self, lines: pl.DataFrame, rejects: list[Reject]) -> Iterator[pl.DataFrame]: ...  # noqa: D102

    def fit(self, values: list[str]) -> list[str]: ...  # noqa: D102

    def misfit(self, found: int) -> str: ...  # noqa: D102

    def rows(self, rows: list[tuple[str | int, ...]]) -> pl.DataFrame: ...  # noqa: D102


class Form(HasRecords, Protocol):
    """How lines become records."""

    @property
    def line_end(self) -> str:
        """What stands between the lines of a record."""
        ...

    def cutter(self, width: int, done: Counter[str]) -> Cutter:
        """Return what cuts lines into so many columns; `done` receives how many were padded or cut."""
        ...

    def quick(self, width: int) -> QuickReader | None:
        """Return what reads blocks of plain lines in one go, if the form has such lines."""
        ...


class Delimited:
    """The form of delimited text."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect, self._quoting = dialect, Quoting(dialect)
        self.line_end = dialect.line_end

    def read(self, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | str | None:
        """Return a record's values and line count; or why it is no record; or None if the block ends too soon."""
        return read_record(self._quoting, block, index, last=last)

    def cutter(self, width: int, done: Counter[str]) -> Splitter:
        """Return what splits lines at delimiters."""
        return Splitter(self._dialect, self._quoting, width, done)

    def quick(self, width: int) -> QuickReader:
        """Return what reads blocks without quotes."""
        return QuickReader(self._dialect, width)


class Records:
    """Reads the header, then hands out blocks of records.

    Attributes:
        header: The names of the columns.
        header_line: Where the header begins; 0 if there is none.
        done: What the dialect's options did, and to how many lines or rows.
        notes: What a reader of the log should know; nothing.

    Args:
        blocks: Lines, in order.
        dialect: Where the header is, and which lines are left out.
        names: Of the columns that are expected, for a dialect without a header or that finds it by them.
        form: How lines become records; by default as a dialect of delimited text has it.

    Raises:
        BadInput: There is no header.
    """

    def __init__(
        self,
        blocks: Iterable[LineBlock],
        dialect: LineDialect,
        names: Sequence[str] = (),
        form: Form | None = None,
    ) -> None:
        if form is None:
            assert isinstance(dialect, Dialect)
            form = Delimited(dialect)
        self.done: Counter[str] = Counter()
        self.notes: list[str] = []
        self._form, self._skipped = form, Skipped(dialect)
        self._blocks = without_footer(iter(blocks), dialect.footer_rows, self.done)
        header = Header(dialect, form, self._skipped, names, self.done)
        self._waiting = header.read(self._blocks)
        self.header, self.header_line = header.names, header.line
        self._splitter: Cutter = form.cutter(len(self.header), self.done)
        self._quick = form.quick(len(self.header))
        self._sign = dialect.delimiter if isinstance(dialect, Dialect) else ""

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the records in the order of the file, block by block."""
        for block in self._blocks:
            yield self._block(self._waiting.joined(block), last=False)
        yield self._block(self._waiting, last=True)

    def _block(self, block: LineBlock, *, last: bool) -> RecordBlock:
        if self._quick is not None and (quick := self._quick.read(block)) is not None:
            self._waiting = block.after(block.height)
            return self._checked(block, *quick)
        return self._careful(block, last=last)

    def _checked(self, block: LineBlock, rows: pl.DataFrame, fits: pl.Series) -> RecordBlock:
        """Read the lines that have another number of values carefully."""
        if len(self.header) == 1:
            fits &= rows["0"].str.len_bytes() > 0  # a line without a value is left out
        found = RecordBlock(rows, [], self._sign)
        if fits.all():
            return found
        fitting = rows.filter(fits).with_columns(found.records(fits).alias("_record"))
        frames = [fitting, *self._splitter.split(self._lines(block).filter(~fits), found.rejects)]
        return RecordBlock(pl.concat(frames).sort("_line"), found.rejects)

    def _lines(self, block: LineBlock) -> pl.DataFrame:
        numbers = pl.int_range(block.first, block.first + block.height, eager=True)
        records = block.lines.str.strip_suffix("\r") if block.returns else block.lines
        return pl.DataFrame({"_line": numbers, "_record": records, "_text": self._splitter.prepare(records)})

    def _careful(self, block: LineBlock, *, last: bool) -> RecordBlock:
        rejects: list[Reject] = []
        lines = self._lines(block)
        numbers, records = lines["_line"], lines["_record"]
        skipped = self._skipped.mask(records, block.first)
        wild = self._splitter.wild(records, lines["_text"], returns=block.returns)
        if skipped is not None:
            wild = wild.filter(~skipped.gather(wild))
        rows: list[tuple[str | int, ...]] = []
        taken, end = self._untangle(block, wild.to_list(), last, rows, rejects)
        if taken or end < lines.height or skipped is not None:
            left = ~numbers.is_in([block.first + index for index in taken]) & (numbers < block.first + end)
            if skipped is not None:
                self._skipped.count(records, left & skipped, self.done)
                left &= ~skipped
            lines = lines.filter(left)
        if block.bad:
            unreadable = pl.col("_line").is_in(list(block.bad))
            shown = lines.filter(unreadable).select("_line", "_record").rows()
            rejects += [Reject(line, block.bad[line], text[:MAX_SHOWN]) for line, text in shown]
            lines = lines.filter(~unreadable)
        self._waiting = block.after(end)
        frames = [*self._splitter.split(lines, rejects), *([self._splitter.rows(rows)] if rows else ())]
        found = pl.concat(frames) if len(frames) == 1 else pl.concat(frames).sort("_line")
        return RecordBlock(found, rejects)

    def _untangle(
        self,
        block: LineBlock,
        wild: list[int],
        last: bool,
        rows: list[tuple[str | int, ...]],
        rejects: list[Reject],
    ) -> tuple[list[int], int]:
        """Read what begins at lines that are no well-formed record by themselves.

        Returns:
            The indices of the lines that belong to it, and the index where a record begins that needs the
            next block (else the number of lines).
        """
        taken: list[int] = []
        at = 0
        for index in wild:
            if index < at:
                continue  # inside the record before
            number, read = block.first + index, self._form.read(block, index, last=last)
            if read is None:
                return taken, index
            count = 1 if isinstance(read, str) else read[1]
            values = read if isinstance(read, str) else self._splitter.fit(read[0])
            bad = [block.bad[line] for line in range(number, number + count) if line in block.bad]
            text = self._form.line_end.join(block.lines[index : index + count])
            if bad or isinstance(values, str) or len(values) != len(self.header):
                if not bad and count > 1:
                    # No row of the file spans these lines: the quote is astray, and they may be rows.
                    count, text, values = 1, block.lines[index], NEVER_CLOSED
                reason = bad[0] if bad else values if isinstance(values, str) else self._splitter.misfit(len(values))
                rejects.append(Reject(number, reason, text[:MAX_SHOWN]))
            else:
                rows.append((*values, number, text))
            taken += range(index, index + count)
            at = index + count
        return taken, block.height
