"""What the dbt project says of a layer's models, for people: read from its YAML, without dbt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class ModelDoc:
    """A model's name, description, and the names of its tests (`column: test` where it is a column's)."""

    name: str
    description: str
    tests: tuple[str, ...]


@cache
def model_docs(folder: Path) -> tuple[ModelDoc, ...]:
    """The models that the YAML files of a folder describe, by name; none where there is no such folder.

    Files that cannot be read are left out: dbt is the judge of them, and a page of documentation is no reason to
    stop a DAG.
    """
    found = [doc for path in sorted(folder.glob("*.yml")) for doc in _docs(path)]
    return tuple(sorted(found, key=lambda doc: doc.name))


def _docs(path: Path) -> Iterator[ModelDoc]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, ValueError, yaml.YAMLError):
        return
    for model in (document or {}).get("models") or ():
        tests = [_name(test) for test in _tests(model)]
        tests += [
            f"{column['name']}: {_name(test)}" for column in model.get("columns") or () for test in _tests(column)
        ]
        yield ModelDoc(str(model["name"]), " ".join(str(model.get("description", "")).split()), tuple(tests))


def _tests(described: dict[str, Any]) -> list[Any]:
    return [*(described.get("data_tests") or ()), *(described.get("tests") or ())]


def _name(test: Any) -> str:
    if not isinstance(test, dict):
        return str(test)
    (kind, given), *_ = test.items()
    return str((given or {}).get("name") or kind)
