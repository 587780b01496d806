"""Settings that many parts depend on, changed on a live release (cases 29 and 30)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import REPO, Cluster, git
from upgrades import release

DAG = "pipeline_customer_transaction"
QUOTA = {"requests.cpu": "16", "requests.memory": "32Gi", "limits.memory": "128Gi"}

pytestmark = pytest.mark.slow_cluster


def upgrade(cluster: Cluster, *settings: str) -> None:
    values = [part for setting in settings for part in ("--set", setting)]
    chart = str(REPO / "charts" / "medallion")
    done = release(cluster, "upgrade", "medallion", chart, "--reuse-values", *values, "--wait", "--wait-for-jobs")
    assert done.returncode == 0, done.stdout + done.stderr


def make_run(cluster: Cluster) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBE_CONTEXT": cluster.context, "NAMESPACE": cluster.namespace}
    command = [str(REPO / "k8s" / "trigger.sh"), DAG]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture
def moved(cluster: Cluster, checkout: Path) -> Iterator[None]:
    """The DAGs in another folder of the repository, and the UI under a path."""
    (checkout / "team").mkdir()
    git(checkout, "mv", "dags", "team/dags")
    git(checkout, "commit", "-qm", "Another folder")
    git(checkout, "push", "-q")
    base_url = "airflow.config.api.base_url="
    upgrade(cluster, "airflow.dags.gitSync.subPath=team/dags", f"{base_url}https://x.example.com/team/airflow")
    yield
    git(checkout, "revert", "--no-edit", "HEAD")
    git(checkout, "push", "-q")
    # Not another upgrade: `base_url` was not set, and tests that follow need it so.
    done = release(cluster, "rollback", "medallion", "--wait", "--wait-for-jobs")
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_dag_folder_and_a_path_hold_everywhere(cluster: Cluster, moved: None, transactions_run: str):
    pods = cluster.get("pods", "-l", "component=dag-processor")["items"]
    (pod,) = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    restarts = {box["name"]: (box["ready"], box["restartCount"]) for box in pod["status"]["containerStatuses"]}
    assert restarts["ready"] == (True, 0)
    done = make_run(cluster)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_quota_forbids_no_pod(cluster: Cluster, transactions_run: str):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": {"hard": QUOTA}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(quota))
    try:
        cluster.kubectl("create", "job", "try", "--from=cronjob/medallion-database-cleanup")
        cluster.kubectl("wait", "job/try", "--for=condition=Complete", "--timeout=240s")
        cluster.kubectl("rollout", "restart", "deployment/medallion-scheduler")
        cluster.kubectl("rollout", "status", "deployment/medallion-scheduler", "--timeout=240s")
        done = make_run(cluster)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        cluster.kubectl("delete", "resourcequota", "tight")
        cluster.kubectl("delete", "job", "try", "--ignore-not-found", "--wait=false")
