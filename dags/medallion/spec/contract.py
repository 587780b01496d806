"""A data contract: what a file must look like, how its values are cleaned, and which rows are refused.

The terms are those of Frictionless Table Schema (fields, types, formats, `missingValues`, constraints,
`primaryKey`; https://specs.frictionlessdata.io/table-schema/) and of its CSV Dialect, plus named cleaning rules.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from medallion.spec.part import Part

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,54}$")]
"""A Postgres name that needs no quotes."""


class Dialect(Part):
    """How the file is written. It may be gzipped, and may begin with a byte order mark."""

    delimiter: str = Field(",", pattern=r'^[^"\r\n]$', description="One ASCII character between values.")
    quote_char: Literal['"'] = Field('"', alias="quoteChar", description="Around values; doubled inside them.")
    header_rows: tuple[Annotated[int, Field(ge=1)]] = Field(
        (1,),
        alias="headerRows",
        description="The line that names the columns, counted from 1 as an editor does. Lines above it are not read.",
    )

    @field_validator("delimiter")
    @classmethod
    def _ascii(cls, value: str) -> str:
        if not value.isascii():
            raise ValueError(f"{value!r} is not ASCII — use one of , ; | or a tab")
        return value


class Case(Part):
    """Changes letters' case."""

    case: Literal["upper", "lower", "title"]


class Replace(Part):
    """Replaces whole values, such as known typos."""

    replace: dict[str, str] = Field(min_length=1)


class ReplacePattern(Part):
    """Replaces every match of a regular expression (https://docs.rs/regex); `$1` is its first group."""

    replace_pattern: str = Field(min_length=1)
    by: str = Field(description="What to write instead.")

    @field_validator("replace_pattern")
    @classmethod
    def _regex(cls, value: str) -> str:
        return check_pattern(value)


Rule = Literal["trim", "collapse_whitespace", "currency", "fix_mojibake"] | Case | Replace | ReplacePattern
"""`trim` cuts white space at both ends, `collapse_whitespace` makes one blank of several, `currency` removes
currency signs and thousands separators and turns `(12.50)` into `-12.50`, and `fix_mojibake` turns UTF-8 that
somebody read as Windows-1252 (`SÃ¡nchez`) back into what it was (`Sánchez`) and leaves all other text alone."""


class Constraints(Part):
    """What a value must satisfy after cleaning. A row with a value that does not is rejected."""

    required: bool = False
    minimum: float | date | None = Field(None, description="Smallest number or earliest date.")
    maximum: float | date | None = Field(None, description="Largest number or latest date.")
    max_length: int | None = Field(None, alias="maxLength", ge=1)
    pattern: str | None = Field(None, description="Regular expression that the whole value must match.")
    enum: tuple[str, ...] | None = Field(None, min_length=1, description="The only values allowed.")

    @field_validator("pattern")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else check_pattern(value)


class Derive(Part):
    """A column that the file does not have: a product of other columns, or the same value in every row."""

    multiply: tuple[Identifier, ...] | None = Field(None, min_length=2, description="Exact product of these fields.")
    constant: str | None = Field(None, description="The same value in every row; null by default.")


class ContractField(Part):
    """One column of the table, and the column of the file that it comes from."""

    name: Identifier
    source: str | None = Field(
        None,
        description="The column's name in the file; by default `name`. "
        "Columns of the same name are `Region (1)` and `Region (2)`.",
    )
    title: str = ""
    description: str = ""
    type: Literal["string", "integer", "number", "boolean", "date", "datetime"] = "string"
    format: str | tuple[str, ...] | None = Field(
        None, description="For dates: strptime patterns, tried in order. By default ISO 8601."
    )
    decimals: int = Field(2, ge=0, le=12, description="For numbers: places kept after the point, rounded half up.")
    true_values: tuple[str, ...] = Field(("true", "True", "TRUE", "1"), alias="trueValues")
    false_values: tuple[str, ...] = Field(("false", "False", "FALSE", "0"), alias="falseValues")
    missing_values: tuple[str, ...] | None = Field(
        None, alias="missingValues", description="Instead of the contract's own."
    )
    clean: tuple[Rule, ...] = Field(("trim",), description="Cleaning rules, in order.")
    constraints: Constraints = Constraints()
    derive: Derive | None = None

    @property
    def header(self) -> str:
        """The column's name in the file."""
        return self.source if self.source is not None else self.name

    @property
    def formats(self) -> tuple[str, ...]:
        """The strptime patterns of a date or datetime."""
        if self.format is None:
            return ("%Y-%m-%d",) if self.type == "date" else ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
        return (self.format,) if isinstance(self.format, str) else self.format

    @model_validator(mode="after")
    def _fits(self) -> ContractField:
        if self.derive is not None and self.source is not None:
            raise ValueError(f"{self.name} is derived and has a `source` — keep one of them")
        bounds = (self.constraints.minimum, self.constraints.maximum)
        dated = self.type in ("date", "datetime")
        if any(bound is not None and isinstance(bound, date) != dated for bound in bounds):
            raise ValueError(f"`minimum` and `maximum` of a {self.type} are {self.type}s — write them as such")
        if self.type in ("string", "boolean") and any(bound is not None for bound in bounds):
            raise ValueError(f"a {self.type} has no `minimum` or `maximum` — use `maxLength`, `pattern` or `enum`")
        return self


