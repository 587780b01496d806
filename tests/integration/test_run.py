"""`medallion run`: a whole pipeline as local processes, and the report it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medallion.errors import ExitCode
from medallion.samples.customer_transactions import write_sample
from medallion.warehouse.connection import Connection

REPO = Path(__file__).resolve().parents[2]
NAME = "pipeline_customer_transaction"


@pytest.fixture
def run(tmp_path: Path, warehouse_url: str):
    """Runs the command line; returns what it did and the report, if it wrote one."""

    def go(*arguments: str | Path) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        report = tmp_path / "report.json"
        folders = str(REPO / "src")
        variables = {**os.environ, "PYTHONPATH": folders, "MEDALLION_HOME": str(tmp_path), "COLUMNS": "100"}
        command = [sys.executable, "-m", "medallion.cli", "run", *map(str, arguments), "--warehouse", warehouse_url]
        done = subprocess.run(
            [*command, "--report", str(report)],
            capture_output=True,
            text=True,
            env=variables,
            cwd=REPO,
            timeout=300,
        )
        return done, json.loads(report.read_text()) if report.exists() else {}

    return go


def test_run_from_dirty_file_to_gold_reports_every_step(run, tmp_path: Path, warehouse: Connection):
    write_sample(tmp_path / "sample.csv", rows=400)
    done, report = run(NAME, "--input", tmp_path / "sample.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (report["pipeline"], report["status"]) == (NAME, "succeeded")
    steps = {step["name"]: step for step in report["steps"]}
    assert list(steps) == ["clean.transactions", "bronze", "silver", "gold"]
    clean = steps["clean.transactions"]
    assert clean["rows_in"] == clean["rows_loaded"] + clean["rows_rejected"] == 400
    assert sum(clean["reasons"].values()) >= clean["rows_rejected"] > 0
    assert [part["name"] for part in clean["parts"]] == [
        "truncate_cleaned_table",
        "create_cleaned_table",
        "clean_and_transform_csv",
        "load_cleaned_csv_to_postgres",
        "validate_postgres_load",
    ]
    assert all(test["status"] == "pass" for step in steps.values() for test in step["tests"])
    (sold,) = warehouse.execute("select sum(transaction_count) from gold.agg_monthly_sales").fetchone() or (0,)
    assert sold == clean["rows_loaded"]


def test_failed_run_ends_with_the_steps_code_and_skips_rest(run, tmp_path: Path):
    (tmp_path / "bad.csv").write_text("transaction_id,price\nT1,1\n")
    done, report = run(NAME, "--input", tmp_path / "bad.csv")
    assert done.returncode == ExitCode.CONTRACT_VIOLATION
    assert [step["status"] for step in report["steps"]] == ["failed", "skipped", "skipped", "skipped"]
    assert "column 'customer_id' is missing" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unknown_pipeline_names_the_known_ones(run):
    done, _ = run("nothing")
    assert done.returncode == ExitCode.USAGE
    assert f"no such pipeline — there are: dbt_transform, {NAME}" in done.stderr
