"""Lines that are a record each into columns: the quick way, which polars goes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import polars as pl

from medallion.cleaner.lines import MAX_SHOWN, Reject
from medallion.cleaner.quotes import QuotedRecord, Quoting
from medallion.config.dialect import Dialect
from medallion.errors import BadInput

_STANDS_IN = "\x1f"
"""For a delimiter that polars does not take: of several signs, or beyond ASCII."""
PADDED, CUT = "short rows padded", "long rows cut"


class Splitter:
    """Splits lines at the delimiters of a dialect.

    Args:
        dialect: How values are separated.
        quoting: The same, compiled.
        width: How many columns there are.
        done: Receives how many rows were padded or cut.
    """

    def __init__(self, dialect: Dialect, quoting: Quoting, width: int, done: Counter[str]) -> None:
        self._dialect, self._quoting, self._width, self._done = dialect, quoting, width, done
        plain = len(dialect.delimiter) == 1 and dialect.delimiter.isascii()
        self._sign = dialect.delimiter if plain else _STANDS_IN
        sign, quote = re.escape(self._sign), dialect.quote_char and re.escape(dialect.quote_char)
        doubled = f"|{quote}{quote}" if dialect.doubles_quotes else ""
        quoted = f"|{quote}(?:[^{quote}\\r]{doubled})*{quote}" if quote else ""
        value = f"(?:[^{quote or ''}\\r{sign}]*{quoted})"
        self._well_formed = f"^{value}(?:{sign}{value})*$"
        self._in_quotes = f"{quote}(?:[^{quote}]{doubled})*{quote}" if quote else None
        # polars takes a line feed for a line's end.
        line_feed = "\n" if quoting.line_end == "\r" else None
        self._unreadable = [one for one in (line_feed, dialect.escape_char, None if plain else _STANDS_IN) if one]
        self.names = [str(place) for place in range(width)]

    def prepare(self, records: pl.Series) -> pl.Series:
        """Return lines as `split` reads them."""
        if self._sign != self._dialect.delimiter:
            records = records.str.replace_all(self._dialect.delimiter, self._sign, literal=True)
        if self._dialect.skip_initial_space:
            records = records.str.replace_all(f"(^|{re.escape(self._sign)}) +", "${1}")
        return records

    def wild(self, records: pl.Series, prepared: pl.Series, *, returns: bool) -> pl.Series:
        """Return the places of lines that are no well-formed record by themselves, or that only `quotes` reads.

        Args:
            records: Lines.
            prepared: The same lines, as `prepare` returned them.
            returns: Whether they may hold carriage returns: polars drops one before a delimiter.
        """
        unreadable = pl.repeat(False, records.len(), eager=True)
        for sign in (*self._unreadable, *(("\r",) if returns else ())):
            unreadable |= records.str.contains(sign, literal=True)
        if self._dialect.quote_char is None:
            return unreadable.arg_true()
        quoted = records.str.contains(self._dialect.quote_char, literal=True)
        if self._dialect.skip_initial_space:
            unreadable |= quoted & (records != prepared)  # the spaces may be inside of quotes
        if quoted.any():
            formed = prepared.filter(quoted).str.contains(self._well_formed)
            unreadable |= quoted.scatter(quoted.arg_true(), ~formed)
        return unreadable.arg_true()

    def fit(self, values: list[str]) -> list[str]:
        """Return the values of a record as a row, padded or cut if the dialect says so."""
        missing = self._width - len(values)
        if missing > 0 and self._dialect.short_rows == "pad":
            self._done[PADDED] += 1
            return [*values, *[""] * missing]
        if missing < 0 and self._dialect.long_rows == "cut":
            self._done[CUT] += 1
            return values[: self._width]
        return values

    def misfit(self, found: int) -> str:
        """Return why a record with this number of values is rejected."""
        return f"has {found} values, the header has {self._width}"

    def split(self, lines: pl.DataFrame, rejects: list[Reject]) -> Iterator[pl.DataFrame]:
        """Yield rows of lines that are well-formed; what does not fit is rejected, and blank lines are left out.

        Args:
            lines: `_line`, `_record` as it is written, and `_text` as `prepare` returned it.
            rejects: Receives lines with another number of values.
        """
        text = lines["_text"]
        widths = self._widths(text)
        fits = widths == self._width
        if not fits.all() or self._width == 1:
            # In a file of one column, blanks are a value: only a line without any is no record.
            bare = text if self._width == 1 else text.str.strip_chars()
            blank = (bare.str.len_bytes() == 0) & (widths == 1)
            odd = lines.with_columns(widths.alias("_width")).filter(~fits & ~blank)
            yield from self._odd(odd, rejects)
            lines = lines.filter(fits & ~blank)
        yield self._read(lines)

    def _widths(self, text: pl.Series) -> pl.Series:
        widths = text.str.count_matches(self._sign, literal=True) + 1
        if self._in_quotes is not None:
            quoted = text.str.contains(self._dialect.quote_char or "", literal=True)
            if quoted.any():
                bare = text.filter(quoted).str.replace_all(self._in_quotes, "")
                widths = widths.scatter(quoted.arg_true(), bare.str.count_matches(self._sign, literal=True) + 1)
        return widths

    def _odd(self, odd: pl.DataFrame, rejects: list[Reject]) -> Iterator[pl.DataFrame]:
        for (width,), rows in odd.group_by("_width", maintain_order=True):
            assert isinstance(width, int)
            lines = rows.drop("_width")
            if width < self._width and self._dialect.short_rows == "pad":
                self._done[PADDED] += lines.height
                padding = self._sign * (self._width - width)
                yield self._read(lines.with_columns(pl.col("_text") + padding))
            elif width > self._width and self._dialect.long_rows == "cut":
                yield self._cut(lines)
            else:
                shown = lines.select("_line", "_record").rows()
                rejects += [Reject(line, self.misfit(width), record[:MAX_SHOWN]) for line, record in shown]

    def _cut(self, lines: pl.DataFrame) -> pl.DataFrame:
        rows = []
        for line, record in lines.select("_line", "_record").rows():
            read = QuotedRecord(self._quoting)
            read.feed(record)
            rows.append((*self.fit(read.values), line, record))
        return self.rows(rows)

    def rows(self, rows: list[tuple[str | int, ...]]) -> pl.DataFrame:
        """Return rows, each with its line and record behind its values, as a frame."""
        schema = {**dict.fromkeys(self.names, pl.String), "_line": pl.Int64, "_record": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _read(self, lines: pl.DataFrame) -> pl.DataFrame:
        text, lines = lines["_text"], lines.drop("_text")
        if lines.is_empty():
            return pl.DataFrame(schema=dict.fromkeys(self.names, pl.String)).hstack(lines)
        # The header keeps polars from taking a mark at the beginning of the first value for a byte order mark.
        records: str = text.str.join("\n").item()
        values = pl.read_csv(
            f"{self._sign.join(self.names)}\n{records}".encode(),
            separator=self._sign,
            quote_char=self._dialect.quote_char,
            schema=dict.fromkeys(self.names, pl.String),
            empty_string_is_null=False,
        )
        if values.height != lines.height:
            raise BadInput(
                f"{lines.height} records from line {lines['_line'][0]} on were read as {values.height}",
                "please report this with the file; nothing was loaded",
            )
        if self._sign != self._dialect.delimiter and self._dialect.quote_char:
            # Inside of quotes it was no delimiter.
            values = values.with_columns(pl.all().str.replace_all(self._sign, self._dialect.delimiter, literal=True))
        return values.hstack(lines)
