"""What the fault suite looks at: a reader's answers, the ledger, and what is left over."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from cluster import Airflow, Cluster, until

DAG = "pipeline_faults"
GOLD = """
select (select md5(string_agg(m::text, '|' order by m::text)) from faults_gold.agg_monthly_sales as m),
    (select md5(string_agg(p::text, '|' order by p::text)) from faults_gold.agg_product_sales as p)
"""


class Reader:
    """Asks for the checksums of the gold tables all along, as a dashboard would.

    The input does not change, so there is one right answer. A connection that breaks is made anew: that is the
    database's fault, not the data's.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self.answers: Counter[Any] = Counter()
        self.errors: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        thread = threading.Thread(target=self._read)
        thread.start()
        until("a first answer", lambda: self.answers)
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def faulty(self) -> list[Any]:
        """Errors, and answers beside the one right one."""
        strange = list(self.answers)[1:] + [answer for answer in self.answers if None in answer]
        return [*self.errors, *strange]

    def _read(self) -> None:
        login = self._cluster.secret("medallion-warehouse")
        while not self._stop.is_set():
            try:
                self._session(login)
            except (psycopg.OperationalError, AssertionError, subprocess.SubprocessError):
                self._stop.wait(1)
            except psycopg.Error as error:
                self.errors.append(str(error))

    def _session(self, login: dict[str, str]) -> None:
        with (
            self._cluster.port("service/medallion-postgres", 5432) as port,
            psycopg.connect(
                host="127.0.0.1", port=port, user=login["PGUSER"], password=login["PGPASSWORD"],
                dbname=login["PGDATABASE"], autocommit=True, connect_timeout=5, options="-c statement_timeout=20s",
            ) as connection,
        ):  # fmt: skip
            while not self._stop.wait(0.2):
                self.answers[connection.execute(GOLD).fetchone()] += 1


@contextmanager
def in_gold(cluster: Cluster, airflow: Airflow) -> Iterator[tuple[str, str]]:
    """A run whose gold layer is certainly in its middle while the context lasts: the run's id and the pod's name."""
    run = airflow.trigger(DAG)
    # Silver makes anew the table that gold reads, so it can be locked only when silver has ended.
    until("silver has succeeded", lambda: "silver" in {row["step"] for row in ledger(cluster, run)}, 600)
    with stalled(cluster, "faults_silver.fact_transactions"):
        yield run, waiting(cluster, "gold")["metadata"]["name"]


@contextmanager
def stalled(cluster: Cluster, table: str) -> Iterator[None]:
    """Locks a table while the context lasts: who reads it waits."""
    script = "psql -qX -U postgres warehouse"
    command = ["kubectl", "--context", cluster.context, "-n", cluster.namespace]
    command += ["exec", "-i", "medallion-postgres-0", "-c", "postgres", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"begin; lock table {table} in access exclusive mode;\n\\echo locked\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "locked"
        try:
            yield
        finally:
            try:
                process.stdin.write("rollback;\n\\q\n")
                process.stdin.close()
            except BrokenPipeError:
                pass  # the server was what the test killed
            process.terminate()


def waiting(cluster: Cluster, step: str) -> dict[str, Any]:
    """Waits until a step's pod is in the middle of its work; returns the pod."""

    def found() -> dict[str, Any] | None:
        pods = cluster.get("pods", "-l", f"medallion/pipeline={DAG},medallion/step={step}")["items"]
        running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
        query = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%faults%'"
        return running[0] if running and cluster.sql(query) else None

    return until(f"{step} is in its middle", found)


def worker_of(cluster: Cluster, task: str) -> str:
    """The name of Airflow's worker pod of a task."""
    pods = cluster.get("pods", "-l", f"component=worker,dag_id={DAG}")["items"]
    found = [pod["metadata"]["name"] for pod in pods if task in pod["metadata"]["labels"].get("task_id", "")]
    assert found, [pod["metadata"]["labels"] for pod in pods]
    return str(found[0])


def ledger(cluster: Cluster, run: str) -> list[dict[str, Any]]:
    """The rows of a run, oldest first."""
    columns = "step, attempt, status, code_version, started_at, finished_at"
    return cluster.sql(
        f"select {columns} from medallion.ledger where pipeline = '{DAG}' and run_id = '{run}' order by id"
    )


def leftovers(cluster: Cluster, airflow: Airflow) -> None:
    """Waits until no pod, session, lock or pool slot of a run is left."""

    def clean() -> bool:
        pods = cluster.get("pods", "-l", f"medallion/pipeline={DAG}")["items"]
        workers = cluster.get("pods", "-l", f"component=worker,dag_id={DAG}")["items"]
        sessions = cluster.sql(f"select pid from pg_stat_activity where application_name like 'medallion%{DAG}%'")
        slots = airflow.get("/pools/default_pool").get("running_slots", 0)
        return not (pods or workers or sessions or slots)

    until("nothing is left over", clean, 180)
