"""What pydantic says of a document, as diagnostics with a place and a remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from medallion.config.diagnostics import Diagnostic
from medallion.config.document import Document
from medallion.config.yaml_nodes import Path_

PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_-]{0,62}$": "a letter, then letters, digits, `_` and `-`, at most 63 in all",
    r"^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$": "a small letter, then small letters, digits and `-`, at most 31 in all",
    r"^[a-z][a-z0-9_]{0,54}$": "a small letter, then small letters, digits and `_`, at most 55 in all",
    r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,54}$": "`schema.table` in small letters, digits and `_`",
    r"^([a-z][a-z0-9_]{0,20})?$": "small letters, digits and `_`, at most 21",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a letter or `_`, then letters, digits and `_`",
    r"^[a-z0-9][A-Za-z0-9._:/@-]{0,511}$": "an image such as `registry.example.com/team/score:1.4`",
}
"""What a pattern asks for, in words."""

_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "on", "true", "t", "1"), "`true`"),
    **dict.fromkeys(("no", "n", "off", "false", "f", "0"), "`false`"),
}
"""Words for true and false in YAML 1.1 and in programs: text or numbers in YAML 1.2."""


_MOST_FINDINGS = 100
_LONGEST = 1000


def explain_all(
    error: ValidationError, document: Document, model: type[BaseModel], above: Path_ = ()
) -> list[Diagnostic]:
    """Return what is wrong with a document, at most a hundred diagnostics.

    Args:
        error: Pydantic's errors.
        document: What was validated, or what it is a part of.
        model: What it should have been.
        above: Where in the document the validated part is.
    """
    errors = error.errors()
    found = [explain(item, document, model, above) for item in errors[:_MOST_FINDINGS]]
    if len(errors) > _MOST_FINDINGS:
        more = f"{len(errors) - _MOST_FINDINGS} more values are wrong"
        found.append(
            Diagnostic(document.file, *document.places.get(above, (1, 1)), dotted(above), more, "correct these")
        )
    return found


def explain(error: ErrorDetails, document: Document, model: type[BaseModel], above: Path_ = ()) -> Diagnostic:
    """Return what pydantic says of a document, with the place and the remedy.

    Args:
        error: One error of pydantic's; the rest is as for `diagnostics_of`.
        document: The document.
        model: The model.
        above: The place of the validated part.
    """
    loc, places = (*above, *error["loc"]), document.places
    # Pydantic puts names of union branches into a location; only the parts that the file has are a place.
    at: Path_ = ()
    for part in loc:
        if (*at, part) in places:
            at = (*at, part)
    line, column = places.get(at, (1, 1))
    message, _, remedy = error["msg"].removeprefix("Value error, ").partition(" — ")
    key = str(loc[-1]) if loc else ""
    kind, given = error["type"], document.written.get(at, error["input"])
    if kind == "extra_forbidden":
        message = f"unknown key {_short(key)!r}"
        known = _keys(model, error["loc"][:-1])
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
    elif kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        message = f"invalid value {_short(given)!r}"
        remedy = f"write {PATTERNS.get(pattern, f'something that matches {pattern}')}"
    elif kind == "missing":
        message, remedy = f"key {key!r} is missing", remedy or f"add `{key}: …`"
    elif kind == "bool_type":
        message = f"{_short(given)!r} is not `true` or `false`"
        remedy = f"write {_BOOLEANS.get(str(given).lower(), '`true` or `false`')}"
    elif kind == "string_type" and at in document.written:
        message, remedy = f"{_short(given) or 'nothing'} is no text", f'write it in quotes: "{_short(given)}"'
    elif kind in ("int_type", "float_type") and isinstance(given, str):
        message = f"{_short(given)!r} is no {'whole ' * (kind == 'int_type')}number"
        remedy = "write digits, without quotes, `_` or `:`"
    message = message[:1].lower() + message[1:_LONGEST]
    return Diagnostic(document.file, line, column, dotted(at or loc), message, remedy[:_LONGEST])


def explain_whole(error: ValidationError, path: Path) -> Diagnostic:
    """Return what is wrong with a file as a whole: what none of its parts could show alone."""
    message, _, remedy = error.errors()[0]["msg"].removeprefix("Value error, ").partition(" — ")
    return Diagnostic(str(path), 1, 1, "", message, remedy)


def dotted(path: Path_) -> str:
    """Return a path as diagnostics name it."""
    return ".".join(_short(part) for part in path)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _keys(model: type[BaseModel], loc: Path_) -> list[str]:
    """The keys that the model knows at a location, for a suggestion."""
    found = [model]
    for part in loc:
        if isinstance(part, int):
            continue
        fields = [f for m in found for n, f in m.model_fields.items() if part in (n, f.alias)]
        # A part that is no key names a branch of a union: the connector of a source, or the format of a dialect.
        found = [m for f in fields for m in _models(f.annotation)] or [m for m in found if part in _branch(m)]
    return sorted({field.alias or name for m in found for name, field in m.model_fields.items()})


def _branch(model: type[BaseModel]) -> tuple[Any, ...]:
    """The names of a model in a union of sources or formats."""
    named = [model.model_fields[key] for key in ("connector", "format") if key in model.model_fields]
    return tuple(name for field in named for name in getattr(field.annotation, "__args__", ()))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)
