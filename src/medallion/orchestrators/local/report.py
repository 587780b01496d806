"""What a run did, read from the ledger: the same report for pods and for processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medallion.plan import Plan
from medallion.warehouse import file_loads, ledger
from medallion.warehouse.connection import Connection


@dataclass(frozen=True)
class Report:
    """A run as JSON-ready data: `pipeline`, `run_id`, `status` and one entry per step of the plan.

    A step that has no ledger row did not run: its status is `skipped`, or `lost` if it was started.
    """

    pipeline: str
    run_id: str
    status: str
    seconds: float
    steps: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report's JSON form; its keys are stable."""
        return dict(self.__dict__)


def make_report(connection: Connection, plan: Plan, run_id: str, started: frozenset[str] = frozenset()) -> Report:
    """Read a run's report.

    Args:
        connection: To the warehouse.
        plan: The plan of the run: it says which steps there should be.
        run_id: The run.
        started: Steps that were started, to distinguish a lost step from a skipped one.
    """
    rows = {row["step"]: row for row in ledger.list_steps(connection, plan.pipeline.name, run_id)}
    files = file_loads.list_by_step(connection, plan.pipeline.name, run_id)
    steps = []
    for step in plan.steps:
        missing = {"status": "lost" if step.name in started else "skipped"}
        entry = _entry(step.name, step.layer, rows.get(step.name, missing))
        steps.append({**entry, "files": files.get(step.name, [])})
    good = all(step["status"] in ("succeeded", "unchanged") for step in steps)
    begun, ended = [row["started_at"] for row in rows.values()], [row["finished_at"] for row in rows.values()]
    seconds = (max(ended) - min(begun)).total_seconds() if rows else 0.0
    return Report(
        pipeline=plan.pipeline.name,
        run_id=run_id,
        status="succeeded" if good else "failed",
        seconds=round(seconds, 2),
        steps=steps,
        rejected=rejected_sample(connection, plan.pipeline.name, run_id),
    )


def rejected_sample(connection: Connection, pipeline: str, run_id: str, limit: int = 5) -> list[dict[str, Any]]:
    """Return the first few rejected rows of each step, to look at. The rest are in `medallion.rejected_rows`."""
    query = """
        select step, line, column_name, value, reason from (
            select *, row_number() over (partition by step order by line) as place
            from medallion.rejected_rows where pipeline = %s and run_id = %s) as numbered
        where place <= %s order by step, line
    """
    names = ("step", "line", "column", "value", "reason")
    rows = connection.execute(query, (pipeline, run_id, limit)).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _entry(name: str, layer: str | None, row: dict[str, Any]) -> dict[str, Any]:
    details = row.get("details", {})
    ran = "started_at" in row
    return {
        "name": name,
        "layer": layer,
        "status": row["status"],
        "attempt": row.get("attempt"),
        "seconds": round((row["finished_at"] - row["started_at"]).total_seconds(), 2) if ran else None,
        "rows_in": row.get("rows_in"),
        "rows_loaded": row.get("rows_loaded"),
        "rows_rejected": row.get("rows_rejected"),
        "reasons": details.get("reasons", {}),
        "rounded": details.get("rounded", {}),
        "dialect": details.get("dialect", {}),
        "models": details.get("models", []),
        "tests": details.get("tests", []),
        "parts": details.get("parts", []),
        "files_parsed": details.get("files_parsed"),
        "exit_code": details.get("exit_code"),
        "message": details.get("message", ""),
    }
