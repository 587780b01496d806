"""How a step's pod is launched and followed: whatever happens to it or to its follower, one attempt has one pod."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import REPO, Airflow, Cluster, push, until

ALONE, CROWD = "launched", "crowd"
SOURCES, AT_ONCE = 6, 2
LINES = 100_000
GONE_SECONDS = 10
TRIGGERER = "deployment/medallion-triggerer"
ROWS = "customer_name,amount\nAda,1\n"


@dataclass
class Launched:
    """A pipeline of steps of its own: one that waits, one that writes a lot, and one that takes too long."""

    airflow: Airflow
    cluster: Cluster

    def start(self) -> str:
        return self.airflow.trigger(ALONE)

    def pods(self) -> list[dict[str, Any]]:
        """The pods of the pipeline's steps that have not ended."""
        found = self.cluster.get("pods", "-l", f"medallion/pipeline={ALONE}")["items"]
        return [pod for pod in found if pod["status"]["phase"] in ("Pending", "Running")]

    def running(self, step: str = "waits") -> str:
        """Waits until the pod of a step runs; returns its name."""

        def found() -> str | None:
            names = [
                pod["metadata"]["name"]
                for pod in self.pods()
                if pod["metadata"]["labels"]["medallion/step"] == step
                and pod["status"]["phase"] == "Running"
                and "deletionTimestamp" not in pod["metadata"]
            ]
            return names[0] if names else None

        return until(f"the pod of {step} runs", found, 120)

    def successes(self, run: str) -> list[str]:
        rows = self.cluster.sql(
            f"select step from medallion.step_runs where run_id = '{run}' and status = 'succeeded' order by id"
        )
        return [row["step"] for row in rows]

    def try_of(self, run: str, step: str = "waits") -> int:
        return int(self.airflow.tasks(ALONE, run)[step]["try_number"])


@pytest.fixture(scope="module")
def launched(airflow: Airflow, cluster: Cluster, checkout: Path) -> Iterator[Launched]:
    """A step that waits 25 s and one after it, in an image without Medallion; the triggerer launches both."""
    if cluster.get("configmap", "medallion-runtime")["data"]["MEDALLION_STEP_LAUNCHER"] != "triggerer":
        pytest.skip("workers launch the steps of this release")
    pods = cluster.get("pod", "medallion-postgres-0")["spec"]["containers"]
    image = next(one["image"] for one in pods if one["name"] == "postgres")
    common = {"image": image, "run_as_user": 999, "resources": {"memory": "64Mi"}}
    retry = {"max_retries": 2, "initial_delay_seconds": 1, "max_delay_seconds": 1}
    steps = [
        {"name": "waits", "command": ["sleep", "25"], "retry_config": retry},
        {"name": "follows", "command": ["seq", "1", str(LINES)]},
        {"name": "late", "command": ["sleep", "600"], "timeout_seconds": 8, "retry_config": {"max_retries": 0}},
    ]
    alone = {"name": ALONE, "owner": "me", "steps": [common | step for step in steps], "timeouts": {"run_seconds": 300}}
    files = {
        f"pipelines/{ALONE}.yaml": alone,
        f"pipelines/{CROWD}.yaml": {
            "name": CROWD, "owner": "me", "max_active_tasks": AT_ONCE, "sources_per_pod": 1,
            "sources": [
                {"name": f"s{n}", "path": f"{CROWD}.csv", "contract": f"{CROWD}_{n}"} for n in range(SOURCES)
            ],
        },
    } | {
        f"contracts/{CROWD}_{n}.yaml": {
            "name": f"{CROWD}_{n}", "table": f"raw.{CROWD}_{n}", "fields": [{"name": "customer_name"}, {"name": "amount", "type": "integer"}],
        } for n in range(SOURCES)
    }  # fmt: skip
    for name, content in files.items():
        (checkout / "dags" / name).write_text(yaml.safe_dump(content))
    push(checkout, "Steps to launch")
    for dag in (ALONE, CROWD):
        airflow.appears(dag)
    yield Launched(airflow, cluster)
    for name in files:
        (checkout / "dags" / name).unlink()
    push(checkout, "No steps to launch")


@contextmanager
def most_pods(look: Callable[[], int]) -> Iterator[list[int]]:
    """Counts pods, some times a second, while the context lasts."""
    seen, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            seen[0] = max(seen[0], look())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join(60)


def test_limit_of_tasks_is_never_passed(launched: Launched, tmp_path: Path):
    upload(launched.cluster, tmp_path / f"{CROWD}.csv", ROWS)

    def active() -> int:
        found = launched.cluster.get("pods", "-l", f"medallion/pipeline={CROWD}")["items"]
        return sum(pod["status"]["phase"] in ("Pending", "Running") for pod in found)

    with most_pods(active) as most:
        run = launched.airflow.trigger(CROWD)
        assert launched.airflow.finished(CROWD, run) == "success"
    assert most[0] == AT_ONCE
    assert len(launched.successes(run)) == SOURCES


def test_cleared_step_runs_again_and_never_twice_at_once(launched: Launched):
    with most_pods(lambda: len(launched.pods())) as most:
        run = launched.start()
        first = launched.running()
        launched.airflow.post(
            f"/dags/{ALONE}/clearTaskInstances", dag_run_id=run, task_ids=["waits"], dry_run=False, only_failed=False
        )
        second = until("another pod runs", lambda: name if (name := launched.running()) != first else None, 90)
        until("it has succeeded", lambda: "waits" in launched.successes(run), 120)
    assert first != second
    assert most[0] == 1
    launched.airflow.patch(f"/dags/{ALONE}/dagRuns/{run}", state="failed")
    until("no pod is left", lambda: not launched.pods(), 30)


