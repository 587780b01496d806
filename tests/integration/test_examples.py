"""The examples: they have nothing wrong with them, and run as their pages say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from medallion.config.catalog import iter_pipelines
from medallion.lint.checks import lint_folder
from medallion.warehouse.embedded import embedded_postgres

REPO = Path(__file__).resolve().parents[2]
EXAMPLES = REPO / "examples"


@pytest.mark.parametrize("example", ["acme", "three-tenants"])
def test_an_example_has_nothing_wrong_with_it(example: str):
    assert [str(diagnostic) for diagnostic in lint_folder(EXAMPLES / example / "dags")] == []


def test_the_runner_example_gives_the_schedules_that_it_lists():
    found = {named.name: named.file.pipeline for named in iter_pipelines(EXAMPLES / "acme" / "dags") if named.file}
    hourly, contacts = found["stripe_customers_hourly"], found["hubspot_contacts_daily"]
    assert (hourly.schedule.cron, hourly.schedule.max_concurrent_runs) == ("0 * * * *", 1)
    assert (contacts.schedule.interval_seconds, contacts.schedule.timezone) == (21600, "America/New_York")
    assert hourly.tags == ("environment:production", "priority:high")
    assert {pipeline.tenant for pipeline in found.values()} == {"acme"}


def test_two_tenants_load_tables_of_one_name_that_never_meet(tmp_path: Path):
    folders = str(REPO / "src")
    example = EXAMPLES / "three-tenants"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    variables |= {"PYTHONPATH": folders, "MEDALLION_HOME": str(tmp_path), "MEDALLION_DAGS": str(example / "dags")}
    for name in ("acme_orders", "globex_orders"):
        command = [sys.executable, "-m", "medallion.cli", "run", name, "--landing", str(example / "landing")]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    server = embedded_postgres(tmp_path / "postgres")
    try:
        found = {}
        for tenant in ("acme", "globex"):
            with psycopg.connect(server.get_uri(), dbname=f"tenant_{tenant}") as connection:
                found[tenant] = connection.execute("select pipeline, rows_in from medallion.step_runs").fetchall()
    finally:
        server.cleanup()
    assert found == {"acme": [("acme_orders", 3)], "globex": [("globex_orders", 4)]}
