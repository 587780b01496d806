"""YAML files into models, with the line and column of everything that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from medallion.spec.document import Document
from medallion.spec.explain import dotted, findings_of
from medallion.spec.findings import Finding, SpecError, not_found
from medallion.spec.yaml_nodes import Node, Path_, Place, Unreadable, compose

Model = TypeVar("Model", bound=BaseModel)

MOST_BYTES = 2 * 1024 * 1024
ANCHORS = "x-"
"""Keys at the top of a file that begin so are a place for anchors, and are not read."""


def load(path: Path, model: type[Model]) -> Model:
    """Read a YAML file and validate it.

    Raises:
        SpecError: The file is missing, cannot be read, is no YAML, repeats a key, or does not fit the model.
    """
    return _validated(read_file(path, model.__name__.lower()), model)


def parse(text: str, model: type[Model], file: str) -> Model:
    """Validate YAML text; `file` names it in findings.

    Raises:
        SpecError: As for `load`.
    """
    return _validated(read(text, file), model)


def _validated(document: Document, model: type[Model]) -> Model:
    if document.problems:
        raise SpecError([finding for _, finding in document.problems])
    try:
        return model.model_validate(document.data, context={"file": document.file})
    except ValidationError as error:
        raise SpecError(findings_of(error, document, model)) from error


def read_file(path: Path, kind: str = "file") -> Document:
    """Read a YAML file without validating it.

    Raises:
        SpecError: It is missing, cannot be read, is no YAML, or no mapping.
    """
    file = str(path)
    try:
        if path.is_symlink() and not path.exists():
            raise _refused(
                file, f"is a link to {path.readlink()}, which is not there", "correct the link, or remove it"
            )
        if not path.is_file():
            raise not_found(path, kind)
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _refused(file, f"cannot be read: {reason}", "check the path and its permissions") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _refused(file, "is not UTF-8: it is UTF-16", "save it as UTF-8")
    try:
        return read(content[:MOST_BYTES].decode("utf-8") if len(content) <= MOST_BYTES else "", file, len(content))
    except UnicodeDecodeError as error:
        raise _refused(file, f"is not UTF-8: {error}", "save it as UTF-8") from error


def read(text: str, file: str, size: int | None = None) -> Document:
    """Read YAML text without validating it.

    Args:
        text: The text.
        file: Its name in findings.
        size: Its size in bytes, if it is known.

    Raises:
        SpecError: It is no YAML, no mapping, or far too large.
    """
    if (len(text) if size is None else size) > MOST_BYTES:
        raise _refused(file, f"is larger than {MOST_BYTES // 1024**2} MiB", "split it into several files")
    root = _composed(text.removeprefix("\ufeff"), file)
    if root is None or (not isinstance(root.value, dict) and not root.troubles):
        raise _refused(file, "is empty or no mapping", "start with `name: …`")
    if not isinstance(root.value, dict):
        raise SpecError([Finding(file, *one.place, "", one.message, one.remedy) for one in root.troubles])
    builder = _Builder(file)
    data = builder.build(root, ())
    data = {key: value for key, value in data.items() if not key.startswith(ANCHORS)}
    return Document(file, data, builder.places, builder.written, tuple(builder.problems))


def _composed(text: str, file: str) -> Node | None:
    try:
        return compose(text)
    except Unreadable as error:
        raise _refused(file, error.message, error.remedy, *error.place) from error
    except UnicodeEncodeError as error:
        raise _refused(file, f"is not UTF-8: {error}", "save it as UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise _refused(file, f"is not YAML: {error.reason}", "remove the character", line) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        remedy = "check the indentation and quotes near here"
        raise _refused(file, f"is not YAML: {problem}", remedy, line, column) from error


def _refused(file: str, message: str, remedy: str, line: int = 1, column: int = 1) -> SpecError:
    return SpecError([Finding(file, line, column, "", message, remedy)])


class _Builder:
    """Makes plain data of nodes, and notes where each of it stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.places: dict[Path_, Place] = {}
        self.written: dict[Path_, str] = {}
        self.problems: list[tuple[Path_, Finding]] = []

    def build(self, node: Node, path: Path_) -> Any:
        self.places.setdefault(path, node.place)
        for trouble in node.troubles:
            at = path if trouble.key is None else (*path, trouble.key)
            key = "" if trouble.key is None else dotted(at)
            self.problems.append((at, Finding(self.file, *trouble.place, key, trouble.message, trouble.remedy)))
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


def at(path: Path, key: Path_, message: str, remedy: str, severity: Any = "error") -> Finding:
    """Return a finding about a key of a file that could be read."""
    return Finding(str(path), *read_file(path).place(key), dotted(key), message, remedy, severity)
