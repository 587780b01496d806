"""What a load's counts mean: too many rejects, or a row of the ledger."""

from __future__ import annotations

from medallion.cleaner.job import Job
from medallion.cleaner.reading import Counts, Stopwatch
from medallion.config.contract import Contract
from medallion.config.sources.stream import Inputs
from medallion.protocol.result import Delivery, TaskResult

_NOTES = 3
"""How many different notes on files a message has."""


def refusal(contract: Contract, counts: Counts, label: str) -> tuple[str, str] | None:
    """Return why so many rejects are too many, and what to do; None if they are not."""
    limits = contract.rejects
    share = counts.rejected / counts.rows if counts.rows else 0.0
    over_rows = limits.max_rows is not None and counts.rejected > limits.max_rows
    if share <= limits.max_share and not over_rows:
        return None
    allowed = f"{limits.max_rows} rows" if over_rows else f"{limits.max_share:.1%}"
    worst = "; ".join(f"{count} × {reason}" for reason, count in counts.reasons.most_common(3))
    return (
        f"{counts.rejected} of {counts.rows} rows of {label} were rejected, {allowed} are allowed: {worst}. "
        "Nothing was published",
        "see `medallion rejects PIPELINE` for every row and reason; correct the file, or `rejects` in the contract",
    )


def task_result(counts: Counts, version: str, watch: Stopwatch, label: str) -> TaskResult:
    """Return what a load did."""
    message = f"{label}: {counts.rows:,} rows in, {counts.loaded:,} loaded, {counts.rejected:,} rejected"
    if counts.rounded:
        message += "; rounded to `decimals`: " + ", ".join(f"{n:,} of {name}" for name, n in counts.rounded.items())
    if counts.dialect:
        message += "; as the dialect says: " + ", ".join(f"{n:,} {what}" for what, n in counts.dialect.items())
    if counts.notes:
        message += f"; {'; '.join(list(dict.fromkeys(counts.notes))[:_NOTES])}"
    return TaskResult(
        rows_in=counts.rows,
        rows_loaded=counts.loaded,
        rows_rejected=counts.rejected,
        input_checksum=version,
        reasons=dict(counts.reasons.most_common()),
        rounded=dict(counts.rounded.most_common()),
        dialect=dict(counts.dialect.most_common()),
        parts=tuple(watch.parts),
        message=message,
    )


def read_delivery(job: Job, inputs: Inputs) -> Delivery:
    """Return what freshness is judged by."""
    return Delivery(f"{job.schema}.{job.table}", inputs.delivered_at.isoformat())
