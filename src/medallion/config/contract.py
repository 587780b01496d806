"""A data contract: what a file must look like, how its values are cleaned, and which rows are refused.

The terms are those of Frictionless Table Schema (fields, types, formats, `missingValues`, constraints,
`primaryKey`; https://specs.frictionlessdata.io/table-schema/) and of its Table Dialect, plus named cleaning rules.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from medallion.config import encodings
from medallion.config.columns import check_names
from medallion.config.derived import check_constant
from medallion.config.dialect import Dialect
from medallion.config.field import ContractField
from medallion.config.format import ENCODING
from medallion.config.formats import AnyFormat
from medallion.config.model import ConfigModel, Identifier, TableName
from medallion.config.table_limits import check_size

DuplicateKeys = Literal["keep_first", "keep_last", "reject_all"]
"""Which rows of a key stay if several rows of a load have it."""


class Rejects(ConfigModel):
    """How many rows may be rejected before the load as a whole is refused."""

    max_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest share of rejected rows, from 0 to 1. If it is exceeded, nothing is loaded.",
    )
    max_rows: int | None = Field(None, ge=0, description="Largest number of rejected rows, in addition to the share.")


class Contract(ConfigModel):
    """What a file must look like, and the table that its rows are loaded into."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$", description="The name of the file without its suffix.")
    title: str = Field("", description="A title for people.")
    description: str = Field("", description="A description for people.")
    table: TableName = Field(description="The `schema.table` that readers use.")
    encoding: str | None = Field(
        None, description=f"{ENCODING} By default utf-8. Set it here or in `dialect`, not in both."
    )
    dialect: AnyFormat = Field(Dialect(), description="How the file is written: `format`, and the keys of the format.")
    missing_values: tuple[str, ...] = Field(
        ("",), alias="missingValues", description="Cleaned texts that mean that there is no value."
    )
    fields: tuple[ContractField, ...] = Field(min_length=1, description="The columns of the table.")
    primary_key: tuple[Identifier, ...] = Field(
        (), alias="primaryKey", description="Columns that identify a row. `duplicate_keys` applies to repeated keys."
    )
    duplicate_keys: DuplicateKeys | None = Field(
        None,
        description="Which of the rows with the same `primaryKey` in a load is kept: the first, the last, or none of "
        "them. The others are rejected. By default `keep_first`; `keep_last` in an incremental load with "
        "`on_duplicate_key: replace`.",
    )
    rejects: Rejects = Rejects()
    unknown_columns: Literal["error", "ignore"] = Field(
        "error", description="Columns that only the file has: `ignore` accepts them."
    )
    missing_columns: Literal["error", "null"] = Field(
        "error", description="Columns that only the contract has: `null` accepts them, without values."
    )
    empty: Literal["error", "allow"] = Field("error", description="A file without rows: `allow` accepts it.")

    @property
    def codec(self) -> str:
        """The encoding of the file."""
        return self.encoding or self._dialect_encoding or "utf-8"

    @property
    def _dialect_encoding(self) -> str | None:
        return getattr(self.dialect, "encoding", None)

    @field_validator("encoding")
    @classmethod
    def _text(cls, value: str | None) -> str | None:
        return value if value is None else encodings.canonical(value)

    @field_validator("primary_key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        declared = self._dialect_encoding
        if self.encoding and not self.dialect.is_text:
            raise ValueError(f"{self.dialect.called} has no `encoding` — remove it, or correct `dialect.format`")
        if self.encoding and declared and self.encoding != declared:
            raise ValueError(f"`encoding` is {self.encoding} and `dialect.encoding` is {declared} — keep one of them")
        names = [field.name for field in self.fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"field {twice[0]!r} is there twice — give each field its own name")
        check_names(self.fields)
        check_size(self.fields, self.primary_key)
        by_name = {field.name: field for field in self.fields}
        if len({*self.primary_key}) < len(self.primary_key):
            raise ValueError("`primaryKey` names a field twice — keep one of them")
        if self.duplicate_keys and not self.primary_key:
            raise ValueError("`duplicate_keys` is there and `primaryKey` is not — add `primaryKey`, or leave it out")
        for name in self.primary_key:
            if name not in by_name or by_name[name].derive is not None:
                raise ValueError(f"`primaryKey` names {name!r}, which is no field of the file — {_known(names)}")
        for field in self.fields:
            check_constant(field, self.missing_values)
            for part in (field.derive and field.derive.multiply) or ():
                if part not in by_name or by_name[part].type not in ("integer", "number") or by_name[part].derive:
                    raise ValueError(
                        f"{field.name} multiplies {part!r}, which is no number of the file — {_known(names)}"
                    )
        return self


def _known(names: list[str]) -> str:
    return f"the fields are {', '.join(names)}"
