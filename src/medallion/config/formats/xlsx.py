"""Excel workbooks: which sheet, which part of it, and what of that is no row."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from medallion.config.format import (
    CommentChar,
    CommentRows,
    FindHeader,
    FooterRows,
    Format,
    HasHeader,
    HeaderJoin,
    HeaderRows,
    LongRows,
    SkipLines,
    check_header,
)

_RANGE = re.compile(r"\$?([A-Z]{1,3})?\$?([1-9][0-9]{0,6})?:\$?([A-Z]{1,3})?\$?([1-9][0-9]{0,6})?")
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384


def column_number(letters: str) -> int:
    """Return the number of a column, from 1 on."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def read_range(value: str) -> tuple[int, int, int, int]:
    """Return the first row, first column, last row and last column of a range as Excel writes it.

    Raises:
        ValueError: It is none.
    """
    found = _RANGE.fullmatch(value)
    if found is None or value == ":":
        raise ValueError(f"{value!r} is no range of cells — write one such as `B3:F200`, `B3:F` or `B:F`")
    left, top, right, bottom = found.groups()
    area = (int(top or 1), column_number(left or "A"), int(bottom or LAST_ROW), column_number(right or "XFD"))
    if area[0] > area[2] or area[1] > area[3] or area[2] > LAST_ROW or area[3] > LAST_COLUMN:
        raise ValueError(f"the range {value!r} has no cells — write its upper left and its lower right corner")
    return area


def _check_range(value: str | None) -> str | None:
    if value is not None:
        read_range(value)
    return value


class XlsxDialect(Format):
    """A sheet of an Excel workbook (`.xlsx`, `.xlsm`). Its rows are the lines of the other keys."""

    called: ClassVar[str] = "an Excel workbook"
    format: Literal["xlsx"] = Field(description="How the file is written.")
    sheet_name: str | None = Field(
        None, alias="sheetName", min_length=1, description="The sheet to read. By default the first that is not hidden."
    )
    sheet_number: int | None = Field(
        None, alias="sheetNumber", ge=1, description="The sheet to read, counted from 1 with the hidden ones."
    )
    range: Annotated[
        str | None,
        AfterValidator(_check_range),
        Field(description="The cells to read, such as `B3:F200`, `B3:F` or `B:F`. By default all of the sheet."),
    ] = None
    header: HasHeader = True
    header_rows: HeaderRows = (1,)
    header_join: HeaderJoin = " "
    find_header: FindHeader = False
    comment_char: CommentChar = None
    comment_rows: CommentRows = ()
    skip_lines: SkipLines = None
    footer_rows: FooterRows = 0
    long_rows: LongRows = "reject"

    @model_validator(mode="after")
    def _consistent(self) -> XlsxDialect:
        if self.sheet_name is not None and self.sheet_number is not None:
            raise ValueError("`sheetName` and `sheetNumber` exclude each other — keep one of them")
        check_header(header=self.header, find_header=self.find_header, header_rows=self.header_rows)
        return self
