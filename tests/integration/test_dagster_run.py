"""Dagster really runs a job: its steps as processes, on a real Postgres."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from medallion.errors import ExitCode
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from runner_folder import schedule, write

dagster = pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore")

from medallion.orchestrators.dagster.definitions import definitions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dags = write(tmp_path / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    runner = dags / "runner.yaml"
    runner.write_text(runner.read_text().replace("type: airflow", "type: dagster"))
    return dags


def run(dags: Path, landing: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (job,) = definitions(dags, pods=False, landing=str(landing)).jobs
    return job.execute_in_process(raise_on_error=False)


def test_a_job_loads_its_file_and_the_ledger_knows_the_run(warehouse: Connection, folder: Path, tmp_path: Path):
    landing = tmp_path / "landing"
    (landing / "acme").mkdir(parents=True)
    (landing / "acme" / "orders.csv").write_text("id\n1\n2\n")
    done = run(folder, landing)
    assert done.success
    assert warehouse.execute("select id from raw.orders order by id").fetchall() == [("1",), ("2",)]
    (step,) = ledger.list_steps(warehouse, "hourly", f"dagster__{done.run_id}")
    assert (step["status"], step["rows_loaded"]) == ("succeeded", 2)


def test_a_failed_step_fails_the_run_with_its_message_and_remedy(warehouse: Connection, folder: Path, tmp_path: Path):
    done = run(folder, tmp_path / "landing")
    assert not done.success
    failure = next(event for event in done.all_events if event.event_type_value == "STEP_FAILURE")
    message = failure.event_specific_data.error_display_string
    assert "there is no file" in message
    assert "hint:" in message
    assert failure.event_specific_data.user_failure_data.metadata["exit_code"].value == ExitCode.INPUT_NOT_FOUND
