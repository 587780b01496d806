"""One column of a data contract: its type, how its values are written and cleaned, and what they must satisfy."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from medallion.config.cleaning import Rule
from medallion.config.datetimes import compile_formats, default_formats, is_zoned
from medallion.config.derived import Derive, check_derived
from medallion.config.model import ConfigModel, Identifier
from medallion.config.patterns import check_pattern

MAX_DIGITS = 38
"""Digits of a number with `decimals`: what all databases and file formats can hold."""
TRUE_VALUES, FALSE_VALUES = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
Bound = int | float | date | datetime


class Constraints(ConfigModel):
    """What a value must satisfy after cleaning. A row with a value that does not is rejected."""

    required: bool = Field(False, description="Whether every row needs a value.")
    minimum: Bound | None = Field(None, description="Smallest number, or earliest date or datetime.")
    maximum: Bound | None = Field(None, description="Largest number, or latest date or datetime.")
    max_length: int | None = Field(None, alias="maxLength", ge=1, description="Most characters of the cleaned text.")
    pattern: str | None = Field(None, description="Regular expression that the whole cleaned text must match.")
    enum: tuple[str, ...] | None = Field(None, min_length=1, description="The only cleaned texts allowed.")

    @field_validator("pattern")
    @classmethod
    def _regex(cls, value: str | None) -> str | None:
        return value if value is None else check_pattern(value)

    @field_validator("minimum", "maximum", mode="before")
    @classmethod
    def _instant(cls, value: Any) -> Any:
        # Pydantic takes a number in quotes for seconds since 1970.
        if isinstance(value, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(f"{value[:100]!r} is no number and no date — write 5, without quotes, or 2024-01-31")
        # Read as a date, midnight would lose its offset.
        with suppress(ValueError):
            if isinstance(value, str) and "T" in value:
                return datetime.fromisoformat(value)
        return value


class ContractField(ConfigModel):
    """One column of the table, and the column of the file that it comes from."""

    name: Identifier = Field(description="The column of the table.")
    source: str | None = Field(
        None,
        description="The column's name in the file; by default `name`. "
        "Columns of the same name are `Region (1)` and `Region (2)`.",
    )
    title: str = Field("", description="A title for people.")
    description: str = Field("", description="A description for people.")
    type: Literal["string", "integer", "number", "boolean", "date", "datetime"] = Field(
        "string", description="What the values are."
    )
    format: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None, description="For dates and datetimes: one or more strptime patterns. By default ISO 8601."
    )
    decimals: int | None = Field(
        None,
        ge=0,
        le=12,
        description="For numbers: places kept after the point, by default all. Rounding is counted.",
    )
    decimal_char: str = Field(
        ".", alias="decimalChar", min_length=1, max_length=1, description="For numbers: what separates the decimals."
    )
    group_char: str | None = Field(
        None,
        alias="groupChar",
        min_length=1,
        max_length=1,
        description="For numbers and integers: what separates groups of three digits. A space stands for any space.",
    )
    bare_number: bool = Field(
        True, alias="bareNumber", description="False: text around a number or integer, such as `%` or `kg`, is removed."
    )
    true_values: tuple[str, ...] = Field(
        TRUE_VALUES, alias="trueValues", min_length=1, description="For booleans: texts that mean true."
    )
    false_values: tuple[str, ...] = Field(
        FALSE_VALUES, alias="falseValues", min_length=1, description="For booleans: texts that mean false."
    )
    missing_values: tuple[str, ...] | None = Field(
        None,
        alias="missingValues",
        description="Cleaned texts for no value, by default the contract's.",
    )
    clean: tuple[Rule, ...] = Field(
        ("trim",), description="Cleaning rules, in order. They run before all other processing."
    )
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
            return default_formats(self.type)
        return (self.format,) if isinstance(self.format, str) else self.format

    @model_validator(mode="after")
    def _fits(self) -> ContractField:
        self._check_keys()
        self._check_numbers()
        self._check_bounds()
        if both := sorted({*self.true_values} & {*self.false_values}):
            raise ValueError(f"{both[0]!r} is in `trueValues` and in `falseValues` — keep one of them")
        check_derived(self)
        return self

    def _check_keys(self) -> None:
        """Refuse keys that the type has no use for: they would be ignored."""
        numeric, dated = self.type in ("integer", "number"), self.type in ("date", "datetime")
        useless = {
            "format": self.format is not None and not dated,
            "decimals": self.decimals is not None and self.type != "number",
            "decimalChar": self.decimal_char != "." and self.type != "number",
            "groupChar": self.group_char is not None and not numeric,
            "bareNumber": not self.bare_number and not numeric,
            "trueValues": self.true_values != TRUE_VALUES and self.type != "boolean",
            "falseValues": self.false_values != FALSE_VALUES and self.type != "boolean",
        }
        for key in (key for key, is_useless in useless.items() if is_useless):
            raise ValueError(f"a {self.type} has no `{key}` — remove it, or change the type of {self.name}")

    def _check_numbers(self) -> None:
        for key, char in (("decimalChar", self.decimal_char), ("groupChar", self.group_char or ",")):
            if char.isalnum() or char in '+-()"\r\n%' or (char.isspace() and key == "decimalChar"):
                raise ValueError(f"`{key}` is {char!r}, which separates no digits — write . , ' or a space")
        if self.type == "number" and self.group_char == self.decimal_char:
            raise ValueError(f"`groupChar` and `decimalChar` are both {self.group_char!r} — declare the other one too")

    def _check_bounds(self) -> None:
        bounds = [bound for bound in (self.constraints.minimum, self.constraints.maximum) if bound is not None]
        dated = self.type in ("date", "datetime")
        zoned = dated and any(one.zoned for one in compile_formats(self.formats, self.type))
        if bounds and self.type in ("string", "boolean"):
            raise ValueError(f"a {self.type} has no `minimum` or `maximum` — use `maxLength`, `pattern` or `enum`")
        if any(isinstance(bound, date) != dated or (isinstance(bound, datetime) and self.type == "date")
               for bound in bounds):  # fmt: skip
            raise ValueError(f"`minimum` and `maximum` of a {self.type} are {self.type}s — write them as such")
        if any(is_zoned(bound) for bound in bounds) and not zoned:
            raise ValueError(f"a bound of {self.name} has an offset and its `format` has none — remove the offset")
        if len(bounds) == 2 and _comparable(bounds[0]) > _comparable(bounds[1]):  # type: ignore[operator]
            raise ValueError(f"the `minimum` of {self.name} is above its `maximum` — no value can be both")


def _comparable(bound: Bound) -> Bound:
    """Return a bound as it is compared: a date is its midnight, and a datetime without an offset is in UTC."""
    if not isinstance(bound, date):
        return bound
    if not isinstance(bound, datetime):
        bound = datetime(bound.year, bound.month, bound.day)
    return bound.replace(tzinfo=timezone.utc) if bound.tzinfo is None else bound
