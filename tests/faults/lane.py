"""A pipeline of the suite's own: each run brings other data, and what readers may see is known beforehand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg

from cluster import REPO, Cluster, until
from medallion.samples.customer_transactions import write_sample
from reach import PatientAirflow, Warehouse, patiently

GROUP = "DBT-Transformations"
VARIANTS = ("one", "other")
ROWS = 2_000
POD = "medallion-faults-landing"


@dataclass(frozen=True)
class Run:
    """A run of a lane, and the variant of the data that it was given."""

    dag: str
    run_id: str
    variant: str


@dataclass
class Lane:
    """A pipeline, its landing file, and what readers see of it.

    Attributes:
        layers: Of the pipeline, one pod each. The single layer `whole` has all models, and publishes them all;
            a pipeline without layers only loads, and its readers look at the cleaned table.
        right: The answer that readers get for each variant of the data.
    """

    dag: str
    cluster: Cluster
    airflow: PatientAirflow
    warehouse: Warehouse
    layers: tuple[str, ...] = ("bronze", "silver", "gold")
    right: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The pipeline as YAML."""
        whole = "{name: whole, select: path:models/customer_transactions, publish: true}"
        layers = ", ".join(whole if layer == "whole" else f"{{name: {layer}}}" for layer in self.layers)
        models = f"models: customer_transactions\nlayers: [{layers}]" if self.layers else "layers: []"
        return f"""\
name: {self.dag}
owner: faults
sources:
  - {{name: transactions, path: {self.dag}/transactions.csv, contract: customer_transactions}}
{models}
schema_prefix: {self.dag}_
retry_config: {{max_retries: 8, initial_delay_seconds: 2, backoff_multiplier: 2, max_delay_seconds: 60}}
timeouts: {{step_seconds: 600, run_seconds: 1800, startup_seconds: 60}}
"""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a run in their order, as the ledger names them."""
        return ("clean.transactions", *self.layers)

    def task(self, step: str) -> str:
        """The task of a step."""
        return "Clean.clean_and_transform_csv" if step.startswith("clean.") else f"{GROUP}.{step}"

    @property
    def gold(self) -> str:
        """A query with one row: checksums of what readers use, both of gold's relations in one statement."""
        if not self.layers:
            return f"select count(*)::text, sum(hashtextextended(t::text, 0))::text from {self.dag}_cleaned_data.customer_transactions as t"
        tables = ("agg_monthly_sales", "agg_product_sales")
        each = (
            f"(select md5(string_agg(t::text, '|' order by t::text)) from {self.dag}_gold.{t} as t)" for t in tables
        )
        return f"select {', '.join(each)}"

    def seen(self) -> Any:
        """What readers see now."""
        (row,) = self.warehouse.sql(f"select array[a, b] as seen from ({self.gold}) as found (a, b)")
        return tuple(row["seen"])

    def start(self, variant: str | None = None) -> Run:
        """Delivers other data than readers see (or a named variant), and asks for a run."""
        chosen = variant or next(name for name in VARIANTS if self.right[name] != self.seen())
        script = f"cd /landing/{self.dag} && cp {chosen}.csv .next && mv .next transactions.csv"
        patiently(lambda: self.cluster.kubectl("exec", POD, "--", "sh", "-c", script))
        return Run(self.dag, self.airflow.trigger(self.dag), chosen)

    def ledger(self, run: Run) -> list[dict[str, Any]]:
        """The rows of a run, oldest first."""
        columns = "step, attempt, status, commit, started_at, finished_at"
        return self.warehouse.sql(
            f"select {columns} from medallion.step_runs "
            f"where pipeline = '{self.dag}' and run_id = '{run.run_id}' order by id"
        )

    def succeeded(self, run: Run, seconds: float = 900) -> None:
        """Waits for a run to succeed: no step was at work twice at once, and its data is what readers see.

        An attempt that was killed just after its success is followed by one that does the same again.
        """
        ended = self.airflow.finished(self.dag, run.run_id, seconds)
        assert ended == "success", f"{run.run_id}: {ended}"
        rows = self.ledger(run)
        assert {row["step"] for row in rows if row["status"] != "failed"} >= set(self.steps), rows
        for step in self.steps:
            done = [row for row in rows if row["step"] == step and row["status"] == "succeeded"]
            assert all(one["finished_at"] <= after["started_at"] for one, after in pairwise(done)), rows
        assert self.seen() == self.right[run.variant], f"{run.run_id}: not what readers should see"

    def pods(self, step: str = "") -> list[dict[str, Any]]:
        """The pods of the pipeline's steps, or of one step."""
        labels = f"medallion/pipeline={self.dag}" + (f",medallion/step={step}" if step else "")
        return list(patiently(lambda: self.cluster.get("pods", "-l", labels))["items"])

    def workers(self, task: str = "") -> list[dict[str, Any]]:
        """Airflow's worker pods of the pipeline, or of one task; one that broke down may be looked at for an hour."""
        found = patiently(lambda: self.cluster.get("pods", "-l", f"component=worker,dag_id={self.dag}"))["items"]
        alive = [pod for pod in found if pod["status"]["phase"] != "Failed"]
        return [pod for pod in alive if task in pod["metadata"]["labels"].get("task_id", "")]

    @cached_property
    def launches_from_triggerer(self) -> bool:
        """Whether the triggerer starts the pods of steps, and not a worker pod for each."""
        known = self.cluster.get("configmap", "medallion-runtime")["data"]
        return bool(known["MEDALLION_STEP_LAUNCHER"] == "triggerer")

    def sessions(self, step: str = "") -> list[dict[str, Any]]:
        """The database sessions of the pipeline's steps."""
        return self.warehouse.sql(f"select pid from pg_stat_activity where {self.named(step)}")

    def named(self, step: str = "") -> str:
        """SQL that is true of those sessions, in `pg_stat_activity`."""
        return f"application_name like 'medallion%{self.dag} {step}%'"

    def nothing_left(self) -> None:
        """Waits until no pod, session, lock or pool slot of the pipeline is left."""
        locks = f"select pid from pg_locks inner join pg_stat_activity using (pid) where locktype = 'advisory' and {self.named()}"

        def slots() -> int:
            path = f"/dags/{self.dag}/dagRuns/~/taskInstances?state=running&state=queued&state=deferred&limit=1"
            return int(self.airflow.get(path)["total_entries"])

        def clean() -> bool:
            return not (self.pods() or self.workers() or self.sessions() or self.warehouse.sql(locks) or slots())

        until(f"nothing of {self.dag} is left over", clean, 300)


