"""The first gate: `dbt source freshness`, so that no report is built on stale data."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from medallion.dbt.commands import Dbt, as_failure
from medallion.dbt.hooks import Hooks
from medallion.dbt.open_project import open_project
from medallion.dbt.relocate import relocate
from medallion.errors import Misconfigured, SourceStale
from medallion.protocol.result import TaskResult, TestResult
from medallion.protocol.work import FreshnessWork
from medallion.runtime.session import Session

_STATUS: dict[str, Any] = {"pass": "pass", "warn": "warn", "error": "fail", "runtime error": "error"}
_YEAR_ONE = 1
"""dbt says that what was never delivered was delivered in the year 1."""


def check_freshness(work: FreshnessWork, session: Session) -> None:
    """Check the sources that a selector chooses and record the step, with a result for each.

    Raises:
        SourceStale: A source was last delivered longer ago than its `error_after`.
        ModelFailed: A source's age could not be asked for.
        WarehouseUnavailable: The database went away.
        Misconfigured: No chosen source has a limit.
    """
    with tempfile.TemporaryDirectory(prefix="medallion-dbt-") as target:
        project = open_project(work, session, Path(target))
        Hooks(project.manifest)  # they belong to the layers
        relocate(project.manifest, session.connection.info.dbname, session.step.schema_prefix)
        results = Dbt(project, Path(target), session.log).freshness(work.select)
    if not results:
        raise Misconfigured(
            f"no source of {work.select!r} says how old it may be",
            "give sources a `freshness` in their sources.yml, or take `source_freshness` out of the pipeline file",
        )
    found = tuple(sorted((_result(result) for result in results), key=lambda found: found.name))
    outcome = TaskResult(tests=found, files_parsed=project.files_parsed, message=_summary(found))
    broken = [test.message for test in found if test.status == "error"]
    if broken:
        failure = as_failure("\n".join(broken))
        failure.outcome = outcome
        raise failure
    stale = [test.message for test in found if test.status == "fail"]
    if stale:
        raise SourceStale(
            f"{len(stale)} of {len(found)} sources are stale:\n" + "\n".join(stale),
            "have them delivered again, the same content will do; or, if that is not due, raise their `error_after`",
            outcome,
        )
    for test in found:
        if test.status == "warn":
            session.log.event("source_aging", test.message, "warning")
    with session.connection.transaction():
        session.record(outcome)


def _summary(found: tuple[TestResult, ...]) -> str:
    aging = sum(test.status == "warn" for test in found)
    return f"{len(found)} sources are fresh" + (f", {aging} of them only just" if aging else "")


def _result(result: Any) -> TestResult:
    """A source's freshness as the ledger, the report and alerts know tests."""
    source = f"{result.node.source_name}.{result.node.name}"
    status = _STATUS[str(result.status)]
    name = f"freshness_of_{source}"
    if status == "error":
        return TestResult(name, status, source, message=f"{source}: {(result.message or '').strip()}")
    limits = result.node.freshness
    limit = limits.warn_after if status == "warn" else limits.error_after or limits.warn_after
    allowed = f"{limit.count} {limit.period.value}{'s' if limit.count != 1 else ''}"
    if result.max_loaded_at.year == _YEAR_ONE:
        message, delivered = f"{source} was never delivered", None
    else:
        delivered = f"{result.max_loaded_at:%Y-%m-%d %H:%M} UTC"
        message = f"{source} was last delivered {_age(result.age)} ago, on {delivered}"
    if status == "pass":
        return TestResult(name, status, source)
    message += f"; {'warned of' if status == 'warn' else 'stale'} after {allowed}"
    sample = {"source": source, "delivered_at": delivered, "limit": allowed}
    return TestResult(name, status, source, failures=1, message=message, sample=(sample,))


def _age(seconds: float) -> str:
    """An age in the two units that matter, such as `9 days 3 hours`."""
    age = timedelta(seconds=seconds)
    hours, rest = divmod(age.seconds, 3600)
    parts = ((age.days, "day"), (hours, "hour"), (rest // 60, "minute"))
    units = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(units[:2]) or "a moment"
