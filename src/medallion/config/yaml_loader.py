"""YAML files into models, with the line and column of everything that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from medallion.config.content import read_text, refused
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.document import Document
from medallion.config.explain import dotted, explain_all
from medallion.config.yaml_nodes import Node, Path_, Place, Unreadable, compose

Model = TypeVar("Model", bound=BaseModel)

ANCHORS = "x-"
"""Keys at the top of a file that begin so are a place for anchors, and are not read."""


def load(path: Path, model: type[Model]) -> Model:
    """Read a YAML file and validate it.

    Raises:
        ConfigError: The file is missing, cannot be read, is no YAML, repeats a key, or does not fit the model.
    """
    return _validated(read_file(path, model.__name__.lower()), model)


def parse(text: str, model: type[Model], file: str) -> Model:
    """Validate YAML text; `file` names it in diagnostics.

    Raises:
        ConfigError: As for `load`.
    """
    return _validated(read(text, file), model)


def _validated(document: Document, model: type[Model]) -> Model:
    if document.problems:
        raise ConfigError(list(dict.fromkeys(diagnostic for _, diagnostic in document.problems)))
    try:
        return model.model_validate(document.data, context={"file": document.file})
    except ValidationError as error:
        raise ConfigError(explain_all(error, document, model)) from error


def read_file(path: Path, kind: str = "file") -> Document:
    """Read a YAML file without validating it.

    Raises:
        ConfigError: It is missing, cannot be read, is no YAML, or no mapping.
    """
    return read(read_text(path, kind), str(path))


def read(text: str, file: str) -> Document:
    """Read YAML text without validating it; `file` names it in diagnostics.

    Raises:
        ConfigError: It is no YAML, or no mapping.
    """
    root = _composed(text.removeprefix("\ufeff"), file)
    if root is None or (not isinstance(root.value, dict) and not root.troubles):
        raise refused(file, "is empty or no mapping", "start with `name: …`")
    if not isinstance(root.value, dict):
        raise ConfigError([Diagnostic(file, *one.place, "", one.message, one.remedy) for one in root.troubles])
    builder = _Builder(file)
    data = builder.build(root, ())
    data = {key: value for key, value in data.items() if not key.startswith(ANCHORS)}
    return Document(file, data, builder.places, builder.written, tuple(builder.problems))


def _composed(text: str, file: str) -> Node | None:
    try:
        return compose(text)
    except Unreadable as error:
        raise refused(file, error.message, error.remedy, *error.place) from error
    except UnicodeEncodeError as error:
        raise refused(file, f"is not UTF-8: {error}", "save it as UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise refused(file, f"is not YAML: {error.reason}", "remove the character", line) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "check the indentation and quotes near here"
        raise refused(file, f"is not YAML: {problem}", remedy, line, column) from error


class _Builder:
    """Makes plain data of nodes, and notes where each of it stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path_, Place] = {}
        self.written: dict[Path_, str] = {}
        self.problems: list[tuple[Path_, Diagnostic]] = []

    def build(self, node: Node, path: Path_) -> Any:
        self.places.setdefault(path, node.place)
        for trouble in node.troubles:
            at = path if trouble.key is None else (*path, trouble.key)
            key = "" if trouble.key is None else dotted(at)
            self.problems.append((at, Diagnostic(self.file, *trouble.place, key, trouble.message, trouble.remedy)))
        if isinstance(node.value, list):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node.value, dict):
            built = {}
            for key, (place, value) in node.value.items():
                self.places[below := (*path, key)] = place
                built[key] = self.build(value, below)
            return built
        if not isinstance(node.value, str):
            self.written[path] = node.written
        return node.value


def at(path: Path, key: Path_, message: str, remedy: str, severity: Any = "error") -> Diagnostic:
    """Return a diagnostic about a key of a file that could be read."""
    return Diagnostic(str(path), *read_file(path).place(key), dotted(key), message, remedy, severity)
