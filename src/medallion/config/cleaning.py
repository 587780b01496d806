"""The cleaning rules: one entry per rule, with its name, its description for schema and docs, and what it does.

A rule turns one polars expression of text into another. polars is imported only where a rule runs, so that reading a
contract needs no polars.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from medallion.config.model import ConfigModel
from medallion.config.patterns import check_pattern, check_replacement

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class NamedRule:
    """A rule without parameters.

    Attributes:
        name: What a contract writes.
        description: What the rule changes, for the schema and docs/contracts.md.
        apply: Makes the expression of the changed text.
    """

    name: str
    description: str
    apply: Callable[[pl.Expr], pl.Expr]


def _currency(text: pl.Expr) -> pl.Expr:
    import polars as pl

    return text.map_batches(_amounts, return_dtype=pl.String)


def _amounts(texts: pl.Series) -> pl.Series:
    odd = texts.str.contains(r"[^0-9.,]").fill_null(False)
    if not odd.any():
        return texts
    bare = texts.filter(odd).str.strip_chars()
    # One sign, in front or behind: `$5€` is no amount.
    front = bare.str.contains(r"^[(+-]?\s*\p{Sc}")
    without = bare.str.replace(r"^([(+-]?)\s*\p{Sc}\s*([(+-]?)\s*", "${1}${2}")
    bare = without.zip_with(front, bare.str.replace(r"\s*\p{Sc}\s*([)-]?)$", "${1}"))
    negative = bare.str.replace(r"^(?:\(\s*([0-9.,'][^()+-]*?)\s*\)|([0-9.,'][^()+-]*?)\s*-)$", "-${1}${2}")
    return texts.clone().scatter(odd.arg_true(), negative)


def _fix_mojibake(text: pl.Expr) -> pl.Expr:
    import polars as pl

    # The library behind it takes a tenth of a second to import.
    from medallion.config.mojibake import fix_mojibake

    return text.map_batches(fix_mojibake, return_dtype=pl.String)


NAMED_RULES = {
    rule.name: rule
    for rule in (
        NamedRule(
            "trim",
            "Cuts white space of any kind, such as no-break spaces, at both ends.",
            lambda text: text.str.strip_chars(),
        ),
        NamedRule(
            "collapse_whitespace",
            "Makes one space of each run of white space, line ends included.",
            lambda text: text.str.replace_all(r"\s+", " "),
        ),
        NamedRule(
            "currency",
            "Removes a currency sign in front or behind, and turns `(12.50)` and `12.50-` into `-12.50`. "
            "Separators stay: `groupChar` and `decimalChar` of the field declare them.",
            _currency,
        ),
        NamedRule(
            "fix_mojibake",
            "Turns UTF-8 that was read as Windows-1252 (`SÃ¡nchez`) back into what it was (`Sánchez`). "
            "All other text stays as it is.",
            _fix_mojibake,
        ),
    )
}
"""The rules without parameters, by name."""


def _known(name: str) -> str:
    if name not in NAMED_RULES:
        raise ValueError(f"unknown cleaning rule {name!r} — known rules: {', '.join(NAMED_RULES)}")
    return name


RuleName = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"oneOf": [{"const": rule.name, "description": rule.description} for rule in NAMED_RULES.values()]}),
]


class ParameterRule(ConfigModel):
    """A rule with parameters."""

    @abstractmethod
    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""


class Case(ParameterRule):
    """Changes the case of letters."""

    case: Literal["upper", "lower", "title"]

    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""
        changed = {"upper": text.str.to_uppercase, "lower": text.str.to_lowercase, "title": text.str.to_titlecase}
        return changed[self.case]()


class Replace(ParameterRule):
    """Replaces whole values, such as known typos."""

    replace: dict[str, str] = Field(min_length=1)

    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""
        return text.replace(self.replace)


class ReplacePattern(ParameterRule):
    """Replaces every match of a regular expression (https://docs.rs/regex); `$1` is its first group."""

    replace_pattern: str = Field(min_length=1)
    by: str = Field(description="What to write instead.")

    @field_validator("replace_pattern")
    @classmethod
    def _regex(cls, value: str) -> str:
        return check_pattern(value)

    @model_validator(mode="after")
    def _groups(self) -> ReplacePattern:
        check_replacement(self.replace_pattern, self.by)
        return self

    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""
        return text.str.replace_all(self.replace_pattern, self.by)


Rule = RuleName | Case | Replace | ReplacePattern


def apply(text: pl.Expr, rule: Rule) -> pl.Expr:
    """Make the expression of a text after one cleaning rule."""
    return NAMED_RULES[rule].apply(text) if isinstance(rule, str) else rule.apply(text)