class Rejects(Part):
    """How many rows may be rejected before the load as a whole is refused."""

    max_share: float = Field(0.05, ge=0, le=1, description="Share of all rows, from 0 to 1.")
    max_rows: int | None = Field(None, ge=0, description="Number of rows, on top of the share.")


class Contract(Part):
    """What a file must look like, and the table that its rows are loaded into."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$", description="The file's own name.")
    title: str = ""
    description: str = ""
    table: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,54}$", description="`schema.table`.")
    encoding: Literal["utf-8"] = "utf-8"
    dialect: Dialect = Dialect()
    missing_values: tuple[str, ...] = Field(
        ("",), alias="missingValues", description="What means that there is no value, after cleaning."
    )
    fields: tuple[ContractField, ...] = Field(min_length=1)
    primary_key: tuple[Identifier, ...] = Field(
        (), alias="primaryKey", description="Later rows with the key of an earlier one are rejected."
    )
    rejects: Rejects = Rejects()
    unknown_columns: Literal["error", "ignore"] = Field("error", description="Columns that the contract has not.")
    missing_columns: Literal["error", "null"] = Field("error", description="Columns that the file has not.")
    empty: Literal["error", "allow"] = Field("error", description="A file without rows.")

    @field_validator("primary_key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        names = [field.name for field in self.fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"field {twice[0]!r} is there twice — give each field its own name")
        _check_names(self.fields)
        by_name = {field.name: field for field in self.fields}
        for name in self.primary_key:
            if name not in by_name or by_name[name].derive is not None:
                raise ValueError(f"`primaryKey` names {name!r}, which is no field of the file — {_known(names)}")
        for field in self.fields:
            for part in (field.derive and field.derive.multiply) or ():
                if part not in by_name or by_name[part].type not in ("integer", "number") or by_name[part].derive:
                    raise ValueError(
                        f"{field.name} multiplies {part!r}, which is no number of the file — {_known(names)}"
                    )
        return self


SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Names that Postgres gives to columns of its own in every table."""


def _check_names(fields: tuple[ContractField, ...]) -> None:
    """Refuses fields that no table can have, and fields that read the same column."""
    readers: dict[str, str] = {}
    for field in fields:
        if field.name in SYSTEM_COLUMNS:
            raise ValueError(f"`{field.name}` is a system column of Postgres — choose another name and add `source`")
        if field.derive is not None:
            continue
        if field.header != field.header.strip():
            raise ValueError(
                f"`source: {field.header!r}` of {field.name} begins or ends with a blank, and names in a header are "
                f"trimmed — write {field.header.strip()!r}"
            )
        if field.header in readers:
            raise ValueError(
                f"{readers[field.header]} and {field.name} both read the column {field.header!r} — remove one of them; "
                f"if the file has two columns of this name, write `source: {f'{field.header} (1)'.strip()!r}` and "
                f"`source: {f'{field.header} (2)'.strip()!r}`"
            )
        readers[field.header] = field.name


def check_pattern(value: str) -> str:
    """Returns a regular expression that both Python and the cleaner's engine understand.

    Raises:
        ValueError: It is none, or uses look-around or back-references, which the cleaner's engine lacks.
    """
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error} — try it at a Python prompt") from error
    if re.search(r"\(\?(=|!|<=|<!|P=)|\\[1-9]", value):
        raise ValueError(f"{value!r} looks around or back — rewrite it without (?=…), (?!…), (?<…) and \\1")
    return value


def _known(names: list[str]) -> str:
    return f"the fields are {', '.join(names)}"
