"""Each fault is injected for real in the middle of a layer; the run ends well, and readers never notice."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from cluster import Airflow, Cluster, git, until
from watch import DAG, in_gold, ledger, worker_of

GOLD = "DBT-Transformations.gold"


def kill(cluster: Cluster, *pods: str) -> None:
    cluster.kubectl("delete", "pod", *pods, "--grace-period=0", "--force", "--wait=false")


def succeeds_once(airflow: Airflow, cluster: Cluster, run: str, seconds: float = 600) -> None:
    """The run ends in success, and the ledger holds one success of gold."""
    assert airflow.finished(DAG, run, seconds) == "success"
    good = [row for row in ledger(cluster, run) if row["step"] == "gold" and row["status"] != "failed"]
    assert len(good) == 1, good


@pytest.mark.usefixtures("pipeline")
def test_the_scheduler_is_deleted_in_the_middle_of_a_layer(airflow: Airflow, cluster: Cluster, fault):
    one = fault("scheduler pod deleted", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, _):
        cluster.kubectl("delete", "pod", "-l", "component=scheduler", "--wait=true")
        one.injected()
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
def test_the_scheduler_is_restarted_five_times(airflow: Airflow, cluster: Cluster, fault):
    one = fault("scheduler restarted five times", "all along a run")
    run = airflow.trigger(DAG)
    one.injected()
    for _ in range(5):
        cluster.kubectl("delete", "pod", "-l", "component=scheduler", "--wait=true")
        cluster.kubectl("rollout", "status", "deployment/medallion-scheduler", "--timeout=240s")
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("killed", ["child", "worker", "worker and child"])
def test_pods_of_a_layer_are_killed(airflow: Airflow, cluster: Cluster, fault, killed: str):
    one = fault(f"{killed} pod killed", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, pod):
        worker = worker_of(cluster, "gold")
        kill(cluster, *{"child": [pod], "worker": [worker], "worker and child": [worker, pod]}[killed])
        one.injected()
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
def test_a_task_is_marked_failed(airflow: Airflow, cluster: Cluster, fault):
    one = fault("task marked failed", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, pod):
        airflow.patch(f"/dags/{DAG}/dagRuns/{run}/taskInstances/{GOLD}", new_state="failed")
        one.injected()
        sessions = f"select pid from pg_stat_activity where application_name like 'medallion%{DAG} gold%'"
        until("the pod is gone", lambda: pod not in cluster.kubectl("get", "pods", "-o", "name"))
        until("its database session is gone", lambda: not cluster.sql(sessions))
        one.mended()
    assert airflow.finished(DAG, run) == "failed"


@pytest.mark.usefixtures("pipeline")
def test_postgres_is_killed_in_the_middle_of_a_layer(airflow: Airflow, cluster: Cluster, fault):
    one = fault("Postgres pod killed", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, _):
        kill(cluster, "medallion-postgres-0")
        one.injected()
    cluster.kubectl("rollout", "status", "statefulset/medallion-postgres", "--timeout=240s")
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
def test_the_sessions_of_a_layer_are_terminated(airflow: Airflow, cluster: Cluster, fault):
    one = fault("database sessions terminated", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, _):
        cluster.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'medallion%gold%'"
        )
        one.injected()
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
def test_the_kubernetes_api_is_away_for_half_a_minute(airflow: Airflow, cluster: Cluster, fault):
    node = f"{cluster.context.removeprefix('kind-')}-control-plane"
    if subprocess.run(["docker", "inspect", node], capture_output=True).returncode:
        pytest.skip("only a kind cluster's API server can be stopped from here")

    def signal(name: str) -> None:
        script = f"kill -{name} $(pidof kube-apiserver)"
        subprocess.run(["docker", "exec", node, "sh", "-c", script], check=True)

    one = fault("Kubernetes API away for 30 s", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, _):
        signal("STOP")
        one.injected()
        subprocess.run(["docker", "exec", node, "sleep", "30"], check=True)  # the fault's own length
        signal("CONT")
    until("the API answers", lambda: cluster.kubectl("get", "--raw", "/readyz", check=False) == "ok")
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.mark.usefixtures("pipeline")
def test_the_git_server_is_away(airflow: Airflow, cluster: Cluster, fault):
    one = fault("git server away", "all along a run")
    cluster.kubectl("scale", "deployment/medallion-git", "--replicas=0")
    try:
        one.injected()
        assert airflow.get(f"/dags/{DAG}")["dag_id"] == DAG
        run = airflow.trigger(DAG)
        until("the run is under way", lambda: airflow.tasks(DAG, run))
    finally:
        cluster.kubectl("scale", "deployment/medallion-git", "--replicas=1")
        cluster.kubectl("rollout", "status", "deployment/medallion-git", "--timeout=120s")
    succeeds_once(airflow, cluster, run)
    one.mended()


@pytest.fixture
def pushed(checkout: Path):
    """Changes the suite's pipeline by a push, and takes the change back."""
    file = checkout / "dags" / "pipelines" / f"{DAG}.yaml"
    before = file.read_text()

    def push(text: str) -> str:
        file.write_text(text)
        git(checkout, "commit", "-qam", "A change in the middle of a run")
        git(checkout, "push", "-q")
        return git(checkout, "rev-parse", "HEAD").strip()

    yield lambda old, new: push(before.replace(old, new))
    push(before)


