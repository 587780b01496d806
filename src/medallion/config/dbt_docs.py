"""What the dbt project says of a layer's models, for people: read from its YAML, without dbt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from medallion.config.diagnostics import ConfigError
from medallion.config.yaml_loader import read_file


@dataclass(frozen=True)
class ModelDoc:
    """A model's name, description, and the names of its tests (`column: test` where it is a column's)."""

    name: str
    description: str
    tests: tuple[str, ...]


@cache
def model_docs(folder: Path) -> tuple[ModelDoc, ...]:
    """Return the models that the YAML files of a folder describe, by name; none where the folder is missing.

    Files that cannot be read are left out: dbt is the judge of them, and a page of documentation is no reason to
    stop a DAG.
    """
    found = [doc for path in sorted(folder.glob("*.yml")) for doc in _docs(path)]
    return tuple(sorted(found, key=lambda doc: doc.name))


def _docs(path: Path) -> Iterator[ModelDoc]:
    try:
        models = read_file(path).data.get("models")
    except ConfigError:
        return
    for model in _dicts(models):
        tests = [_name(test) for test in _tests(model)]
        for column in _dicts(model.get("columns")):
            tests += [f"{column.get('name')}: {_name(test)}" for test in _tests(column)]
        yield ModelDoc(str(model.get("name")), " ".join(str(model.get("description", "")).split()), tuple(tests))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _tests(described: dict[str, Any]) -> list[Any]:
    both = [described.get("data_tests"), described.get("tests")]
    return [test for tests in both if isinstance(tests, list) for test in tests]


def _name(test: Any) -> str:
    if not isinstance(test, dict) or not test:
        return str(test)
    (kind, given), *_ = test.items()
    return str(given.get("name") or kind) if isinstance(given, dict) else str(kind)
