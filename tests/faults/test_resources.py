"""What the cluster does not give, a volume that is full, and a secret that must not be logged."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cluster import Cluster, until
from inject import on_node, rolled_out
from lane import Lane
from table import Fault

Named = Callable[[str, str], Fault]
Pushed = Callable[..., str]
ONCE = ("max_retries: 8,", "max_retries: 0,")
HUGE = ("owner: faults", "owner: faults\nresources: {dbt: {memory: 64Gi}}")


def fails_with(lane: Lane, one: Fault, *words: str) -> None:
    """A run fails in bronze, its log says why, its pod is gone, and readers see what they saw."""
    before = lane.seen()
    run = lane.start()
    one.injected()
    assert lane.airflow.finished(lane.dag, run.run_id) == "failed"
    one.resolved()
    log = lane.airflow.log(lane.dag, run.run_id, lane.task("bronze"))
    assert [word for word in words if word not in log] == [], log
    until("the pod is gone", lambda: not lane.pods("bronze"))
    assert lane.seen() == before


def test_a_pod_that_no_node_can_take(lane: Lane, fault: Named, pushed: Pushed):
    one = fault("pod that no node can take", "bronze, before its start")
    pushed(ONCE, HUGE)
    fails_with(lane, one, "Insufficient memory", "no node has room for the pod")


def test_a_quota_that_is_exhausted(lane: Lane, fault: Named, pushed: Pushed):
    one = fault("quota exhausted", "bronze, before its start")
    pushed(ONCE, HUGE)
    with quota(lane.cluster, "requests.memory=32Gi"):
        fails_with(lane, one, "exceeded quota: faults")


def test_an_image_that_is_nowhere(lane: Lane, fault: Named, pushed: Pushed):
    one = fault("image that is nowhere", "bronze, before its start")
    pushed(ONCE)
    with runtime(lane.cluster, "MEDALLION_DBT_IMAGE", "localhost/medallion/dbt:nowhere"):
        fails_with(lane, one, "ImagePull", "localhost/medallion/dbt:nowhere", "check that the image")


def test_failing_task_leaks_its_secret_nowhere(lane: Lane, fault: Named, pushed: Pushed):
    one = fault("a secret given to a failing task", "clean")
    canary = f"canary{secrets.token_hex(8)}"
    own = lane.cluster.secret("medallion-warehouse")["PGPASSWORD"]
    values = {"PGHOST": "medallion-postgres", "PGUSER": "warehouse", "PGDATABASE": "warehouse", "PGPASSWORD": canary}
    literals = [f"--from-literal={key}={value}" for key, value in values.items()]
    lane.cluster.kubectl("create", "secret", "generic", "faults-source", *literals)
    file = f"path: {lane.dag}/transactions.csv"
    try:
        pushed(ONCE, (file, "connector: postgres, table: public.nothing, secret: faults-source"))
        before, run = lane.seen(), lane.start()
        one.injected()
        spec = until("the pod is there", lambda: lane.pods("clean.transactions"))
        assert lane.airflow.finished(lane.dag, run.run_id) == "failed"
        one.resolved()
        log = lane.airflow.log(lane.dag, run.run_id, lane.task("clean.transactions"))
        assert "password authentication failed" in log
        texts = {
            "the task's log": log,
            "the task, its templates rendered": json.dumps(lane.airflow.tasks(lane.dag, run.run_id)),
            "the pod": json.dumps(spec),
            "events": lane.cluster.kubectl("get", "events", "-o", "json"),
            "the logs' volume": _in_scheduler(lane.cluster, "cat $(find /opt/airflow/logs -type f -mmin -20)"),
            "Airflow's database": _dump(lane.cluster, "airflow"),
            "the warehouse": _dump(lane.cluster, "warehouse"),
        }
        assert "faults-source" in texts["the pod"]  # what is looked at is there
        assert run.run_id in texts["Airflow's database"]
        assert run.run_id in texts["the logs' volume"]
        assert [place for place, text in texts.items() if canary in text or own in text] == []
        assert lane.seen() == before
    finally:
        lane.cluster.kubectl("delete", "secret", "faults-source")


def test_the_volume_of_postgres_is_full(lane: Lane, fault: Named):
    one = fault("data volume full", "the whole run")
    with small_volume(lane.cluster, spare_megabytes=200) as folder:
        before, run = lane.seen(), lane.start()
        one.injected()
        on_node(lane.cluster, f"head -c 1G /dev/zero > {folder}/ballast 2>/dev/null || true")
        script = "psql -qX -U postgres warehouse -c 'create table public.big as select repeat(md5(n::text), 99) from generate_series(1, 100000) as n'"
        output = lane.cluster.kubectl(
            "exec", "medallion-postgres-0", "-c", "postgres", "--", "sh", "-c", f"{script} 2>&1", check=False
        )
        assert "No space left on device" in output
        assert lane.seen() == before
        on_node(lane.cluster, f"rm {folder}/ballast")
        lane.succeeded(run)
        one.resolved()


@contextmanager
def quota(cluster: Cluster, hard: str) -> Iterator[None]:
    """Lets the namespace's pods have no more than this while the context lasts."""
    cluster.kubectl("create", "quota", "faults", f"--hard={hard}")
    try:
        until("the quota counts", lambda: cluster.get("quota", "faults")["status"].get("used"))
        yield
    finally:
        cluster.kubectl("delete", "quota", "faults")