@pytest.mark.usefixtures("pipeline")
def test_a_push_in_the_middle_of_a_run(airflow: Airflow, cluster: Cluster, pushed, fault):
    one = fault("pipeline changed by a push", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, pod):
        commit = pushed("{name: gold}", "{name: gold, select: path:models/nowhere}")
        until("Airflow has the new commit", lambda: commit in str(airflow.get(f"/dags/{DAG}/details")))
        kill(cluster, pod)  # so that gold is rendered anew, from the newer commit
        one.injected()
    succeeds_once(airflow, cluster, run)
    one.mended()
    assert len({row["code_version"] for row in ledger(cluster, run) if row["status"] != "failed"}) == 1


@pytest.mark.usefixtures("pipeline")
def test_a_pod_that_no_node_can_take(airflow: Airflow, cluster: Cluster, pushed, fault):
    one = fault("pod that no node can take", "bronze, before its start")
    pushed("retry_config: {max_retries: 4,", "resources: {dbt: {cpu: '900'}}\nretry_config: {max_retries: 0,")
    until(
        "Airflow has the change",
        lambda: "900" in str(airflow.get(f"/dags/{DAG}/tasks")) or "900" in str(airflow.get(f"/dagSources/{DAG}")),
        120,
    )
    run = airflow.trigger(DAG)
    one.injected()
    assert airflow.finished(DAG, run, 900) == "failed"
    one.mended()
    assert "Insufficient cpu" in airflow.log(DAG, run, "DBT-Transformations.bronze")


FAULTS = {
    "child pod killed": lambda cluster, pod: kill(cluster, pod),
    "worker pod killed": lambda cluster, pod: kill(cluster, worker_of(cluster, "gold")),
    "sessions terminated": lambda cluster, pod: cluster.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'medallion%gold%'"
    ),
    "scheduler deleted": lambda cluster, pod: cluster.kubectl("delete", "pod", "-l", "component=scheduler"),
}


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("number", range(int(os.environ.get("CHAOS_RUNS", "0"))))
def test_one_run_of_many_with_a_fault_by_chance(airflow: Airflow, cluster: Cluster, fault, number: int):
    name = random.Random(number).choice(sorted(FAULTS))
    one = fault(f"run {number}: {name}", "gold, mid-model")
    with in_gold(cluster, airflow) as (run, pod):
        FAULTS[name](cluster, pod)
        one.injected()
    succeeds_once(airflow, cluster, run)
    one.mended()
