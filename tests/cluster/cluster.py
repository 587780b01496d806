"""A Medallion on Kubernetes, as its user reaches it: kubectl, git, SQL and Airflow's API."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

REPO = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")


def until(what: str, condition: Callable[[], Found | None], seconds: float = 180) -> Found:
    """Asks once a second until the condition holds; returns what it returned."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        pause.wait(1)


def _as_json(query: str) -> str:
    return f"select coalesce(json_agg(found), '[]') from ({query}) as found"


@dataclass(frozen=True)
class Cluster:
    """Commands against one release."""

    context: str
    namespace: str

    @classmethod
    def from_environment(cls) -> Cluster:
        name = os.environ.get("CLUSTER", "medallion")
        return cls(os.environ.get("KUBE_CONTEXT", f"kind-{name}"), os.environ.get("NAMESPACE", "medallion"))

    def kubectl(self, *args: str, stdin: str | None = None, check: bool = True) -> str:
        command = ["kubectl", "--context", self.context, "--namespace", self.namespace, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def get(self, *args: str) -> dict[str, Any]:
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def secret(self, name: str) -> dict[str, str]:
        data = self.get("secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query on the warehouse, as its own role sees them."""
        login = self.secret("medallion-warehouse")
        return json.loads(self.psql(login, login["PGDATABASE"], _as_json(query)).stdout)

    def sql_as(self, login: dict[str, str], query: str, database: str = "") -> list[dict[str, Any]] | str:
        """Rows of a query, as another login sees them; or the database's error."""
        done = self.psql(login, database or login["PGDATABASE"], _as_json(query), check=False)
        return done.stderr if done.returncode else json.loads(done.stdout)

    def psql(
        self, login: dict[str, str], database: str, command: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs psql in the pod of the cluster's Postgres."""
        script = 'PGPASSWORD=$(cat) psql -qAtX -h localhost -U "$0" -d "$1" -c "$2"'
        return subprocess.run(
            [
                *("kubectl", "--context", self.context, "--namespace", self.namespace),
                *("exec", "-i", "medallion-postgres-0", "-c", "postgres", "--"),
                *("sh", "-c", script, login["PGUSER"], database, command),
            ],
            input=login["PGPASSWORD"], capture_output=True, text=True, timeout=300, check=check,
        )  # fmt: skip

    @contextmanager
    def ui(self) -> Iterator[str]:
        """A URL that leads to the UI and the API, while the context lasts."""
        path = self.get("configmap", "medallion-runtime")["data"]["MEDALLION_UI_PATH"]
        with self.port("service/medallion-api-server", "api-server") as port:
            yield f"http://127.0.0.1:{port}{path}"

    @contextmanager
    def port(self, target: str, port: int | str) -> Iterator[int]:
        """A local port that leads to a service, while the context lasts; to its next pod when one ends."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            local = free.getsockname()[1]
        command = [
            "kubectl",
            "--context",
            self.context,
            "-n",
            self.namespace,
            "port-forward",
            target,
            f"{local}:{port}",
        ]
        started, stop = threading.Event(), threading.Event()
        lines: list[str] = []
        running: list[subprocess.Popen[str]] = []

        def forward() -> None:
            while not stop.is_set():
                pipe = subprocess.PIPE
                with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
                    running[:] = [process]
                    for line in process.stdout or ():  # kubectl ends at the first call after its pod has ended
                        lines.append(line)
                        if "Forwarding" in line:
                            started.set()
                stop.wait(0.5)

        forwarder = threading.Thread(target=forward, daemon=True)
        forwarder.start()
        try:
            assert started.wait(60), lines
            yield local
        finally:
            stop.set()
            running[0].terminate()
            forwarder.join(120)


class Airflow:
    """Airflow's REST API, as the user of the UI."""

    def __init__(self, base: str, username: str, password: str) -> None:
        self.base = base
        login = json.dumps({"username": username, "password": password}).encode()
        self._token = ""
        self._token = str(self._call("POST", "/auth/token", login)["access_token"])

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.base + path, body, headers, method=method)

        def answer() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(request, timeout=60) as answered:
                    return {"body": json.loads(answered.read() or b"{}")}
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return {"body": {}}
                raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error
            except (urllib.error.URLError, ConnectionError):  # the API server's pod was replaced
                return None

        found: dict[str, Any] = until(f"the API answers {method} {path}", answer, 120)["body"]
        return found

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", f"/api/v2{path}")

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("POST", f"/api/v2{path}", json.dumps(body).encode())

    def patch(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("PATCH", f"/api/v2{path}", json.dumps(body).encode())

    def trigger(self, dag: str) -> str:
        self.patch(f"/dags/{dag}", is_paused=False)
        now = datetime.now(timezone.utc).isoformat()  # as the UI does: a deadline counts from it
        return str(self.post(f"/dags/{dag}/dagRuns", logical_date=now)["dag_run_id"])

    def appears(self, dag: str) -> None:
        """Waits until a DAG is there; one whose file went away stays known for a while, as a stale one."""
        until(f"{dag} is there", lambda: self.get(f"/dags/{dag}").get("is_stale") is False)

    def clear(self, dag: str, run: str, only_failed: bool = True) -> None:
        """Has the tasks of a run done again: those that failed, and what comes after them."""
        self.post(
            f"/dags/{dag}/clearTaskInstances",
            dag_run_id=run, dry_run=False, only_failed=only_failed, include_downstream=True, reset_dag_runs=True,
        )  # fmt: skip

    def finished(self, dag: str, run: str, seconds: float = 600) -> str:
        """Waits for a run to end; returns its state."""

        def state() -> str | None:
            found = self.get(f"/dags/{dag}/dagRuns/{run}").get("state")
            return found if found in ("success", "failed") else None

        return until(f"run {run} of {dag} ends", state, seconds)

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return json.dumps(self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true"))


@dataclass
class RetailRun:
    """The retail pipeline's run.

    It has the seconds until the push appeared, the digest of the pushed dbt project, and what `kubectl logs` showed.
    """

    dag: str
    run: str
    source: Path
    appeared_seconds: float
    project: str
    logs: dict[str, str]


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def push(checkout: Path, message: str) -> None:
    """Commit all that is in a checkout, and push it."""
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", message)
    git(checkout, "push", "-q")


@contextmanager
def follow_logs(cluster: Cluster, pipeline: str) -> Iterator[dict[str, str]]:
    """Follows each step's pod with `kubectl logs`, as a person would, while the context lasts."""
    logs: dict[str, str] = {}
    threads: list[threading.Thread] = []
    stop = threading.Event()

    def follow(name: str, step: str) -> None:
        # From its creation on: the pod of a short step is gone two seconds after it runs.
        while not (text := cluster.kubectl("logs", "--follow", name, check=False)):
            if stop.is_set() or not cluster.kubectl("get", "pod", name, "-o", "name", check=False):
                return
        logs[step] = text

    def watch() -> None:
        seen = set()
        while not stop.wait(0.2):
            for pod in cluster.get("pods", "-l", f"medallion/pipeline={pipeline}")["items"]:
                name, labels = pod["metadata"]["name"], pod["metadata"]["labels"]
                if name not in seen:
                    seen.add(name)
                    threads.append(threading.Thread(target=follow, args=(name, labels["medallion/step"])))
                    threads[-1].start()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield logs
    finally:
        stop.set()
        watcher.join(120)
        for thread in threads:
            thread.join(120)
