"""What the suite prints at its end: a line per fault."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

Line = tuple[str, str, str, str]
"""Fault, injected at, outcome, recovered in."""
LINES: list[Line] = []
"""Those of this session."""


@dataclass
class Fault:
    """One line of the table."""

    what: str
    injected_at: str
    recovered: float | None = None
    began: float = field(default_factory=time.monotonic)

    def injected(self) -> None:
        """The clock of the recovery starts."""
        self.began = time.monotonic()

    def resolved(self) -> None:
        """The run has recovered."""
        self.recovered = time.monotonic() - self.began
