"""Ways to a release that hold while its parts go away: node ports instead of `kubectl`, and patience."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from cluster import Airflow, Cluster, until

Found = TypeVar("Found")
AWAY = (AssertionError, OSError, psycopg.OperationalError, subprocess.SubprocessError)


def patiently(ask: Callable[[], Found], seconds: float = 180) -> Found:
    """Asks again while what is asked is away, as it may be in the middle of a fault."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while True:
        try:
            return ask()
        except AWAY:
            if time.monotonic() > deadline:
                raise
            pause.wait(1)


class PatientAirflow(Airflow):
    """Airflow's API while its database, its scheduler or the cluster's API may be away."""

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        return patiently(lambda: super(PatientAirflow, self)._call(method, path, body))

    def trigger(self, dag: str) -> str:
        """Asks for a run under a name of its own, so that asking twice makes one."""
        self.patch(f"/dags/{dag}", is_paused=False)
        now = datetime.now(timezone.utc).isoformat()
        run = f"manual__{now}"
        body = json.dumps({"logical_date": now, "dag_run_id": run}).encode()
        patiently(lambda: self._asked(f"/api/v2/dags/{dag}/dagRuns", body))
        return run

    def is_at(self, dag: str, commit: str) -> None:
        """Waits until a DAG is the one of a commit."""
        until(f"{dag} is that of {commit[:7]}", lambda: commit[:7] in str(self.get(f"/dags/{dag}/details")), 240)

    def slots_are_free(self) -> None:
        """Waits until no slot of the pool is taken."""

        def free() -> bool:
            pool = self.get("/pools/default_pool")
            return not pool["running_slots"] + pool["queued_slots"]

        until("the pool's slots are free", free)

    def _asked(self, path: str, body: bytes) -> None:
        try:
            Airflow._call(self, "POST", path, body)
        except AssertionError as error:
            if ": 409 " not in str(error):  # the first answer was lost, the run is there
                raise


@dataclass(frozen=True)
class Warehouse:
    """The release's Postgres at a node's port."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def session(self, name: str, **options: Any) -> psycopg.Connection[Any]:
        """A new session; it ends by itself when the server does not answer for seconds."""
        return psycopg.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=self.database,
            application_name=name, autocommit=True, connect_timeout=5, tcp_user_timeout=10_000,
            keepalives_idle=3, keepalives_interval=2, keepalives_count=3, **options,
        )  # fmt: skip

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query, asked until there is an answer."""

        def ask() -> list[dict[str, Any]]:
            with self.session("faults") as session, session.cursor(row_factory=dict_row) as cursor:
                cursor.execute(query)  # type: ignore[arg-type]
                return cursor.fetchall() if cursor.description else []

        return patiently(ask)


@contextmanager
def warehouse_of(cluster: Cluster) -> Iterator[Warehouse]:
    """The warehouse, reachable while the context lasts."""
    login = cluster.secret("medallion-warehouse")
    with _node_port(cluster, "medallion-postgres", 5432) as (host, port):
        yield Warehouse(host, port, login["PGUSER"], login["PGPASSWORD"], login["PGDATABASE"])


@contextmanager
def airflow_of(cluster: Cluster) -> Iterator[PatientAirflow]:
    """Airflow's API, reachable while the context lasts."""
    login = cluster.secret("medallion-ui")
    with _node_port(cluster, "medallion-api-server", 8080) as (host, port):
        yield PatientAirflow(f"http://{host}:{port}", login["username"], login["password"])


@contextmanager
def _node_port(cluster: Cluster, service: str, port: int) -> Iterator[tuple[str, int]]:
    name = f"{service}-faults"
    cluster.kubectl("delete", "service", name, "--ignore-not-found")
    cluster.kubectl("expose", "service", service, f"--name={name}", "--type=NodePort", f"--port={port}")
    try:
        (entry,) = cluster.get("service", name)["spec"]["ports"]
        addresses = cluster.get("nodes")["items"][0]["status"]["addresses"]
        host = next(address["address"] for address in addresses if address["type"] == "InternalIP")
        yield host, int(entry["nodePort"])
    finally:
        patiently(lambda: cluster.kubectl("delete", "service", name, "--ignore-not-found"))
