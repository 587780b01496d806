"""How a step fails: one exception class and one exit code for each reason.

`EXIT_CODES` is the table: `docs/pipelines.md` shows it, and `sqlstate.py` says which errors of Postgres are which.
Codes below 80 are those of BSD's sysexits.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from medallion.protocol.result import TaskResult


class ExitCode(IntEnum):
    """Exit codes of every image and of `medallion run`."""

    OK = 0
    USAGE = 64
    BAD_INPUT = 65
    INPUT_NOT_FOUND = 66
    SOURCE_UNAVAILABLE = 69
    INTERNAL = 70
    WAREHOUSE_UNAVAILABLE = 75
    CONTRACT_VIOLATION = 80
    TOO_MANY_REJECTS = 81
    UPSTREAM_NOT_SUCCEEDED = 82
    MODEL_FAILED = 83
    TEST_FAILED = 84
    SOURCE_STALE = 85
    TERMINATED = 143


KILLED = 137
"""What a shell and Kubernetes say of a process that SIGKILL ended: it says nothing itself."""

EXIT_CODES: Mapping[int, tuple[str, bool]] = {
    ExitCode.OK: ("success", False),
    ExitCode.USAGE: ("an argument, a file, a setting or a limit of Postgres: it cannot work as it is written", False),
    ExitCode.BAD_INPUT: ("bad input: the file cannot be read as its contract says, or Postgres cannot keep it", False),
    ExitCode.INPUT_NOT_FOUND: ("there is no such input", False),
    ExitCode.SOURCE_UNAVAILABLE: ("the source cannot be reached, or fails for the moment", True),
    ExitCode.INTERNAL: ("internal error", True),
    ExitCode.WAREHOUSE_UNAVAILABLE: ("the database cannot be reached, is full, or went away", True),
    ExitCode.CONTRACT_VIOLATION: ("contract broken: the file's columns are not the contract's", False),
    ExitCode.TOO_MANY_REJECTS: ("more rejected rows than the contract allows", False),
    ExitCode.UPSTREAM_NOT_SUCCEEDED: ("gate closed: a step before did not succeed in this run", False),
    ExitCode.MODEL_FAILED: ("a dbt model did not build", False),
    ExitCode.TEST_FAILED: ("a dbt test failed", False),
    ExitCode.SOURCE_STALE: ("a source is stale: it was last delivered longer ago than its limit", False),
    KILLED: ("killed, as for want of memory", True),
    ExitCode.TERMINATED: ("stopped from outside", True),
}
"""What each code means, and whether another attempt may succeed: those are the default `retryable_exit_codes`."""

RETRYABLE: frozenset[int] = frozenset(code for code, (_, again) in EXIT_CODES.items() if again)


def exit_code_table() -> str:
    """Return the table of exit codes as Markdown."""
    rows = [f"| {int(code)} | {meaning} | {'yes' if again else ''} |" for code, (meaning, again) in EXIT_CODES.items()]
    return "\n".join(["| code | means | tried again by default |", "| --- | --- | --- |", *rows])


class StepFailure(Exception):
    """A step that failed for a reason its owner can act on.

    Args:
        message: What happened and where, in one sentence.
        remedy: What to do about it.
        outcome: What is known of the step so far (counts, model and test results), for the ledger.
    """

    code: ClassVar[ExitCode] = ExitCode.INTERNAL

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
