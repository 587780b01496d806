"""The faults themselves, each done for real to a release on kind."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cluster import Cluster, until
from lane import Lane, Run
from reach import patiently

PAUSE_SECONDS = 30
FROZEN_SECONDS = 60


class Missed(Exception):
    """What the fault was to hit is not there: it has ended."""


def kill(cluster: Cluster, *pods: str) -> None:
    """SIGKILL: the pods are gone from the API at once, their processes soon after."""
    _delete(cluster, pods, "--grace-period=0", "--force")


def stop(cluster: Cluster, *pods: str) -> None:
    """SIGTERM, and SIGKILL after the pods' grace period."""
    _delete(cluster, pods)


def kill_process(lane: Lane, step: str) -> None:
    """SIGKILL to the process of a step, whose pod then ends with 137."""
    steps = "for pid in $(pgrep -f '[m]edallion[.](dbt|cleaner)')"
    of_pod = "tr '\\0' '\\n' <\"/proc/$pid/environ\" | grep -qx 'HOSTNAME={pod}'"
    script = f'{steps}; do if {of_pod}; then kill -9 "$pid" && echo "$pid"; fi; done'
    if not any(on_node(lane.cluster, script.format(pod=pod)) for pod in running(lane, step)):
        raise Missed


def end_sessions(lane: Lane, step: str) -> None:
    """Ends the database sessions of a step, dbt's too."""
    ended = lane.warehouse.sql(f"select pg_terminate_backend(pid) from pg_stat_activity where {lane.named(step)}")
    if not ended:
        raise Missed


def delete_scheduler(cluster: Cluster) -> None:
    """Deletes the scheduler's pod and waits for its successor."""
    patiently(lambda: cluster.kubectl("delete", "pod", "-l", "component=scheduler", "--wait=true"))
    rolled_out(cluster, "deployment/medallion-scheduler")


def kill_postgres(cluster: Cluster) -> None:
    """SIGKILL to Postgres, Airflow's metadata database too, and waits for its return."""
    kill(cluster, "medallion-postgres-0")
    rolled_out(cluster, "statefulset/medallion-postgres")


def rolled_out(cluster: Cluster, name: str) -> None:
    """Waits until a workload's pods are ready."""
    patiently(lambda: cluster.kubectl("rollout", "status", name, "--timeout=240s"))


def pause_api(cluster: Cluster) -> None:
    """The Kubernetes API answers no request for a while."""
    on_node(cluster, "kill -STOP $(pidof kube-apiserver)")
    try:
        time.sleep(PAUSE_SECONDS)  # the fault's own length
    finally:
        on_node(cluster, "kill -CONT $(pidof kube-apiserver)")
    _api_answers(cluster)


def pause_node(cluster: Cluster) -> None:
    """Every process of the node stands still for a while, the database's too."""
    subprocess.run(["docker", "pause", node(cluster)], check=True, capture_output=True, timeout=1200)
    try:
        time.sleep(PAUSE_SECONDS)  # the fault's own length
    finally:
        subprocess.run(["docker", "unpause", node(cluster)], check=True, capture_output=True, timeout=1200)
    _api_answers(cluster)


def child_and_launcher(lane: Lane, step: str) -> tuple[str, ...]:
    """The pods of a step, that which launched it and ours."""
    return launcher_of(lane, step), *running(lane, step)


def freeze_launcher(lane: Lane, step: str) -> None:
    """The process that follows a step stands still for longer than Airflow waits for a sign of life."""
    pattern = "airflow triggerer" if lane.launches_from_triggerer else "airflow.sdk.execution_time"
    pids = f"$(pgrep -f '[{pattern[0]}]{pattern[1:]}')"
    on_node(lane.cluster, f"kill -STOP {pids}")
    try:
        time.sleep(FROZEN_SECONDS)  # the fault's own length
    finally:
        on_node(lane.cluster, f"kill -CONT {pids}")


