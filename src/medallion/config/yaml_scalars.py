"""YAML scalars by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

PyYAML reads YAML 1.1, in which `no` is false, `0600` is 384, `1:30` is 90 and `2024-01-01` is a date. Here all but
`true`, `false`, `null` and numbers is text, and `0600` is 600.
"""

from __future__ import annotations

import re

PREFIX = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII
)
_MOST_DIGITS = 250
"""Python makes no text of numbers with thousands of digits, and no float of numbers with more than 308."""
_MAY_BE_NUMBER = frozenset("+-.0123456789")

Scalar = str | int | float | bool | None


def resolve(text: str, tag: str | None, *, plain: bool) -> Scalar:
    """Return the value of a scalar.

    Args:
        text: What is written, without quotes.
        tag: The full tag, `!`, or None.
        plain: Whether it is written without quotes.

    Raises:
        ValueError: The tag is not in the core schema, or the text does not fit it.
    """
    if tag is None:
        return _plain(text) if plain else text
    if tag in ("!", f"{PREFIX}str"):
        return text
    kind = tag.removeprefix(PREFIX)
    if kind not in ("null", "bool", "int", "float"):
        raise ValueError(f"the tag {short_tag(tag)} is not read")
    value = _plain(text)
    if kind == "float" and type(value) is int:
        return float(value)
    if kind != describe_kind(value):
        raise ValueError(f"invalid literal for {short_tag(tag)}: {text[:40]!r}")
    return value


def describe_kind(value: Scalar) -> str:
    """Return the name of a value's type in the core schema: null, bool, int, float or str."""
    return "null" if value is None else type(value).__name__


def short_tag(tag: str) -> str:
    """Return a tag as people write it."""
    return f"!!{tag.removeprefix(PREFIX)}" if tag.startswith(PREFIX) else tag


def _plain(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    if _INT.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"Exceeds the limit of {_MOST_DIGITS} digits for a number: there are {len(text)}")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