def learn(lanes: list[Lane]) -> None:
    """Runs each variant once in every lane, undisturbed, and notes what readers see."""
    for variant in VARIANTS:
        for lane, run in [(lane, lane.start(variant)) for lane in lanes]:
            assert lane.airflow.finished(lane.dag, run.run_id) == "success"
            lane.right[variant] = lane.seen()
    for lane in lanes:
        assert len(set(lane.right.values())) == len(VARIANTS), lane.right


def deliver(lanes: list[Lane], folder: Path) -> None:
    """Puts both variants of the data where each lane takes them from."""
    for number, variant in enumerate(VARIANTS):
        write_sample(folder / f"{variant}.csv", rows=ROWS, seed=number)
        text = (folder / f"{variant}.csv").read_text()
        for lane in lanes:
            script = f"mkdir -p /landing/{lane.dag} && cat > /landing/{lane.dag}/{variant}.csv"
            lane.cluster.kubectl("exec", "-i", POD, "--", "sh", "-c", script, stdin=text)


class Reader:
    """Asks for gold all along, as a dashboard would, and keeps every answer that is not right."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._stop = threading.Event()
        self.answers: Counter[Any] = Counter()
        self.errors: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Reads while the context lasts."""
        thread = threading.Thread(target=self._read)
        thread.start()
        until("a first answer", lambda: self.answers)
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(120)

    def faulty(self) -> list[Any]:
        """Errors, and answers that are no variant's."""
        return [*self.errors, *(answer for answer in self.answers if answer not in self._lane.right.values())]

    def _read(self) -> None:
        while not self._stop.is_set():
            session: psycopg.Connection[Any] | None = None
            try:
                session = self._lane.warehouse.session("a dashboard", options="-c statement_timeout=20s")
                while not self._stop.wait(0.5):
                    self.answers[session.execute(self._lane.gold).fetchone()] += 1  # type: ignore[arg-type]
            except psycopg.Error as error:
                # A server that is away is the fault's own doing; an error of a living session is not.
                if session is not None and not session.broken:
                    self.errors.append(str(error))
                self._stop.wait(0.5)
            finally:
                if session is not None:
                    session.close()


@contextmanager
def landing(cluster: Cluster) -> Iterator[None]:
    """A pod on the landing volume, while the context lasts."""
    runtime = cluster.get("configmap", "medallion-runtime")["data"]
    manifest = (REPO / "k8s" / "put-pod.yaml").read_text().replace("POD", POD)
    manifest = manifest.replace("IMAGE", runtime["MEDALLION_CLEANER_IMAGE"])
    manifest = manifest.replace("CLAIM", runtime["MEDALLION_LANDING_CLAIM"]).replace("ACCOUNT", "default")
    manifest = manifest.replace("activeDeadlineSeconds: 3600", "activeDeadlineSeconds: 86400")
    cluster.kubectl("delete", "pod", POD, "--ignore-not-found")
    cluster.kubectl("apply", "-f", "-", stdin=manifest)
    cluster.kubectl("wait", f"pod/{POD}", "--for=condition=Ready", "--timeout=180s")
    try:
        yield
    finally:
        patiently(lambda: cluster.kubectl("delete", "pod", POD, "--ignore-not-found", "--wait=false"))
