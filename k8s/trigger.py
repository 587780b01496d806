"""Runs a DAG by Airflow's REST API, prints states as they change, and exits 0 only if the run succeeds.

Usage: AIRFLOW_USER=… AIRFLOW_PASSWORD=… trigger.py http://localhost:8080 DAG_ID [--join]. Standard library only.
With --join it follows a run that is already in progress, such as the first one of a new DAG's schedule.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from typing import Any

POLL_SECONDS = 1.0
APPEAR_SECONDS = 180.0
OWED_SECONDS = 60.0


class Airflow:
    """A client that logged in."""

    def __init__(self, base: str, username: str, password: str) -> None:
        self._base = base
        self._token = ""
        self._token = self._login(username, password)

    def _login(self, username: str, password: str) -> str:
        """The token. Right after an install the job that makes the user may still run."""
        deadline = time.monotonic() + APPEAR_SECONDS
        while True:
            try:
                return str(self.call("POST", "/auth/token", username=username, password=password)["access_token"])
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                if time.monotonic() > deadline:
                    sys.exit(
                        f"Airflow knows no user {username!r} with this password: see the job medallion-create-user"
                    )
            time.sleep(POLL_SECONDS)

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """One request; the answer's JSON."""
        request = urllib.request.Request(self._base + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def appeared(airflow: Airflow, dag: str) -> dict[str, Any]:
    """The DAG, as soon as Airflow has parsed it, some seconds after a push. A DAG whose file was away is stale.

    Raises:
        SystemExit: It does not appear; the message holds Airflow's import errors, if there are any.
    """
    deadline, printed = time.monotonic() + APPEAR_SECONDS, False
    while True:
        try:
            found = airflow.call("GET", f"/api/v2/dags/{dag}")
            if not found["is_stale"]:
                return found
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
        if time.monotonic() > deadline:
            errors = airflow.call("GET", "/api/v2/importErrors")["import_errors"]
            known = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
            sys.exit(f"Airflow knows no DAG {dag}. Its import errors: {known or 'none'}")
        if not printed:
            print(f"waiting for {dag} to appear", flush=True)
            printed = True
        time.sleep(POLL_SECONDS)


def start(airflow: Airflow, dag: str, *, join: bool = False) -> str:
    """Start a run, or join one, and return its id.

    A DAG that is new or was paused and whose last run is overdue gets that run from its schedule. Another run would
    wait for the end of that one, so this function returns that one.
    """
    found = appeared(airflow, dag)
    due = found["next_dagrun_run_after"]
    airflow.call("PATCH", f"/api/v2/dags/{dag}", is_paused=False)
    overdue = due is not None and datetime.fromisoformat(due) <= datetime.now(timezone.utc)
    if join or (overdue and found["is_paused"]):
        deadline = time.monotonic() + (OWED_SECONDS if overdue else 0)
        while True:
            for run in airflow.call("GET", f"/api/v2/dags/{dag}/dagRuns?order_by=-run_after")["dag_runs"]:
                if run["run_after"] == due or (join and run["state"] in ("queued", "running")):
                    return str(run["dag_run_id"])
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    now = datetime.now(timezone.utc).isoformat()  # as the UI does: a deadline counts from it
    return str(airflow.call("POST", f"/api/v2/dags/{dag}/dagRuns", logical_date=now)["dag_run_id"])


def follow(airflow: Airflow, dag: str, run: str) -> str:
    """Prints each change of a task's state until the run ends; returns the run's state."""
    began = time.monotonic()
    states: dict[str, str] = {}
    path = f"/api/v2/dags/{dag}/dagRuns/{run}"
    while True:
        state = str(airflow.call("GET", path)["state"])
        for task in airflow.call("GET", f"{path}/taskInstances")["task_instances"]:
            now = task["state"] or "waiting"
            if now not in (states.get(task["task_id"]), "waiting", "scheduled"):
                print(f"{time.monotonic() - began:6.1f} s  {task['task_id']:55} {now}", flush=True)
            states[task["task_id"]] = now
        if state in ("success", "failed"):
            print(f"{time.monotonic() - began:6.1f} s  {state}: {run}", flush=True)
            return state
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Run one DAG; exit 0 only if its run succeeds."""
    base, dag, *options = sys.argv[1:]
    try:
        airflow = Airflow(base, os.environ["AIRFLOW_USER"], os.environ["AIRFLOW_PASSWORD"])
        state = follow(airflow, dag, start(airflow, dag, join="--join" in options))
    except urllib.error.HTTPError as error:
        sys.exit(f"error: Airflow answers {error.code} to {error.url}: {error.read(300).decode(errors='replace')}")
    sys.exit(0 if state == "success" else 1)


if __name__ == "__main__":
    main()
