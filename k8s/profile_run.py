"""Runs a DAG and prints where the time of each of its steps went.

Usage: AIRFLOW_USER=… AIRFLOW_PASSWORD=… profile_run.py http://localhost:8080 DAG_ID. Standard library and kubectl only.
Airflow says when a task was queued, started and ended, the step's log when its work began and ended, and a watch of the
Kubernetes API when the pods were created, ran and ended. The clocks of this machine and of the cluster must agree.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from trigger import Airflow, follow, start

PARTS = (
    ("scheduler", "the tasks before it ended, until the worker pod is created"),
    ("worker pod", "until the worker pod runs"),
    ("Airflow", "until the task starts, in it or in the triggerer"),
    ("launch", "until the step's pod is created"),
    ("step pod", "until the step's pod runs"),
    ("process", "until the step begins"),
    ("work", "the step itself"),
    ("exit", "until its container has ended"),
    ("notice", "until Airflow knows"),
)
CONTAINERS = ("base", "step")
"""Of a worker pod, and of a step that it started; of a step that the triggerer started."""


class Pods(threading.Thread):
    """Watches the pods of a DAG, and notes when each was created, ran and ended: by task, then by kind."""

    def __init__(self, dag: str) -> None:
        super().__init__(daemon=True)
        self.dag, self._began = dag, math.floor(time.time())
        self.seen: dict[str, dict[str, dict[str, float]]] = {}
        command = ["kubectl", "--context", os.environ["KUBE_CONTEXT"], "get", "pods", "--all-namespaces", "--watch"]
        self._process = subprocess.Popen(
            [*command, "--output-watch-events", "-o", "json"], stdout=subprocess.PIPE, text=True
        )

    def run(self) -> None:
        """Follow the watch until `stop`."""
        for line in self._process.stdout or ():
            pod, now = json.loads(line)["object"], time.time()
            labels = pod["metadata"].get("labels", {})
            kind = "worker" if labels.get("kubernetes_executor") == "True" else "step"
            is_old = _moment(pod["metadata"].get("creationTimestamp")) < self._began
            if is_old or labels.get("dag_id") != self.dag or not labels.get("task_id"):
                continue
            times = self.seen.setdefault(labels["task_id"], {}).setdefault(kind, {})
            times.setdefault("created", now)
            for status in pod["status"].get("containerStatuses", []):
                if status["name"] in CONTAINERS:
                    if "running" in status["state"]:
                        times.setdefault("running", now)
                    if ended := status["state"].get("terminated"):
                        # A container that ends within a moment is never seen to run; Kubernetes knows the second.
                        times.setdefault("running", max(times["created"], _moment(ended.get("startedAt"))))
                        times.setdefault("terminated", now)

    def stop(self) -> None:
        """End the watch."""
        self._process.terminate()


def _moment(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else float("nan")


def _of_log(log: str) -> dict[str, float]:
    """Return when a step began and ended, by its log."""
    found: dict[str, float] = {}
    for line in log.split("\n"):
        match = re.search(r'"ts": "([^"]+)".*?"event_type": "(step_started|step_succeeded|pack_succeeded)"', line)
        if match:
            at = _moment(match[1])
            if match[2] == "step_started":
                found.setdefault("began", at)
            else:
                found["ended"] = at
    return found


def rows(airflow: Airflow, dag: str, run: str, pods: Pods) -> Iterator[tuple[str, list[float]]]:
    """Yield each task that had a pod, in the order of their ends, with the seconds of its parts."""
    path = f"/api/v2/dags/{dag}/dagRuns/{run}"
    tasks = airflow.call("GET", f"{path}/taskInstances")["task_instances"]
    ends = {task["task_id"]: _moment(task["end_date"]) for task in tasks}
    before: dict[str, list[str]] = {}
    for task in airflow.call("GET", f"/api/v2/dags/{dag}/tasks")["tasks"]:
        for later in task["downstream_task_ids"]:
            before.setdefault(later, []).append(task["task_id"])
    began = _moment(airflow.call("GET", path)["start_date"])
    for task in sorted(tasks, key=lambda task: ends[task["task_id"]]):
        name = task["task_id"]
        seen = pods.seen.get(name)
        if not seen or "step" not in seen:
            continue
        log = airflow.call("GET", f"{path}/taskInstances/{name}/logs/{task['try_number']}?full_content=true")
        text = "\n".join(str(line.get("event", "")) for line in log["content"] if isinstance(line, dict))
        free = max((ends[one] for one in before.get(name, [])), default=began)
        # A step that the triggerer starts has no worker pod, and no time goes there.
        work, worker, step = _of_log(text), seen.get("worker", {"created": free, "running": free}), seen["step"]
        lacking = float("nan")
        moments = [
            free,
            worker.get("created", lacking),
            worker.get("running", lacking),
            _moment(task["start_date"]),
            step.get("created", lacking),
            step.get("running", lacking),
            work.get("began", lacking),
            work.get("ended", lacking),
            step.get("terminated", lacking),
            ends[name],
        ]
        yield name, [later - earlier for earlier, later in pairwise(moments)]


def show(found: list[tuple[str, list[float]]]) -> None:
    """Print the table as Markdown."""
    print("\n| step | " + " | ".join(name for name, _ in PARTS) + " | in all |")
    print("| --- |" + " ---: |" * (len(PARTS) + 1))
    columns = [
        [part for part in column if not math.isnan(part)] for column in zip(*(parts for _, parts in found), strict=True)
    ]
    medians = [statistics.median(column or [math.nan]) for column in columns]
    for name, parts in [*found, ("median", medians)]:
        print(f"| {name} | " + " | ".join(f"{seconds:.1f}" for seconds in [*parts, sum(parts)]) + " |")
    print("\nSeconds. " + "; ".join(f"{name}: {what}" for name, what in PARTS) + ".")


def main() -> None:
    """Run one DAG, then print the table."""
    base, dag = sys.argv[1:]
    airflow = Airflow(base, os.environ["AIRFLOW_USER"], os.environ["AIRFLOW_PASSWORD"])
    pods = Pods(dag)
    pods.start()
    run = start(airflow, dag)
    state = follow(airflow, dag, run)
    pods.stop()
    found = list(rows(airflow, dag, run, pods))
    if found:
        show(found)
    sys.exit(0 if state == "success" else 1)


if __name__ == "__main__":
    main()
