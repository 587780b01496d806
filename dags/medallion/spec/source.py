"""YAML files into models, with the line and column of everything that is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from medallion.spec.findings import Finding, SpecError, not_found

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[int, int]
Path_ = tuple[str | int, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_-]{0,62}$": "a letter, then letters, digits, `_` and `-`, at most 63 in all",
    r"^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$": "a small letter, then small letters, digits and `-`, at most 31 in all",
    r"^[a-z][a-z0-9_]{0,54}$": "a small letter, then small letters, digits and `_`, at most 55 in all",
    r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,54}$": "`schema.table` in small letters, digits and `_`",
    r"^([a-z][a-z0-9_]{0,20})?$": "small letters, digits and `_`, at most 21",
}
"""What a pattern asks for, in words."""


def load(path: Path, model: type[Model]) -> Model:
    """Reads a YAML file and validates it.

    Raises:
        SpecError: The file is missing, is no YAML, repeats a key, or does not fit the model.
    """
    if not path.is_file():
        raise not_found(path, model.__name__.lower())
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError([Finding(str(path), 1, 1, "", f"is not UTF-8: {error}", "save it as UTF-8")]) from error
    return parse(text, model, str(path))


def parse(text: str, model: type[Model], file: str) -> Model:
    """Validates YAML text; `file` names it in findings.

    Raises:
        SpecError: As for `load`.
    """
    document = read(text, file)
    if document.repeated:
        raise SpecError(list(document.repeated.values()))
    try:
        return model.model_validate(document.data, context={"file": file})
    except ValidationError as error:
        raise SpecError([finding_of(item, document, model) for item in error.errors()]) from error


@dataclass(frozen=True)
class Document:
    """A YAML mapping, where each of its keys stands, and what is wrong with keys that stand twice."""

    file: str
    data: dict[str, Any]
    places: Mapping[Path_, Place]
    repeated: Mapping[Path_, Finding]


def read(text: str, file: str) -> Document:
    """Reads YAML text without validating it.

    Raises:
        SpecError: It is no YAML, or no mapping.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "check the indentation and quotes near here"
        raise SpecError([Finding(file, line, column, "", f"is not YAML: {problem}", remedy)]) from error
    if not isinstance(root, yaml.MappingNode):
        raise SpecError([Finding(file, 1, 1, "", "is empty or no mapping", "start with `name: …`")])
    if not _is_tree(root):
        remedy = "write the values out instead of using anchors (`&`) and aliases (`*`)"
        raise SpecError([Finding(file, 1, 1, "", "is endless, or far too large", remedy)])
    places: dict[Path_, Place] = {}
    repeated = {
        path: Finding(file, *at, _dotted(path), "is written twice", "keep one of them")
        for path, at in _walk(root, (), places)
    }
    try:
        return Document(file, _Loader("").construct_document(root), places, repeated)
    except _UNREADABLE as error:
        at, problem = _first_unreadable(root)
        raise SpecError([Finding(file, *at, "", f"cannot be read: {problem}", "quote the value")]) from error


# A value that only looks like a date or a number: PyYAML lets Python's own errors through.
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError)
_MOST_NODES = 50_000


def _is_tree(root: yaml.Node) -> bool:
    """Whether the document comes to an end: with aliases, a line can stand for itself, or for billions."""
    waiting, seen = [root], 0
    while waiting:
        node, seen = waiting.pop(), seen + 1
        if seen > _MOST_NODES:
            return False
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            waiting.extend(part for pair in node.value for part in pair)
    return True


def _first_unreadable(node: yaml.Node) -> tuple[Place, str]:
    """Where the first scalar stands that cannot be made a value, and why not; else where the node stands."""
    below: list[Any] = [] if isinstance(node, yaml.ScalarNode) else node.value
    for part in below:
        for one in part if isinstance(part, tuple) else (part,):
            try:
                _Loader("").construct_document(one)
            except _UNREADABLE:
                return _first_unreadable(one)
    try:
        _Loader("").construct_document(node)
    except _UNREADABLE as error:
        return _place(node), str(getattr(error, "problem", None) or error)
    return _place(node), "a value is not what it looks like"


def at(path: Path, key: Path_, message: str, remedy: str) -> Finding:
    """A finding about a key of a file that could be read."""
    line, column = read(path.read_text(encoding="utf-8"), str(path)).places.get(key, (1, 1))
    return Finding(str(path), line, column, _dotted(key), message, remedy)


def _walk(node: yaml.Node, path: Path_, places: dict[Path_, Place]) -> Iterator[tuple[Path_, Place]]:
    """Notes where every key stands; yields the keys written twice."""
    if path not in places:
        places[path] = _place(node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), places)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            if below in places:
                yield below, _place(key)
            places[below] = _place(key)
            yield from _walk(value, below, places)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _dotted(path: Path_) -> str:
    return ".".join(str(part) for part in path)


def finding_of(error: ErrorDetails, document: Document, model: type[BaseModel]) -> Finding:
    """What pydantic says of a document, with the place and the remedy."""
    loc, places = tuple(error["loc"]), document.places
    # Pydantic puts names of union branches into a location; only the parts that the file has are a place.
    at: Path_ = ()
    for part in loc:
        if (*at, part) in places:
            at = (*at, part)
    line, column = places.get(at, (1, 1))
    message, _, remedy = error["msg"].removeprefix("Value error, ").partition(" — ")
    key = str(loc[-1]) if loc else ""
    if error["type"] == "extra_forbidden":
        message = f"unknown key {key!r}"
        known = _keys(model, loc[:-1])
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
    elif error["type"] == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        message = f"{error['input']!r} cannot stand here"
        remedy = f"write {PATTERNS.get(pattern, f'something that matches {pattern}')}"
    elif error["type"] == "missing":
        message, remedy = f"key {key!r} is missing", remedy or f"add `{key}: …`"
    return Finding(document.file, line, column, _dotted(at or loc), message[:1].lower() + message[1:], remedy)


def _keys(model: type[BaseModel], loc: Path_) -> list[str]:
    """The keys that the model knows at a location, for a suggestion."""
    found = [model]
    for part in loc:
        if isinstance(part, int):
            continue
        fields = [f for m in found for n, f in m.model_fields.items() if part in (n, f.alias)]
        # A part that is no key names a branch of a union, such as the connector of a source.
        found = [m for f in fields for m in _models(f.annotation)] or [m for m in found if part in _branch(m)]
    return sorted({field.alias or name for m in found for name, field in m.model_fields.items()})


def _branch(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("connector")
    return getattr(field.annotation, "__args__", ()) if field is not None else ()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)
