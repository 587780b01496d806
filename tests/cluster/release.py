"""Fixtures of the release under test, for the cluster tests and for the fault suite."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Airflow, Cluster, git


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    found = Cluster.from_environment()
    required = os.environ.get("MEDALLION_CLUSTER_TESTS") == "required"
    missing = next((tool for tool in ("kubectl", "helm", "git") if shutil.which(tool) is None), None)
    reason = f"{missing} is not installed" if missing else None
    if reason is None:
        command = ["kubectl", "--context", found.context, "get", "namespace", found.namespace]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        reason = f"no Medallion in {found.context}: run make up" if answer.returncode else None
    if reason and required:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def airflow(cluster: Cluster) -> Iterator[Airflow]:
    login = cluster.secret("medallion-ui")
    with cluster.ui() as base:
        found = Airflow(base, login["username"], login["password"])
        settle(found, "dbt_transform")
        yield found


def settle(airflow: Airflow, dag: str) -> None:
    """Wait for the scheduled run that `make up` leaves, then pause its DAG, so that no test meets its next run."""
    airflow.appears(dag)
    for run in airflow.get(f"/dags/{dag}/dagRuns?state=queued&state=running")["dag_runs"]:
        airflow.finished(dag, str(run["dag_run_id"]), seconds=1200)
    airflow.patch(f"/dags/{dag}", is_paused=True)


@pytest.fixture(scope="session")
def checkout(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone of what the cluster's git server serves; what a test pushes is taken back at the end."""
    folder = tmp_path_factory.mktemp("git") / "checkout"
    # Through the API server at each call: a port that is forwarded would end with the git server's pod.
    kubectl = f"kubectl --context {cluster.context} --namespace {cluster.namespace}"
    address = f"ext::{kubectl} exec -i deployment/medallion-git -- %S /srv/git/medallion.git"
    git(folder.parent, "-c", "protocol.ext.allow=always", "clone", "-q", address, str(folder))
    git(folder, "config", "protocol.ext.allow", "always")
    git(folder, "config", "user.name", "test")
    git(folder, "config", "user.email", "test@localhost")
    before = git(folder, "rev-parse", "HEAD").strip()
    yield folder
    git(folder, "push", "-qf", "origin", f"{before}:main")