@contextmanager
def runtime(cluster: Cluster, name: str, value: str) -> Iterator[None]:
    """Gives those who launch steps another setting while the context lasts."""
    before = cluster.get("configmap", "medallion-runtime")["data"][name]

    def put(text: str) -> None:
        patch = json.dumps({"data": {name: text}})
        cluster.kubectl("patch", "configmap", "medallion-runtime", "--type=merge", "-p", patch)
        cluster.kubectl("rollout", "restart", "deployment/medallion-triggerer")
        rolled_out(cluster, "deployment/medallion-triggerer")

    put(value)
    try:
        yield
    finally:
        put(before)


@contextmanager
def small_volume(cluster: Cluster, spare_megabytes: int) -> Iterator[str]:
    """Gives Postgres a volume that is its data's size and a little more; the folder on the node."""
    volume = cluster.get("pvc", "-l", "app.kubernetes.io/name=postgres")["items"][0]["spec"]["volumeName"]
    spec = json.loads(cluster.kubectl("get", "pv", volume, "-o", "json"))["spec"]
    folder = (spec.get("hostPath") or spec["local"])["path"]
    _restart_postgres_after(
        cluster,
        f"mv {folder} {folder}.big && mkdir {folder} && "
        f"mount -t tmpfs -o size=$(($(du -sm {folder}.big | cut -f1) + {spare_megabytes}))m tmpfs {folder} && "
        f"cp -a {folder}.big/. {folder}/ && chmod --reference={folder}.big {folder} && chown --reference={folder}.big {folder}",
    )
    try:
        yield folder
    finally:
        _restart_postgres_after(
            cluster,
            f"rm -f {folder}/ballast; rm -rf {folder}.big && mkdir {folder}.big && cp -a {folder}/. {folder}.big/ && "
            f"chmod --reference={folder} {folder}.big && chown --reference={folder} {folder}.big && "
            f"umount {folder} && rmdir {folder} && mv {folder}.big {folder}",
        )


def _restart_postgres_after(cluster: Cluster, script: str) -> None:
    cluster.kubectl("scale", "statefulset/medallion-postgres", "--replicas=0")
    cluster.kubectl("wait", "pod/medallion-postgres-0", "--for=delete", "--timeout=120s", check=False)
    on_node(cluster, f"set -e; {script}")
    cluster.kubectl("scale", "statefulset/medallion-postgres", "--replicas=1")
    rolled_out(cluster, "statefulset/medallion-postgres")


def _in_scheduler(cluster: Cluster, script: str) -> str:
    return cluster.kubectl("exec", "deployment/medallion-scheduler", "-c", "scheduler", "--", "sh", "-c", script)


def _dump(cluster: Cluster, database: str) -> str:
    return cluster.kubectl(
        "exec", "medallion-postgres-0", "-c", "postgres", "--", "pg_dump", "-U", "postgres", database
    )
