"""Backups, restores and rollbacks on a real cluster, by the commands of the Makefile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import REPO, Airflow, Cluster, until
from medallion.samples.customer_transactions import write_sample
from servers import s3_server
from upgrades import gold_of

DAG = "pipeline_customer_transaction"
LEDGER = "select md5(string_agg(l::text, '|' order by id)) as digest, count(*) as rows from medallion.step_runs as l"


@pytest.fixture
def make(cluster: Cluster) -> Callable[..., str]:
    """Runs a target of the Makefile; returns what it printed."""
    environment = {**os.environ, "KUBE_CONTEXT": cluster.context, "NAMESPACE": cluster.namespace}

    def run(*arguments: str) -> str:
        command = ["make", "--no-print-directory", *arguments]
        done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def administer(cluster: Cluster, command: str) -> str:
    login = {"PGUSER": "postgres", "PGPASSWORD": cluster.secret("medallion-postgres")["postgres-password"]}
    return cluster.psql(login, "postgres", command).stdout


def damage(cluster: Cluster) -> None:
    """What a user with the warehouse's own login might do: published rows and the ledger are gone."""
    login = cluster.secret("medallion-warehouse")
    cluster.psql(login, login["PGDATABASE"], "delete from gold.agg_monthly_sales; delete from medallion.step_runs")


@pytest.fixture
def no_leftovers(cluster: Cluster) -> Iterator[None]:
    """What was in a database's place before a restore is dropped at the end."""
    yield
    for name in administer(cluster, "select datname from pg_database where datname like '%\\_before\\_%'").split():
        administer(cluster, f"drop database {name} with (force)")


def put(folder: Path, seed: int) -> None:
    write_sample(folder / "customer_transactions.csv", rows=20_000, seed=seed)
    subprocess.run(
        [REPO / "k8s" / "upload.sh", folder / "customer_transactions.csv"],
        check=True,
        capture_output=True,
        timeout=1200,
    )


def history() -> list[dict[str, Any]]:
    done = subprocess.run(
        [REPO / "k8s" / "medallion.sh", "history", DAG, "--json"], capture_output=True, check=True, timeout=1200
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def seen(run: dict[str, Any]) -> set[bool]:
    """Whether readers see all of a run's data, none, or some."""
    return {version["seen"] for version in run["versions"]}


def test_a_restore_brings_back_gold_and_ledger(
    cluster: Cluster, make: Callable[..., str], transactions_run: str, no_leftovers: None
):
    before, ledger = gold_of(cluster), cluster.sql(LEDGER)
    output = make("backup")
    names = [line.split(":")[0] for line in output.splitlines() if ".dump: " in line]
    assert {name.rpartition("/")[2] for name in names} >= {"airflow.dump", "warehouse.dump"}
    assert {line.split()[1] for line in make("backups").splitlines()} >= set(names)
    damage(cluster)
    assert gold_of(cluster) != before
    output = make("restore", f"FILE={next(name for name in names if name.endswith('/warehouse.dump'))}")
    assert "what was there before is warehouse_before_" in output
    assert (gold_of(cluster), cluster.sql(LEDGER)) == (before, ledger)


def test_a_rollback_changes_what_readers_see_at_once(
    cluster: Cluster, airflow: Airflow, make: Callable[..., str], transactions_run: str, tmp_path: Path,
    request: pytest.FixtureRequest,
):  # fmt: skip
    before, shown = gold_of(cluster), next(run for run in history() if seen(run) == {True} and not run["message"])
    put(tmp_path, seed=8)
    request.addfinalizer(lambda: put(tmp_path, seed=7))
    make("run", f"PIPELINE={DAG}")
    newest, *_ = history()
    assert gold_of(cluster) != before
    assert seen(newest) == {True}
    make("rollback", f"PIPELINE={DAG}", f"TO={shown['run_id']}")
    assert gold_of(cluster) == before
    rollback, run, *_ = history()
    assert rollback["message"] == f"readers see the data of run {shown['run_id']} again"
    assert (run["run_id"], seen(run)) == (newest["run_id"], {False})
    assert "rolled back" in make("history", f"PIPELINE={DAG}")


def cronjob(cluster: Cluster, *settings: str) -> None:
    """Puts the chart's own CronJob in place, as the release's values and more settings give it."""
    helm = ["helm", "--kube-context", cluster.context, "--namespace", cluster.namespace]
    values = subprocess.run(
        [*helm, "get", "values", "medallion"], capture_output=True, text=True, check=True, timeout=1200
    ).stdout
    values = values.partition("\n")[2]  # its first line is a title
    chart = [str(REPO / "charts" / "medallion"), "--show-only", "templates/backup/cronjob.yaml", "--values", "-"]
    more = [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        [*helm, "template", "medallion", *chart, *more], input=values, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    made = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "CronJob"]
    (found,) = [one for one in made if one["metadata"]["name"] == "medallion-backup"]
    cluster.kubectl("replace", "-f", "-", stdin=json.dumps(found))


def address(cluster: Cluster) -> str:
    """This machine's address, as the cluster's nodes see it."""
    (node, *_) = cluster.get("nodes")["items"]
    there = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((there, 9))
        return str(probe.getsockname()[0])


@pytest.fixture
def bucket(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """Settings of the chart for a bucket on this machine."""
    with s3_server("0.0.0.0") as (url, _):
        login = {"AWS_ENDPOINT_URL": f"http://{address(cluster)}:{url.rpartition(':')[2]}"}
        login |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "test-bucket"}, "stringData": login}
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(secret))
        try:
            yield ("backups.bucket.url=s3://lake/medallion", "backups.bucket.secret=test-bucket")
        finally:
            cronjob(cluster)
            cluster.kubectl("delete", "secret", "test-bucket")


def times(cluster: Cluster) -> tuple[str | None, str | None]:
    """When the schedule last started a job, and when one last succeeded."""
    status = cluster.get("cronjob", "medallion-backup")["status"]
    return status.get("lastScheduleTime"), status.get("lastSuccessfulTime")


@pytest.mark.slow_cluster
def test_scheduled_backup_to_a_bucket_restores_gold(
    cluster: Cluster, make: Callable[..., str], transactions_run: str, bucket: tuple[str, ...], no_leftovers: None
):
    assert cluster.get("cronjob", "medallion-backup")["spec"]["suspend"] is False
    before, ledger = gold_of(cluster), cluster.sql(LEDGER)
    started, done = times(cluster)
    cronjob(cluster, *bucket, "backups.schedule=* * * * *")
    until("the schedule starts a job", lambda: times(cluster)[0] != started, 120)
    cronjob(cluster, *bucket)
    until("the job has succeeded", lambda: times(cluster)[1] != done)
    until("the job's volume is gone", lambda: "medallion-backup-" not in cluster.kubectl("get", "pvc", "-o", "name"))
    output = make("backup")
    assert "/warehouse.dump: " in output
    assert "read back" in output
    names = {line.split()[1] for line in make("backups").splitlines()}
    assert {name.rpartition("/")[2] for name in names} >= {"airflow.dump", "warehouse.dump"}
    damage(cluster)
    make("restore", f"FILE={max(name for name in names if name.endswith('/warehouse.dump'))}")
    assert (gold_of(cluster), cluster.sql(LEDGER)) == (before, ledger)
