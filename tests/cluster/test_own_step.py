"""Steps of a team's own on a real cluster, in an image without Medallion: that of Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster import Airflow, Cluster, push

NAME = "own_steps"
pytestmark = pytest.mark.slow_cluster
# The first attempt ends with 2: it finds no row of its own in the ledger.
FLAKY = """
n=$(psql -Atc "select count(*) from medallion.step_runs where run_id = '$MEDALLION_RUN_ID' and step = '$MEDALLION_STEP'")
echo "attempt $n of $MEDALLION_PIPELINE"
exit $((2 - 2 * n))
"""
ALONE = "env | grep -E '^PG(HOST|USER|PASSWORD)=' && exit 8; touch /medallion/x 2>/dev/null && exit 7; exit 5"


@pytest.fixture(scope="module")
def pushed(airflow: Airflow, cluster: Cluster, checkout: Path) -> Iterator[str]:
    """Three steps: one that succeeds at its second attempt, one that fails, one that waits for it; their run."""
    pods = cluster.get("pod", "medallion-postgres-0")["spec"]["containers"]
    image = next(one["image"] for one in pods if one["name"] == "postgres")
    common = {"image": image, "run_as_user": 999, "resources": {"memory": "64Mi"}}
    retry = {"max_retries": 2, "initial_delay_seconds": 1, "retryable_exit_codes": [2]}
    steps = [
        {"name": "flaky", "command": ["sh", "-c", FLAKY], "warehouse": True, "retry_config": retry},
        {"name": "alone", "command": ["sh", "-c", ALONE]},
        {"name": "never", "command": ["true"]},
    ]
    file = checkout / "dags" / "pipelines" / f"{NAME}.yaml"
    file.write_text(yaml.safe_dump({"name": NAME, "owner": "me", "steps": [common | step for step in steps]}))
    push(checkout, "Own steps")
    airflow.appears(NAME)
    yield airflow.trigger(NAME)
    file.unlink()
    push(checkout, "No own steps")


def test_own_steps_have_rows_retries_gates_and_logs(pushed: str, airflow: Airflow, cluster: Cluster):
    assert airflow.finished(NAME, pushed) == "failed"
    rows = cluster.sql(
        "select step, attempt, status, details ->> 'exit_code' as exit_code from medallion.step_runs "
        f"where run_id = '{pushed}' order by id"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("flaky", 1, "failed", "2"),
        ("flaky", 2, "succeeded", "0"),
        ("alone", 1, "failed", "5"),
    ]
    states = {name: task["state"] for name, task in airflow.tasks(NAME, pushed).items()}
    assert states == {"flaky": "success", "alone": "failed", "never": "upstream_failed"}
    assert "attempt 1 of own_steps" in airflow.log(NAME, pushed, "flaky", 2)
    assert "the command ended with exit code 5" in airflow.log(NAME, pushed, "alone")
