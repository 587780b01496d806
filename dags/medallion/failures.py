"""How a step fails: one exception class and one exit code for each reason.

    StepFailure
    ├── Misconfigured       64  what was asked for does not fit the project or the warehouse
    ├── BadInput            65  the file cannot be read as the contract's dialect says
    ├── InputNotFound       66  there is no such file, object or table
    ├── SourceAway          69  the source cannot be reached, or fails for the moment (worth a retry)
    ├── ContractBroken      80  the file's columns are not the contract's
    ├── TooManyRejects      81  more rejected rows than the contract allows
    ├── GateClosed          82  the step before did not succeed in this run
    ├── ModelFailed         83  a dbt model did not build
    ├── TestFailed          84  a dbt test failed, so the layer was not published
    ├── SourceStale         85  a source was not delivered within its limit
    └── WarehouseAway       75  the database cannot be reached (worth a retry)
        ├── LockLost        75  a later attempt holds the lock by now
        └── WarehouseFull   75  there is no room left on its volume

Codes below 80 are those of BSD's sysexits.h.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from medallion.outcome import Outcome


class ExitCode(IntEnum):
    """Exit codes of every image and of `medallion run`."""

    OK = 0
    USAGE = 64
    BAD_INPUT = 65
    INPUT_NOT_FOUND = 66
    SOURCE_AWAY = 69
    INTERNAL = 70
    WAREHOUSE_AWAY = 75
    CONTRACT_BROKEN = 80
    TOO_MANY_REJECTS = 81
    GATE_CLOSED = 82
    MODEL_FAILED = 83
    TEST_FAILED = 84
    SOURCE_STALE = 85
    TERMINATED = 143


RETRYABLE: frozenset[int] = frozenset(
    {ExitCode.WAREHOUSE_AWAY, ExitCode.SOURCE_AWAY, ExitCode.INTERNAL, ExitCode.TERMINATED, 137}
)
"""Codes worth another attempt: a database or source that may come back, a bug that may not repeat, a killed pod."""


class StepFailure(Exception):
    """A step that failed for a reason its owner can act on.

    Args:
        message: What happened and where, in one sentence.
        remedy: What to do about it.
        outcome: What is known of the step so far (counts, model and test results), for the ledger.
    """

    code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, message: str, remedy: str = "", outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.outcome = outcome


class Misconfigured(StepFailure):
    """What was asked for does not fit the dbt project or the warehouse; another attempt would not help."""

    code = ExitCode.USAGE


class BadInput(StepFailure):
    """The input cannot be read as the contract's dialect says."""

    code = ExitCode.BAD_INPUT


class InputNotFound(StepFailure):
    """There is no input at the given path."""

    code = ExitCode.INPUT_NOT_FOUND


class SourceAway(StepFailure):
    """The source of the data cannot be reached, or fails for the moment."""

    code = ExitCode.SOURCE_AWAY


class ContractBroken(StepFailure):
    """The input's columns are not the contract's."""

    code = ExitCode.CONTRACT_BROKEN


class TooManyRejects(StepFailure):
    """More rows were rejected than the contract allows."""

    code = ExitCode.TOO_MANY_REJECTS


class GateClosed(StepFailure):
    """The step before did not succeed in this run."""

    code = ExitCode.GATE_CLOSED


class ModelFailed(StepFailure):
    """A dbt model did not build."""

    code = ExitCode.MODEL_FAILED


class TestFailed(StepFailure):
    """A dbt test failed, so what was built is not published."""

    __test__ = False  # not a pytest class
    code = ExitCode.TEST_FAILED


class SourceStale(StepFailure):
    """A source was last delivered longer ago than its freshness allows."""

    code = ExitCode.SOURCE_STALE


class WarehouseAway(StepFailure):
    """The warehouse cannot be reached, or went away in the middle."""

    code = ExitCode.WAREHOUSE_AWAY


class LockLost(WarehouseAway):
    """Another attempt took over while this one was cut off from the warehouse."""


class WarehouseFull(WarehouseAway):
    """The warehouse has no room left. `message` is what Postgres says."""

    def __init__(self, message: str, outcome: Outcome | None = None) -> None:
        what = f"the warehouse's volume is full: {message}"
        super().__init__(what, "make room on it or enlarge it (docs/operations.md), and run again", outcome)
