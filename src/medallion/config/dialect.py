"""How a file of delimited text is written: the terms of Frictionless' Table Dialect, and some of our own.

Its terms are those of https://datapackage.org/standard/table-dialect/. Ours are `findHeader`, `footerRows`,
`skipLines`, `strayQuotes`, `shortRows` and `longRows`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from medallion.config import encodings
from medallion.config.model import ConfigModel
from medallion.config.patterns import check_pattern

ENCODING = f"The encoding of the file: {', '.join(encodings.ENCODINGS)}."
Line = Annotated[int, Field(ge=1)]


class Dialect(ConfigModel):
    """How the file is written. It may be gzipped, and may begin with a byte order mark."""

    delimiter: str = Field(
        ",", min_length=1, max_length=8, pattern=r'^[^"\r\n\x00]+$', description="Between values: one sign or several."
    )
    encoding: str | None = Field(None, description=f"{ENCODING} By default the contract's `encoding`.")
    line_terminator: Literal["\n", "\r\n", "\r"] = Field(
        "\r\n",
        alias="lineTerminator",
        description="`\\r`: lines end with a carriage return alone. Else with a line feed, with or without one.",
    )
    quote_char: str | None = Field(
        '"', alias="quoteChar", description="Around values that hold a delimiter; null: quotes are signs like others."
    )
    double_quote: bool = Field(True, alias="doubleQuote", description="Two quotes inside a quoted value are one.")
    escape_char: str | None = Field(
        None, alias="escapeChar", description="Takes the meaning from the sign behind it, such as `\\`."
    )
    skip_initial_space: bool = Field(
        False, alias="skipInitialSpace", description="Spaces behind a delimiter are no part of the value."
    )
    header: bool = Field(True, description="false: no line names the columns; they are the fields, in their order.")
    header_rows: tuple[Line, ...] = Field(
        (1,),
        alias="headerRows",
        min_length=1,
        description="The line that names the columns, counted from 1 as an editor does, or several that follow each "
        "other. Lines above it are not read.",
    )
    header_join: str = Field(" ", alias="headerJoin", description="Between the names of several header rows.")
    find_header: bool = Field(
        False,
        alias="findHeader",
        description="The header is the first line that has the names of all fields. Lines above it are not read.",
    )
    comment_char: str | None = Field(
        None, alias="commentChar", min_length=1, max_length=8, description="Lines that begin with it are not read."
    )
    comment_rows: tuple[Line, ...] = Field((), alias="commentRows", description="Lines that are not read.")
    skip_lines: str | None = Field(
        None,
        alias="skipLines",
        description="A regular expression. Lines that it finds are not read, such as `^Total`.",
    )
    footer_rows: int = Field(
        0, alias="footerRows", ge=0, le=1000, description="How many lines at the end, besides blank ones, are not read."
    )
    stray_quotes: Literal["reject", "keep"] = Field(
        "reject",
        alias="strayQuotes",
        description='Quotes inside a value that begins with none, as in `6" pipe`: `keep` takes them as they are.',
    )
    short_rows: Literal["reject", "pad"] = Field(
        "reject", alias="shortRows", description="Rows with too few values: `pad` takes the others as empty."
    )
    long_rows: Literal["reject", "cut"] = Field(
        "reject", alias="longRows", description="Rows with too many values: `cut` drops those behind the last column."
    )

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, value: str) -> str:
        if any(sign.isalnum() for sign in value):
            raise ValueError(f"{value!r} is a part of values — use one of , ; | or a tab")
        return value

    @field_validator("quote_char", "escape_char")
    @classmethod
    def _sign(cls, value: str | None) -> str | None:
        if value is not None and not (len(value) == 1 and 32 < ord(value) < 127 and not value.isalnum()):
            raise ValueError(f"{value!r} is not one ASCII sign — write one such as ' or \\")
        return value

    @field_validator("skip_lines")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        return value if value is None else check_pattern(value)

    @field_validator("encoding")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return value if value is None else encodings.canonical(value)

    @model_validator(mode="after")
    def _consistent(self) -> Dialect:
        signs = [
            one for one in (self.delimiter, self.quote_char, self.escape_char, self.comment_char) if one is not None
        ]
        twice = next((one for one in signs if sum(one in other for other in signs) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} has two meanings in the dialect — give each its own sign")
        if self.escape_char and "double_quote" in self.model_fields_set and self.double_quote:
            raise ValueError("`escapeChar` and `doubleQuote: true` exclude each other — keep one of them")
        if self.skip_initial_space and " " in self.delimiter:
            raise ValueError("`skipInitialSpace` takes away the spaces of the delimiter — keep one of them")
        first = self.header_rows[0]
        if self.header_rows != tuple(range(first, first + len(self.header_rows))):
            raise ValueError(f"`headerRows` {list(self.header_rows)} have a gap — write lines that follow each other")
        if not self.header and (self.find_header or self.header_rows != (1,)):
            raise ValueError("`header: false` and a place for the header exclude each other — keep one of them")
        if self.find_header and self.header_rows != (1,):
            raise ValueError("`findHeader` and `headerRows` exclude each other — keep one of them")
        return self

    @property
    def doubles_quotes(self) -> bool:
        """Whether two quotes inside a quoted value are one: not where a sign escapes them."""
        return self.double_quote and self.escape_char is None

    @property
    def line_end(self) -> str:
        """What ends a line; before a line feed there may be a carriage return too."""
        return "\r" if self.line_terminator == "\r" else "\n"

    @property
    def above(self) -> int:
        """How many lines stand above the header, whatever they hold."""
        return self.header_rows[0] - 1
