"""Text in columns of fixed widths."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

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
    SkipLines,
    check_header,
)


class FixedWidthDialect(Format):
    """Text in columns of fixed widths. Blanks around a value are no part of it."""

    called: ClassVar[str] = "text in columns of fixed widths"
    is_text: ClassVar[bool] = True
    format: Literal["fixed-width"] = Field(description="How the file is written.")
    widths: tuple[Annotated[int, Field(ge=1, le=1 << 20)], ...] = Field(
        min_length=1, description="How many characters each column has, such as `[8, 20, 10]`."
    )
    encoding: Encoding = None
    line_terminator: LineTerminator = "\r\n"
    header: HasHeader = True
    header_rows: HeaderRows = (1,)
    header_join: HeaderJoin = " "
    find_header: FindHeader = False
    comment_char: CommentChar = None
    comment_rows: CommentRows = ()
    skip_lines: SkipLines = None
    footer_rows: FooterRows = 0
    short_rows: Literal["reject", "pad"] = Field(
        "reject",
        alias="shortRows",
        description="Lines with fewer characters: `pad` takes the others as blanks.",
    )
    long_rows: Literal["reject", "cut"] = Field(
        "reject",
        alias="longRows",
        description="Lines with more than blanks behind the last column: `cut` drops that.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> FixedWidthDialect:
        check_header(header=self.header, find_header=self.find_header, header_rows=self.header_rows)
        return self

    @property
    def line_end(self) -> str:
        """What ends a line; before a line feed there may be a carriage return too."""
        return "\r" if self.line_terminator == "\r" else "\n"
