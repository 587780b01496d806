"""What is wrong with a file, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One thing wrong with a file. `line` and `column` are 1-based, as editors count."""

    file: str
    line: int
    column: int
    key: str
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" + (": warning" if self.severity == "warning" else "")
        key = f"{self.key}: " if self.key else ""
        return f"{where}: {key}{self.message}" + (f" — {self.remedy}" if self.remedy else "")

    def as_dict(self) -> dict[str, str | int]:
        """Return the diagnostic as plain JSON."""
        return asdict(self)


class ConfigError(Exception):
    """A file that cannot be used as it is. Its text is one diagnostic a line."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


def not_found(path: Path, kind: str) -> ConfigError:
    """Return the error for a file that is not there, naming the ones that are."""
    there = sorted(p.stem for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    remedy = f"there are: {', '.join(there)}" if there else f"{path.parent} holds no {kind}"
    return ConfigError([Diagnostic(str(path), 1, 1, "", f"no such {kind}", remedy)])
