"""How a file of delimited text is written: the terms of Frictionless' Table Dialect, and some of our own.

Its terms are those of https://datapackage.org/standard/table-dialect/. Ours are `findHeader`, `footerRows`,
`skipLines`, `strayQuotes`, `shortRows` and `longRows`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from medallion.config.format import (
    CommentChar,
    CommentRows,
    Encoding,
    FindHeader,
    FooterRows,
    Format,
    HasHeader,
    HeaderJoin,
    HeaderRows,
    LineTerminator,
    LongRows,
    SkipLines,
    check_header,
)


class Dialect(Format):
    """Delimited text, the default. It may begin with a byte order mark."""

    called: ClassVar[str] = "delimited text"
    is_text: ClassVar[bool] = True
    format: Literal["csv"] = Field("csv", description="How the file is written.")
    delimiter: str = Field(
        ",", min_length=1, max_length=8, pattern=r'^[^"\r\n\x00]+$', description="Between values: one sign or several."
    )
    encoding: Encoding = None
    line_terminator: LineTerminator = "\r\n"
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
    header: HasHeader = True
    header_rows: HeaderRows = (1,)
    header_join: HeaderJoin = " "
    find_header: FindHeader = False
    comment_char: CommentChar = None
    comment_rows: CommentRows = ()
    skip_lines: SkipLines = None
    footer_rows: FooterRows = 0
    stray_quotes: Literal["reject", "keep"] = Field(
        "reject",
        alias="strayQuotes",
        description='Quotes inside a value that begins with none, as in `6" pipe`: `keep` takes them as they are.',
    )
    short_rows: Literal["reject", "pad"] = Field(
        "reject", alias="shortRows", description="Rows with too few values: `pad` takes the others as empty."
    )
    long_rows: LongRows = "reject"

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
        check_header(header=self.header, find_header=self.find_header, header_rows=self.header_rows)
        return self

    @property
    def doubles_quotes(self) -> bool:
        """Whether two quotes inside a quoted value are one: not where a sign escapes them."""
        return self.double_quote and self.escape_char is None

    @property
    def line_end(self) -> str:
        """What ends a line; before a line feed there may be a carriage return too."""
        return "\r" if self.line_terminator == "\r" else "\n"
