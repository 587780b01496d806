"""JSON lines: an object on each line (https://jsonlines.org/)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from medallion.config.format import Encoding, Format


class JsonlDialect(Format):
    """JSON lines: each line is an object, and its keys are the names of the columns."""

    called: ClassVar[str] = "JSON lines"
    is_text: ClassVar[bool] = True
    format: Literal["jsonl"] = Field(description="How the file is written.")
    encoding: Encoding = None
