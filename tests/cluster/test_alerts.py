"""Alerts and deadlines on the cluster: what a team receives, and from which component."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import Alerts
from cluster import REPO, Airflow, Cluster, push

DAG = "pipeline_late"
FILE = f"late-{uuid.uuid4().hex[:8]}.csv"  # on the landing volume there may be one of an earlier test run
CLEAN = "Clean-Transactions.clean_and_transform_csv"


@pytest.fixture(scope="module")
def late(checkout: Path, airflow: Airflow, alerts: Alerts, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of a pipeline that promises to be done in a second and whose file is not there; it has failed."""
    dags = checkout / "dags"
    pipeline: dict[str, Any] = yaml.safe_load((dags / "pipelines" / "pipeline_customer_transaction.yaml").read_text())
    pipeline |= {"name": DAG, "schema_prefix": "late_", "timeouts": {"deadline_seconds": 1}, "schedule": {}}
    pipeline |= {"alerts": {"channels": ["log", "hook", "unknown"]}}
    pipeline["sources"][0]["path"] = FILE
    (dags / "pipelines" / f"{DAG}.yaml").write_text(yaml.safe_dump(pipeline))
    push(checkout, "A pipeline that is late")
    airflow.appears(DAG)
    run = airflow.trigger(DAG)
    assert airflow.finished(DAG, run) == "failed"
    return run


def test_failure_sends_one_alert_with_reason_and_hint(late: str, alerts: Alerts):
    alert = alerts.wait(f"{DAG} failed at {CLEAN}", late)
    assert alert["type"] == "failure"
    for words in (FILE, "exit code 66", "attempt 1", "owner: data-platform", f"/dags/{DAG}/runs/"):
        assert words in alert["message"]
    assert [found["title"] for found in alerts.about(late) if found["type"] == "failure"] == [alert["title"]]


def test_a_channel_that_fails_changes_nothing_and_is_in_the_log(late: str, airflow: Airflow):
    log = airflow.log(DAG, late, CLEAN)
    assert "alert channel unknown failed" in log
    assert f"{DAG} failed at {CLEAN}" in log


def test_triggerer_sends_an_alert_for_a_missed_deadline(late: str, alerts: Alerts, cluster: Cluster):
    alert = alerts.wait(f"{DAG} missed its deadline", late)
    assert (alert["type"], "is not done after 0:00:01" in alert["message"]) == ("warning", True)
    log = cluster.kubectl("logs", "-l", "component=triggerer", "-c", "triggerer", "--tail", "-1")
    assert f"{DAG} missed its deadline" in log


def test_success_after_failure_sends_a_recovery(
    late: str, airflow: Airflow, alerts: Alerts, tmp_path: Path, cluster: Cluster
):
    medallion, file = REPO / ".venv" / "bin" / "medallion", tmp_path / FILE
    subprocess.run(
        [medallion, "sample", "--rows", "500", "--output", file], check=True, capture_output=True, timeout=1200
    )
    subprocess.run([REPO / "k8s" / "upload.sh", file], check=True, capture_output=True, timeout=1200)
    airflow.clear(DAG, late)
    assert airflow.finished(DAG, late) == "success"
    alert = alerts.wait(f"{DAG} recovered at {CLEAN}", late)
    assert (alert["type"], "succeeded in attempt 2" in alert["message"]) == ("success", True)
    assert [a["title"] for a in alerts.about(late) if a["type"] == "success"] == [alert["title"]]
