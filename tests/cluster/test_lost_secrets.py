"""Secrets that were deleted by mistake: the upgrade is refused, and one command brings each back (case 27)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cluster import REPO, Airflow, Cluster, until
from upgrades import release, secrets_of

LOST = ("medallion-postgres", "medallion-airflow")


def helm_upgrade(cluster: Cluster, *settings: str) -> subprocess.CompletedProcess[str]:
    more = [part for setting in settings for part in ("--set", setting)]
    return release(cluster, "upgrade", "medallion", str(REPO / "charts" / "medallion"), "--reuse-values", *more)


def bring_back(cluster: Cluster, secret: str) -> str:
    environment = {**os.environ, "KUBE_CONTEXT": cluster.context, "NAMESPACE": cluster.namespace}
    command = [str(REPO / "k8s" / "bring-back.sh"), secret]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_upgrade_without_secrets_is_refused_until_restored(cluster: Cluster, transactions_run: str):
    before = secrets_of(cluster)
    cluster.kubectl("delete", "secret", *LOST)
    try:
        refused = helm_upgrade(cluster)
        output = refused.stdout + refused.stderr
        assert refused.returncode != 0
        for name in LOST:
            assert f"error: Secret {name} is missing, and its data is there: volume claim" in output
        there = cluster.kubectl("get", "secret", *LOST, "--ignore-not-found", "-o", "name")
        assert there == "", "no Secret was made"
        assert not [
            value for secret in before.values() for value in secret.values() if len(value) > 20 and value in output
        ]
    finally:
        for name in LOST:
            bring_back(cluster, name)
    assert secrets_of(cluster) == before


@pytest.mark.slow_cluster
def test_a_password_replaced_refuses_the_upgrade(cluster: Cluster, transactions_run: str):
    patch = '{"stringData": {"postgres-password": "%s"}}'
    kept = cluster.secret("medallion-postgres")["postgres-password"]
    cluster.kubectl("patch", "secret", "medallion-postgres", "--patch", patch % "other-one")
    try:
        refused = helm_upgrade(cluster)
        assert refused.returncode != 0
        output = refused.stdout + refused.stderr
        assert "error: medallion-postgres/postgres-password is not the password of the server" in output
        assert "other-one" not in output
    finally:
        cluster.kubectl("patch", "secret", "medallion-postgres", "--patch", patch % kept)


@pytest.mark.slow_cluster
def test_the_first_user_gets_a_password_that_works(cluster: Cluster, airflow: Airflow):
    before = cluster.secret("medallion-ui")
    cluster.kubectl("delete", "secret", "medallion-ui")
    bring_back(cluster, "medallion-ui")
    after = cluster.secret("medallion-ui")
    assert (after["username"], after["password"] != before["password"]) == (before["username"], True)
    Airflow(airflow.base, after["username"], after["password"])


def test_the_git_server_keeps_its_repository(cluster: Cluster, checkout: Path):
    cluster.kubectl("rollout", "restart", "deployment/medallion-git")
    cluster.kubectl("rollout", "status", "deployment/medallion-git", "--timeout=120s")
    pods = ("pods", "-l", "app.kubernetes.io/name=medallion-git")
    until("the old pod is gone", lambda: len(cluster.get(*pods)["items"]) == 1)
    head = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=1200
    )
    with cluster.port("service/medallion-git", "git") as port:
        url = f"git://127.0.0.1:{port}/medallion.git"
        served = subprocess.run(
            ["git", "ls-remote", url, "main"], capture_output=True, text=True, check=True, timeout=1200
        )
    assert served.stdout.split()[:1] == [head.stdout.strip()]
