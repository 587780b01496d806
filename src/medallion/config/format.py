"""What all formats of files share: the key that names the format, and the terms of formats that are lines of text."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from medallion.config import encodings
from medallion.config.model import ConfigModel
from medallion.config.patterns import check_pattern

ENCODING = f"The encoding of the file: {', '.join(encodings.ENCODINGS)}."
Line = Annotated[int, Field(ge=1)]


class Format(ConfigModel):
    """Base of the models of all formats.

    Attributes:
        called: What people call such a file.
        is_text: Whether it is lines of text, which have an encoding.
    """

    called: ClassVar[str]
    is_text: ClassVar[bool] = False
    format: str
    member: str | None = Field(
        None, min_length=1, description="The file to read of a zip archive that holds several, such as `orders*.csv`."
    )


def _check_rows(value: tuple[int, ...]) -> tuple[int, ...]:
    if value != tuple(range(value[0], value[0] + len(value))):
        raise ValueError(f"`headerRows` {list(value)} have a gap — write lines that follow each other")
    return value


def check_header(*, header: bool, find_header: bool, header_rows: tuple[int, ...]) -> None:
    """Refuse terms of the header that exclude each other.

    Raises:
        ValueError: Two of them do.
    """
    if not header and (find_header or header_rows != (1,)):
        raise ValueError("`header: false` and a place for the header exclude each other — keep one of them")
    if find_header and header_rows != (1,):
        raise ValueError("`findHeader` and `headerRows` exclude each other — keep one of them")


def _canonical(value: str | None) -> str | None:
    return value if value is None else encodings.canonical(value)


def _pattern(value: str | None) -> str | None:
    return value if value is None else check_pattern(value)


Encoding = Annotated[
    str | None, AfterValidator(_canonical), Field(description=f"{ENCODING} By default the contract's `encoding`.")
]
LineTerminator = Annotated[
    Literal["\n", "\r\n", "\r"],
    Field(
        alias="lineTerminator",
        description="`\\r`: lines end with a carriage return alone. Else with a line feed, with or without one.",
    ),
]
HasHeader = Annotated[bool, Field(description="false: no line names the columns; they are the fields, in their order.")]
HeaderRows = Annotated[
    tuple[Line, ...],
    AfterValidator(_check_rows),
    Field(
        alias="headerRows",
        min_length=1,
        description="The line that names the columns, counted from 1 as an editor does, or several that follow each "
        "other. Lines above it are not read.",
    ),
]
HeaderJoin = Annotated[str, Field(alias="headerJoin", description="Between the names of several header rows.")]
FindHeader = Annotated[
    bool,
    Field(
        alias="findHeader",
        description="The header is the first line that has the names of all fields. Lines above it are not read.",
    ),
]
CommentChar = Annotated[
    str | None,
    Field(alias="commentChar", min_length=1, max_length=8, description="Lines that begin with it are not read."),
]
CommentRows = Annotated[tuple[Line, ...], Field(alias="commentRows", description="Lines that are not read.")]
SkipLines = Annotated[
    str | None,
    AfterValidator(_pattern),
    Field(
        alias="skipLines",
        description="A regular expression. Lines that it finds are not read, such as `^Total`.",
    ),
]
FooterRows = Annotated[
    int,
    Field(
        alias="footerRows",
        ge=0,
        le=1000,
        description="How many lines at the end, besides blank ones, are not read.",
    ),
]
LongRows = Annotated[
    Literal["reject", "cut"],
    Field(alias="longRows", description="Rows with too many values: `cut` drops those behind the last column."),
]
