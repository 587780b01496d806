"""What a step did: the record that goes to the ledger and from there to every report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["succeeded", "unchanged", "failed"]


@dataclass(frozen=True)
class ModelResult:
    """One dbt model in one run. `rows` is None where the database reports no count (a view)."""

    name: str
    status: str
    rows: int | None = None
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class TestResult:
    """One dbt test in one run. `failures` counts failing rows; `sample` holds the first few of them."""

    __test__ = False  # not a pytest class
    name: str
    status: Literal["pass", "warn", "fail", "error"]
    model: str = ""
    failures: int = 0
    message: str = ""
    sample: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Timing:
    """A named part of a step's work (a reference task that has no pod of its own), and its seconds."""

    name: str
    seconds: float
    rows: int | None = None


@dataclass(frozen=True)
class Delivery:
    """Which relation a load stands for (`schema.table`, as readers know it), and when its sender wrote the input."""

    relation: str
    delivered_at: str


@dataclass(frozen=True)
class TaskResult:
    """A step's result.

    Rows are counts of data rows (no header): `rows_in == rows_loaded + rows_rejected`, always.
    `reasons` maps a rejection reason to its number of rows, `rounded` a column to the number of its values that
    the contract's `decimals` rounded, `dialect` what an option of its dialect did to the number of lines or rows that
    it left out, padded or cut, `increment` says what an incremental load took,
    `files` counts the files of a source by what became of them, `files_parsed` how many files dbt parsed: none where an
    earlier parse of the same project was kept. `exit_code` is that of a failed step, or of a team's own command,
    `replay_of` the run with the rejected rows that a replay loads.
    """

    status: Status = "succeeded"
    rows_in: int | None = None
    rows_loaded: int | None = None
    rows_rejected: int | None = None
    input_checksum: str | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    rounded: dict[str, int] = field(default_factory=dict)
    dialect: dict[str, int] = field(default_factory=dict)
    models: tuple[ModelResult, ...] = ()
    tests: tuple[TestResult, ...] = ()
    parts: tuple[Timing, ...] = ()
    increment: dict[str, Any] = field(default_factory=dict)
    delivery: Delivery | None = None
    files: dict[str, int] = field(default_factory=dict)
    files_parsed: int | None = None
    exit_code: int | None = None
    replay_of: str | None = None
    message: str = ""

    def details(self) -> dict[str, Any]:
        """Return what the ledger keeps as JSON besides its columns."""
        known = asdict(self)
        columns = ("status", "rows_in", "rows_loaded", "rows_rejected", "input_checksum")
        return {key: value for key, value in known.items() if key not in columns and value not in (None, "", (), {})}
