"""The cleaning rules: one entry per rule, with its name, description, example, and what it does.

The schema, the documentation and the messages follow from the entries. A rule turns one polars expression of text
into another. polars is imported only where a rule runs, so that reading a contract needs no polars.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

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
        description: What the rule changes.
        example: A text, and what the rule makes of it.
        apply: Makes the expression of the changed text.
    """

    name: str
    description: str
    example: tuple[str, str]
    apply: Callable[[pl.Expr], pl.Expr]


def _currency(text: pl.Expr) -> pl.Expr:
    import polars as pl

    return text.map_batches(_amounts, return_dtype=pl.String)


def _amounts(texts: pl.Series) -> pl.Series:
    odd = texts.str.contains(r"[^0-9.,]").fill_null(False)
    if not odd.any():
        return texts
    bare = texts.filter(odd).str.strip_chars()
    # One sign, in front or behind: `$5€` is no amount. A sign alone stays, as it is not a missing value.
    front = bare.str.contains(r"^[(+-]?\s*\p{Sc}")
    without = bare.str.replace(r"^([(+-]?)\s*\p{Sc}\s*([(+-]?)\s*(\S)", "${1}${2}${3}")
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
            ("\N{NO-BREAK SPACE} a b ", "a b"),
            lambda text: text.str.strip_chars(),
        ),
        NamedRule(
            "collapse_whitespace",
            "Makes one space of each run of white space, line ends included.",
            ("a   b", "a b"),
            lambda text: text.str.replace_all(r"\s+", " "),
        ),
        NamedRule(
            "currency",
            "Removes a currency sign in front or behind, and turns `(12.50)` and `12.50-` into `-12.50`. "
            "Separators stay: `groupChar` and `decimalChar` of the field declare them.",
            ("($ 1,234.50)", "-1,234.50"),
            _currency,
        ),
        NamedRule(
            "fix_mojibake",
            "Turns UTF-8 that was read as Windows-1252 (`SÃ¡nchez`) back into what it was (`Sánchez`). "
            "All other text stays as it is.",
            ("SÃ¡nchez", "Sánchez"),
            _fix_mojibake,
        ),
    )
}
"""The rules without parameters, by name."""


def _known(name: str) -> str:
    if name not in NAMED_RULES:
        raise ValueError(f"unknown cleaning rule {name!r} — known rules: {', '.join(NAMED_RULES)}")
    return name


_RuleName = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"oneOf": [{"const": rule.name, "description": rule.description} for rule in NAMED_RULES.values()]}),
]


class ParameterRule(ConfigModel):
    """A rule with parameters: its fields are its keys in a contract, and its docstring is its description."""

    example: ClassVar[tuple[dict[str, Any], str, str]]
    """Its keys, a text, and what the rule makes of it."""

    @abstractmethod
    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""


class Case(ParameterRule):
    """Changes the case of letters, by Unicode's rules: in upper case `ß` is `SS`."""

    example = ({"case": "upper"}, "straße", "STRASSE")
    case: Literal["upper", "lower", "title"]

    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""
        changed = {"upper": text.str.to_uppercase, "lower": text.str.to_lowercase, "title": text.str.to_titlecase}
        return changed[self.case]()


class Replace(ParameterRule):
    """Replaces whole values, such as known typos."""

    example = ({"replace": {"Londn": "London"}}, "Londn", "London")
    replace: dict[str, str] = Field(min_length=1)

    def apply(self, text: pl.Expr) -> pl.Expr:
        """Make the expression of the changed text."""
        return text.replace(self.replace)


class ReplacePattern(ParameterRule):
    """Replaces every match of a regular expression (https://docs.rs/regex). `${1}` is its first group."""

    example = ({"replace_pattern": r"^ID-0*(\d+)$", "by": "${1}"}, "ID-0042", "42")
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


if TYPE_CHECKING:
    Rule = str | ParameterRule
else:
    Rule = reduce(or_, ParameterRule.__subclasses__(), _RuleName)


def apply(text: pl.Expr, rule: Rule) -> pl.Expr:
    """Make the expression of a text after one cleaning rule."""
    return NAMED_RULES[rule].apply(text) if isinstance(rule, str) else rule.apply(text)


@dataclass(frozen=True)
class RuleEntry:
    """A rule as the documentation shows it."""

    written: str | dict[str, Any]
    description: str
    before: str
    after: str


def iter_rules() -> Iterator[RuleEntry]:
    """Yield all rules, each as a contract has it and with an example."""
    for named in NAMED_RULES.values():
        yield RuleEntry(named.name, named.description, *named.example)
    for rule in ParameterRule.__subclasses__():
        keys, before, after = rule.example
        yield RuleEntry(keys, str(rule.__doc__), before, after)
