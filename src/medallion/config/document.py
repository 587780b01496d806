"""A YAML document: its data, and where in the file each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medallion.config.diagnostics import Diagnostic
from medallion.config.yaml_nodes import Path_, Place


@dataclass(frozen=True)
class Document:
    """A YAML mapping, without its `x-…` keys."""

    file: str
    data: dict[str, Any]
    places: Mapping[Path_, Place]
    """Where each key and each item of a list stands; what a merge brings stands where it is written."""
    written: Mapping[Path_, str]
    """How the scalars are written that are no text."""
    problems: tuple[tuple[Path_, Diagnostic], ...]
    """What is wrong with single keys and values, by the place that it harms. Such values are None."""

    def place(self, path: Path_) -> Place:
        """Return where a path stands, or else the nearest thing around it that does."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]
