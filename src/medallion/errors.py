"""How a step fails: one exception class and one exit code for each reason.

`ExitCode` is the table: the documentation, `medallion run --help`, the default of `retryable_exit_codes` and what lint
accepts follow from it. `sqlstate.py` maps the errors of Postgres to it. Codes below 80 are those of BSD's sysexits.h.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from medallion.protocol.result import TaskResult


class ExitCode(IntEnum):
    """Exit codes of every image and of `medallion run`: the number, its meaning, and whether it is retried by default.

    Attributes:
        meaning: Why a step ends with it.
        retryable: Whether another attempt may succeed: such codes are the default of `retryable_exit_codes`.
    """

    meaning: str
    retryable: bool

    def __new__(cls, number: int, meaning: str = "", retryable: bool = False) -> Self:
        """Make a code of its entry."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning, code.retryable = meaning, retryable
        return code

    OK = 0, "success"
    USAGE = 64, "an argument, a file, a setting or a limit of Postgres: it cannot work as it is written"
    BAD_INPUT = (
        65,
        "bad input: it cannot be read as its contract says, the source refuses access, or Postgres cannot store it",
    )
    INPUT_NOT_FOUND = 66, "there is no such input: no such file, object or table, or the server answers 404"
    SOURCE_UNAVAILABLE = 69, "the source cannot be reached, or fails for the moment", True
    INTERNAL = 70, "internal error", True
    WAREHOUSE_UNAVAILABLE = 75, "the database cannot be reached, is full, or went away", True
    CONTRACT_VIOLATION = 80, "contract broken: the columns of the file or table are not the contract's"
    TOO_MANY_REJECTS = 81, "more rejected rows than the contract allows"
    UPSTREAM_NOT_SUCCEEDED = 82, "gate closed: a step before did not succeed in this run"
    MODEL_FAILED = 83, "a dbt model did not build"
    TEST_FAILED = 84, "a dbt test failed"
    SOURCE_STALE = 85, "a source is stale: it was last delivered longer ago than its limit"
    KILLED = 137, "killed by SIGKILL, as for want of memory; the step itself reports nothing", True
    TERMINATED = 143, "stopped from outside, or by its time limit", True


class StepFailure(Exception):
    """A step that failed for a reason its owner can act on.

    Args:
        message: What happened and where, in one sentence.
        remedy: What to do about it.
        outcome: What is known of the step so far (counts, model and test results), for the ledger.
    """

    code: int = ExitCode.INTERNAL

    def __init__(self, message: str, remedy: str = "", outcome: TaskResult | None = None) -> None:
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


class SourceUnavailable(StepFailure):
    """The source of the data cannot be reached, or fails for the moment."""

    code = ExitCode.SOURCE_UNAVAILABLE


class ContractViolation(StepFailure):
    """The input's columns are not the contract's."""

    code = ExitCode.CONTRACT_VIOLATION


class TooManyRejects(StepFailure):
    """More rows were rejected than the contract allows."""

    code = ExitCode.TOO_MANY_REJECTS


class TimeLimitExceeded(StepFailure):
    """A step of a pack took longer than it may. The pack goes on with the next."""

    code = ExitCode.TERMINATED

    def __init__(self) -> None:
        super().__init__(
            "stopped: the step took longer than it may; nothing was published",
            "raise `timeouts.step_seconds` in the pipeline file, or see why the step took so long",
        )


class UpstreamNotSucceeded(StepFailure):
    """The step before did not succeed in this run."""

    code = ExitCode.UPSTREAM_NOT_SUCCEEDED


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


class CommandFailed(StepFailure):
    """The command of a team's own step failed. Its exit code is the step's."""

    def __init__(self, exit_code: int, message: str, remedy: str = "", outcome: TaskResult | None = None) -> None:
        super().__init__(message, remedy, outcome)
        self.code = exit_code


class FilesFailed(StepFailure):
    """Some files of a source failed. The exit code is that of the first."""

    def __init__(self, exit_code: int, message: str, remedy: str = "", outcome: TaskResult | None = None) -> None:
        super().__init__(message, remedy, outcome)
        self.code = exit_code


class WarehouseUnavailable(StepFailure):
    """The warehouse cannot be reached, or went away in the middle."""

    code = ExitCode.WAREHOUSE_UNAVAILABLE


class LockLost(WarehouseUnavailable):
    """Another attempt took over while this one was cut off from the warehouse."""


class WarehouseFull(WarehouseUnavailable):
    """The warehouse has no room left. `message` is what Postgres says."""

    def __init__(self, message: str, outcome: TaskResult | None = None) -> None:
        what = f"the warehouse's volume is full: {message}"
        super().__init__(what, "make room on it or enlarge it (docs/operations.md), and run again", outcome)
