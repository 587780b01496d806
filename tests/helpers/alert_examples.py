"""Alerts as their readers get them. `python tests/alert_examples.py` writes them to docs/alerts."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import get_args

from medallion.alerts import Alert
from medallion.alerts.render import Format, render
from medallion.config.alerts import AlertKind
from medallion.protocol.termination_message import Failed

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "alerts"
_RUN = "scheduled__2026-03-02T05:00:00+00:00"
_ABOUT = {
    "pipeline": "pipeline_customer_transaction",
    "run_id": _RUN,
    "owner": "data-platform",
    "run_url": f"https://airflow.example.com/dags/pipeline_customer_transaction/runs/{_RUN}",
    "at": datetime(2026, 3, 2, 5, 3, 20, tzinfo=timezone.utc),
}
_LOG = f"{_ABOUT['run_url']}/tasks/DBT-Transformations.silver?try_number="
ALERTS = {
    "failure": Alert(
        kind=AlertKind.FAILURE, **_ABOUT, task="DBT-Transformations.silver", exit_code=84,
        message="1 of 18 tests of silver failed:",
        failed=(
            Failed(
                "test", "fact_amounts_are_price_times_quantity", 3, "Got 3 results, configured to fail if != 0",
                {"transaction_id": "TXN-0042", "price": "19.99", "quantity": 2, "total_amount": "<1> & 'two'"},
            ),
        ),
        remedy="look at the failing rows, correct the data or the model, and run again", log_url=f"{_LOG}1",
    ),
    "killed": Alert(
        kind=AlertKind.FAILURE, **_ABOUT, task="DBT-Transformations.silver", attempt=2, exit_code=137, reason="OOMKilled",
        message="the pod disappeared before its exit status was recorded; the ledger has no success",
        remedy="raise `resources.<image>.memory` in the pipeline file", log_url=f"{_LOG}2",
    ),
    "recovery": Alert(
        kind=AlertKind.RECOVERY, **_ABOUT, task="DBT-Transformations.silver", attempt=3, message="succeeded in attempt 3",
        log_url=f"{_LOG}3",
    ),
    "deadline": Alert(
        kind=AlertKind.DEADLINE, **_ABOUT, message="the run is not done after 0:20:00; it goes on",
        remedy="see in the run's Gantt view which step takes long; `timeouts` in the pipeline file holds the limits",
    ),
}  # fmt: skip


def examples() -> dict[Path, str]:
    """Every example's file, and what it must hold."""
    ending = {"text": "txt", "markdown": "md", "html": "html"}
    return {
        FOLDER / f"{name}.{ending[form]}": f"{alert.title}\n\n{body}" if form == "markdown" else body
        for name, alert in ALERTS.items()
        for form in get_args(Format)
        for body in [render(alert, form)]
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in examples().items():
        path.write_text(text, encoding="utf-8")