@pytest.mark.parametrize("state", ["failed", "success"])
def test_step_that_is_marked_loses_its_pod_at_once(launched: Launched, state: str):
    run = launched.start()
    launched.running()
    launched.airflow.patch(f"/dags/{ALONE}/dagRuns/{run}/taskInstances/waits", new_state=state)
    began = time.monotonic()
    until(
        "its pod is gone",
        lambda: not [pod for pod in launched.pods() if pod["metadata"]["labels"]["medallion/step"] == "waits"],
        GONE_SECONDS,
    )
    assert time.monotonic() - began < GONE_SECONDS
    launched.airflow.patch(f"/dags/{ALONE}/dagRuns/{run}", state="failed")
    until("no pod is left", lambda: not launched.pods(), 30)


def test_rollout_long_log_and_timeout_in_one_run(launched: Launched):
    """A rollout in the first step, 100,000 lines in the second, and a third that takes too long."""
    run = launched.start()
    first = launched.running()
    launched.cluster.kubectl("rollout", "restart", TRIGGERER)
    launched.cluster.kubectl("rollout", "status", TRIGGERER, "--timeout=240s")
    assert launched.airflow.finished(ALONE, run) == "failed"
    assert launched.successes(run) == ["waits", "follows"]
    assert launched.try_of(run) == 1
    assert first in launched.airflow.log(ALONE, run, "waits")
    tasks = launched.airflow.tasks(ALONE, run)
    assert tasks["follows"]["try_number"] == 1
    assert (tasks["late"]["state"], tasks["late"]["try_number"]) == ("failed", 1)
    log = log_of(launched.cluster, run, "follows")
    events = [json.loads(json.loads(line)["event"]) for line in log.splitlines()]
    numbers = [event["message"] for event in events if event["event_type"] == "output"]
    assert numbers == [str(number) for number in range(1, LINES + 1)]
    assert not launched.pods()


@pytest.mark.slow_cluster
def test_run_that_takes_too_long_leaves_no_pod(launched: Launched, checkout: Path):
    file = checkout / "dags" / "pipelines" / f"{ALONE}.yaml"
    before = file.read_text()

    def limit() -> str:
        return str(launched.airflow.get(f"/dags/{ALONE}/details").get("dag_run_timeout"))

    file.write_text(before.replace("run_seconds: 300", "run_seconds: 15"))
    push(checkout, "A run that takes too long")
    until("the limit is there", lambda: limit() == "PT15S")
    run = launched.start()
    launched.running()
    assert launched.airflow.finished(ALONE, run) == "failed"
    until("no pod is left", lambda: not launched.pods(), GONE_SECONDS)
    file.write_text(before)
    push(checkout, "No such run")
    until("the limit is gone", lambda: limit() != "PT15S")


@pytest.mark.slow_cluster
def test_pod_deleted_by_hand_is_another_attempt(launched: Launched):
    run = launched.start()
    launched.cluster.kubectl("delete", "pod", launched.running(), "--grace-period=0", "--force")
    until("it has succeeded", lambda: "waits" in launched.successes(run), 180)
    assert launched.try_of(run) == 2
    task = launched.airflow.tasks(ALONE, run)["waits"]
    until("Airflow knows", lambda: launched.airflow.tasks(ALONE, run)["waits"]["state"] == "success", 60)
    assert task["duration"] is None or task["duration"] > 0
    launched.airflow.patch(f"/dags/{ALONE}/dagRuns/{run}", state="failed")
    until("no pod is left", lambda: not launched.pods(), 30)


@pytest.mark.slow_cluster
def test_step_ends_right_while_the_triggerer_is_away(launched: Launched):
    run = launched.start()
    name = launched.running()
    launched.cluster.kubectl("scale", TRIGGERER, "--replicas=0")
    try:
        until("the pod has ended", lambda: launched.cluster.get("pod", name)["status"]["phase"] == "Succeeded", 120)
    finally:
        launched.cluster.kubectl("scale", TRIGGERER, "--replicas=1")
        launched.cluster.kubectl("rollout", "status", TRIGGERER, "--timeout=240s")
    until("Airflow knows", lambda: launched.airflow.tasks(ALONE, run)["waits"]["state"] == "success", 120)
    assert launched.try_of(run) == 1
    assert launched.successes(run)[0] == "waits"
    launched.airflow.patch(f"/dags/{ALONE}/dagRuns/{run}", state="failed")
    until("no pod is left", lambda: not launched.pods(), 30)


def test_who_may_start_pods_may_do_no_more(cluster: Cluster):
    def may(account: str, *what: str) -> bool:
        who = f"--as=system:serviceaccount:{cluster.namespace}:{account}"
        return cluster.kubectl("auth", "can-i", *what, who, check=False).strip() == "yes"

    assert may("medallion-triggerer", "create", "pods")
    assert may("medallion-triggerer", "get", "pods", "--subresource=log")
    assert may("medallion-triggerer", "update", "configmaps/medallion-admissions")
    assert not may("medallion-triggerer", "update", "configmaps/medallion-runtime")
    assert not may("medallion-triggerer", "get", "secrets")
    assert not may("medallion-step", "get", "pods")


def upload(cluster: Cluster, file: Path, text: str) -> None:
    file.write_text(text)
    subprocess.run([REPO / "k8s" / "upload.sh", file], check=True, capture_output=True, timeout=300)


def log_of(cluster: Cluster, run: str, task: str) -> str:
    """The file that holds the pod's log of a task's first attempt."""
    path = f"/opt/airflow/logs/dag_id={ALONE}/run_id={run}/task_id={task}/attempt=1.log.pod.log"
    return cluster.kubectl("exec", "deployment/medallion-scheduler", "-c", "scheduler", "--", "cat", path)
