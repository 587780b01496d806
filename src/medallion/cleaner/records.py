"""Lines into records of as many values as the header has columns; what is no such record is rejected.

Almost all records are a line each, which polars reads. Where quotes span lines or stand astray, `quotes` reads: if
what begins at a line makes no record, that line alone is rejected and reading resumes at the next. So one bad quote
never swallows its neighbours, whatever the block size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from medallion.cleaner.lines import MAX_SHOWN, LineBlock, Reject
from medallion.cleaner.quotes import QuotedRecord, StrayQuoteError
from medallion.config.contract import Dialect
from medallion.errors import BadInput

MAX_RECORD_CHARS = 1 << 20
"""A value that spans lines must end within so many characters of its record's beginning."""
_NEVER_CLOSED = "opens a quote that is never closed"


@dataclass
class RecordBlock:
    """Records as a frame of string columns, named by position, plus `_line` and `_record`; and the rejects."""

    frame: pl.DataFrame
    rejects: list[Reject] = field(default_factory=list)


class Records:
    """Reads the header, then hands out blocks of records. `header_line` is where the header begins.

    Args:
        blocks: Lines, in order.
        dialect: How values are separated.

    Raises:
        BadInput: There is no header.
    """

    def __init__(self, blocks: Iterable[LineBlock], dialect: Dialect) -> None:
        self._delimiter = dialect.delimiter
        self._above = dialect.header_rows[0] - 1
        self._blocks = iter(blocks)
        value = rf'(?:[^"\r{re.escape(dialect.delimiter)}]*|"(?:[^"\r]|"")*")'
        self._well_formed = rf"^{value}(?:{re.escape(dialect.delimiter)}{value})*$"
        self._waiting, self.header_line, self.header = self._read_header()
        self._names = [str(index) for index in range(len(self.header))]

    def _read_header(self) -> tuple[LineBlock, int, list[str]]:
        for block in self._blocks:
            for index, line in enumerate(block.lines):
                number = block.first + index
                if number <= self._above or not line.strip():
                    continue
                if number in block.bad:
                    raise BadInput(
                        f"line {number}, where the header should be, {block.bad[number]}",
                        "save the file as UTF-8 text whose first line names the columns",
                    )
                read = self._read(block, index, last=True) or _NEVER_CLOSED
                if isinstance(read, str):
                    raise BadInput(f"the header on line {number} {read}", "close the quote, or take it away")
                values, count = read
                return block.after(index + count), number, values
        if self._above:
            raise BadInput(
                f"the file has no header: it ends above line {self._above + 1}, where the contract says that it is",
                "correct `headerRows` in the contract's dialect, or the file",
            )
        raise BadInput("the file is empty: it has no header", "send a file whose first line names the columns")

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the records in the order of the file, block by block."""
        for block in self._blocks:
            yield self._block(self._waiting.joined(block), last=False)
        yield self._block(self._waiting, last=True)

    def _block(self, block: LineBlock, *, last: bool) -> RecordBlock:
        rejects: list[Reject] = []
        numbers = pl.int_range(block.first, block.first + block.lines.len(), eager=True)
        records = block.lines.str.strip_suffix("\r") if block.returns else block.lines
        lines = pl.DataFrame({"_line": numbers, "_record": records})
        frames: list[pl.DataFrame] = []
        end = lines.height
        special = records.str.contains('"', literal=True)
        if block.returns:
            # polars drops a carriage return before a delimiter.
            special |= records.str.contains("\r", literal=True)
        if special.any():
            formed = lines["_record"].filter(special).str.contains(self._well_formed)
            wild = special.arg_true().filter(~formed).to_list()
            taken, end = self._untangle(block, wild, last, frames, rejects)
            lines = lines.filter(
                ~numbers.is_in([block.first + index for index in taken]) & (numbers < block.first + end)
            )
        self._waiting = block.after(end)
        return RecordBlock(pl.concat([self._split(lines, block.bad, rejects), *frames]), rejects)

    def _untangle(
        self, block: LineBlock, wild: list[int], last: bool, frames: list[pl.DataFrame], rejects: list[Reject]
    ) -> tuple[list[int], int]:
        """Read what begins at lines that are no well-formed record by themselves.

        Returns:
            The indices of the lines that belong to it, and the index where a record begins that needs the
            next block (else the number of lines).
        """
        taken: list[int] = []
        rows: list[list[str | int]] = []
        at = 0
        for index in wild:
            if index < at:
                continue  # inside the record before
            number, read = block.first + index, self._read(block, index, last=last)
            if read is None:
                at = index
                break
            count = 1 if isinstance(read, str) else read[1]
            bad = [block.bad[line] for line in range(number, number + count) if line in block.bad]
            text = "\n".join(block.lines[index : index + count])
            if bad or isinstance(read, str) or len(read[0]) != len(self.header):
                if not bad and count > 1:
                    # No row of the file spans these lines: the quote is astray, and they may be rows.
                    count, text, read = 1, block.lines[index], _NEVER_CLOSED
                reason = bad[0] if bad else read if isinstance(read, str) else self._misfit(len(read[0]))
                rejects.append(Reject(number, reason, text[:MAX_SHOWN]))
            else:
                rows.append([*read[0], number, text])
            taken += range(index, index + count)
            at = index + count
        else:
            at = block.lines.len()
        if rows:
            schema = {**dict.fromkeys(self._names, pl.String), "_line": pl.Int64, "_record": pl.String}
            frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
        return taken, at

    def _read(self, block: LineBlock, index: int, *, last: bool) -> tuple[list[str], int] | str | None:
        """Return the record's values and line count; or why it is no record; or None if the block ends too soon."""
        record, chars = QuotedRecord(self._delimiter), 0
        for at in range(index, block.lines.len()):
            line = block.lines[at] + block.dropped
            chars += len(line) + 1
            if at > index and chars > MAX_RECORD_CHARS:
                return _NEVER_CLOSED
            try:
                if record.feed(line):
                    return record.values, at - index + 1
            except StrayQuoteError:
                return "has a quote in the middle of a value" if at == index else _NEVER_CLOSED
        return _NEVER_CLOSED if last else None

    def _misfit(self, found: int) -> str:
        return f"has {found} values, the header has {len(self.header)}"

    def _split(self, lines: pl.DataFrame, bad: dict[int, str], rejects: list[Reject]) -> pl.DataFrame:
        """Split records of one line each, well-formed or without quotes."""
        if bad:
            unreadable = pl.col("_line").is_in(list(bad))
            rejects += [Reject(line, bad[line], text[:MAX_SHOWN]) for line, text in lines.filter(unreadable).rows()]
            lines = lines.filter(~unreadable)
        record = lines["_record"]
        widths = record.str.count_matches(self._delimiter, literal=True) + 1
        quoted = record.str.contains('"', literal=True)
        if quoted.any():
            bare = record.filter(quoted).str.replace_all(r'"(?:[^"]|"")*"', "")
            widths = widths.scatter(quoted.arg_true(), bare.str.count_matches(self._delimiter, literal=True) + 1)
        fits = widths == len(self.header)
        if not fits.all() or len(self.header) == 1:
            # In a file of one column, blanks are a value: only a line without any is no record.
            bare = record if len(self.header) == 1 else record.str.strip_chars()
            blank = (bare.str.len_bytes() == 0) & (widths == 1)
            odd = lines.with_columns(widths.alias("_width")).filter(~fits & ~blank)
            rejects += [Reject(line, self._misfit(width), text[:MAX_SHOWN]) for line, text, width in odd.rows()]
            lines = lines.filter(fits & ~blank)
        if lines.is_empty():
            return pl.DataFrame(schema=dict.fromkeys(self._names, pl.String)).hstack(lines)
        # The header keeps polars from taking a mark at the beginning of the first value for a byte order mark.
        records: str = lines["_record"].str.join("\n").item()
        text = self._delimiter.join(self._names) + "\n" + records
        values = pl.read_csv(
            text.encode(),
            separator=self._delimiter,
            schema=dict.fromkeys(self._names, pl.String),
            empty_string_is_null=False,
        )
        if values.height != lines.height:
            raise BadInput(
                f"{lines.height} records from line {lines['_line'][0]} on were read as {values.height}",
                "please report this with the file; nothing was loaded",
            )
        return values.hstack(lines)
