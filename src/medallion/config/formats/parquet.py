"""Parquet, which says of itself what it holds."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from medallion.config.format import Format


class ParquetDialect(Format):
    """A Parquet file. It has no terms: it names its columns and their types itself."""

    called: ClassVar[str] = "a Parquet file"
    format: Literal["parquet"] = Field(description="How the file is written.")