FAULTS: dict[str, Callable[[Lane, str], None]] = {
    "child pod: SIGKILL": lambda lane, step: kill(lane.cluster, *running(lane, step)),
    "child pod: SIGTERM": lambda lane, step: stop(lane.cluster, *running(lane, step)),
    "child's process: SIGKILL": kill_process,
    "launcher pod: SIGKILL": lambda lane, step: kill(lane.cluster, launcher_of(lane, step)),
    "launcher pod: SIGTERM": lambda lane, step: stop(lane.cluster, launcher_of(lane, step)),
    "launcher and child pod: SIGKILL": lambda lane, step: kill(lane.cluster, *child_and_launcher(lane, step)),
    "launcher and child pod: SIGTERM": lambda lane, step: stop(lane.cluster, *child_and_launcher(lane, step)),
    "launcher stands still for 60 s": freeze_launcher,
    "database sessions terminated": end_sessions,
    "scheduler pod deleted": lambda lane, step: delete_scheduler(lane.cluster),
    "Postgres pod: SIGKILL": lambda lane, step: kill_postgres(lane.cluster),
    "Kubernetes API stands still for 30 s": lambda lane, step: pause_api(lane.cluster),
    "node stands still for 30 s": lambda lane, step: pause_node(lane.cluster),
}
"""What to do to a lane's step while it runs, by the name that the table gives it."""


@contextmanager
def without_endpoints(cluster: Cluster, service: str) -> Iterator[None]:
    """Takes a service's pods from it while the context lasts."""
    path = "/spec/selector/app.kubernetes.io~1name"
    before = cluster.get("service", service)["spec"]["selector"]["app.kubernetes.io/name"]

    def select(name: str) -> None:
        patch = json.dumps([{"op": "replace", "path": path, "value": name}])
        cluster.kubectl("patch", "service", service, "--type=json", "-p", patch)

    select("nowhere")
    try:
        yield
    finally:
        select(before)


@contextmanager
def in_the_middle(lane: Lane) -> Iterator[tuple[Run, str]]:
    """A run whose gold is certainly in the middle of its models while the context lasts; the run, and gold's pod."""
    run = lane.start()
    # Silver rebuilds the table that gold reads, so it can be locked only when silver has ended.
    until("silver has succeeded", lambda: "silver" in {row["step"] for row in lane.ledger(run)}, 600)
    with stalled(lane, f"{lane.dag}_silver.fact_transactions"):
        yield run, middle_of(lane, "gold")


@contextmanager
def stalled(lane: Lane, table: str) -> Iterator[None]:
    """Locks a table while the context lasts: who reads it waits."""
    session = lane.warehouse.session("faults")
    try:
        session.execute(f"begin; lock table {table} in access exclusive mode")  # type: ignore[arg-type]
        yield
    finally:
        session.close()  # which ends the transaction, if the test has not killed its server


def middle_of(lane: Lane, step: str) -> str:
    """Waits until a step waits for a lock in the middle of its work; returns its pod."""

    def found() -> str | None:
        names = running(lane, step)
        waits = f"select 1 from pg_stat_activity where wait_event_type = 'Lock' and {lane.named(step)}"
        return names[0] if names and lane.warehouse.sql(waits) else None

    return until(f"{step} is in its middle", found)


def running(lane: Lane, step: str) -> list[str]:
    """The names of a step's running pods."""
    return [_name(pod) for pod in lane.pods(step) if pod["status"]["phase"] == "Running" and not _leaving(pod)]


def launcher_of(lane: Lane, step: str) -> str:
    """The name of the pod that launched a step and follows it: the triggerer, or the step's worker pod.

    Raises:
        Missed: There is none.
    """
    if lane.launches_from_triggerer:
        pods = patiently(lambda: lane.cluster.get("pods", "-l", "component=triggerer"))["items"]
    else:
        pods = lane.workers(lane.task(step).rsplit(".", 1)[-1])
    found = [_name(pod) for pod in pods if not _leaving(pod)]
    if not found:
        raise Missed
    return found[-1]


def node(cluster: Cluster) -> str:
    """The container that is the cluster's only node."""
    return f"{cluster.context.removeprefix('kind-')}-control-plane"


def on_node(cluster: Cluster, script: str) -> str:
    """Runs a shell script on the node."""
    command = ["docker", "exec", node(cluster), "sh", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200).stdout


def _api_answers(cluster: Cluster) -> None:
    until("the API answers", lambda: cluster.kubectl("get", "--raw", "/readyz", check=False) == "ok")


def _delete(cluster: Cluster, pods: tuple[str, ...], *how: str) -> None:
    if not pods:
        raise Missed
    patiently(lambda: cluster.kubectl("delete", "pod", "--ignore-not-found", "--wait=false", *how, *pods))


def _leaving(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _name(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["name"])
