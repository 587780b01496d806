"""The AdventureWorks pipeline on the real tables: a green run, a poisoned row in each layer, and the recovery."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts import Alerts
from cluster import REPO, Airflow, Cluster, push, until
from poison import POISONS

DAG = "dbt_transform"
LAYERS = ("bronze", "silver", "gold")


@dataclass
class Shop:
    """The shop's files here, and what they do there."""

    landing: Path
    real: Path
    cluster: Cluster
    airflow: Airflow

    def restore(self) -> None:
        """The real tables, writable."""
        shutil.rmtree(self.landing / "adventureworks", ignore_errors=True)
        for path in self.real.rglob("*.csv"):
            copy = self.landing / "adventureworks" / path.relative_to(self.real)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())

    def deliver(self) -> None:
        put = [REPO / "k8s" / "upload.sh", self.landing / "adventureworks"]
        subprocess.run(put, check=True, capture_output=True, timeout=1200)

    def run(self) -> tuple[str, str]:
        """A new run's id and state, once it has ended."""
        run = self.airflow.trigger(DAG)
        return run, self.airflow.finished(DAG, run, seconds=900)

    def gold(self) -> dict[str, str]:
        """A digest of every published table of gold that the pipeline has."""
        digests = {}
        for found in self.cluster.sql(
            """select distinct unnest(relations) as name from medallion.builds
               where pipeline = 'dbt_transform' and published_schema = 'gold' and published_at is not null"""
        ):
            query = f"select md5(string_agg(t::text, '|' order by t::text)) as digest from gold.{found['name']} as t"
            digests[found["name"]] = self.cluster.sql(query)[0]["digest"]
        return digests


@pytest.fixture(scope="module")
def shop(cluster: Cluster, airflow: Airflow, checkout: Path, alerts: Alerts, tmp_path_factory: Any) -> Shop:
    """The pipeline, with its alerts sent to the webhook too, after a green run on the real tables."""
    real = Path(os.environ.get("MEDALLION_TEST_DATA", REPO.parent / "shared" / "data")) / "adventureworks"
    if not real.is_dir():
        message = f"no AdventureWorks tables here: set MEDALLION_TEST_DATA (looked for {real})"
        (pytest.fail if os.environ.get("MEDALLION_CLUSTER_TESTS") == "required" else pytest.skip)(message)
    file = checkout / "dags" / "pipelines" / f"{DAG}.yaml"
    # Not by the clock: its own first run would be one more.
    text = file.read_text().replace("  interval_seconds: 3600\n", "")
    file.write_text(text + "\nalerts: {channels: [log, hook]}\n")
    push(checkout, "Alert the webhook too")
    until("the push is there", lambda: airflow.get(f"/dags/{DAG}").get("timetable_summary") != "1:00:00")
    made = Shop(tmp_path_factory.mktemp("shop"), real, cluster, airflow)
    made.restore()
    made.deliver()
    return made


@pytest.fixture(scope="module")
def good(shop: Shop, airflow: Airflow) -> dict[str, str]:
    """What readers see after a green run on the real tables: a digest of each table of gold."""
    run, state = shop.run()
    assert state == "success", airflow.tasks(DAG, run)
    digests = shop.gold()
    assert digests
    return digests


def test_the_first_scheduled_run_succeeds(airflow: Airflow):
    """`make up` delivers its files, and Airflow starts it without a click."""
    airflow.appears(DAG)
    (first,) = airflow.get(f"/dags/{DAG}/dagRuns?order_by=start_date&limit=1")["dag_runs"]
    run = str(first["dag_run_id"])
    assert run.startswith("scheduled__")
    assert airflow.finished(DAG, run, seconds=900) == "success", airflow.tasks(DAG, run)


@pytest.mark.slow_cluster
@pytest.mark.parametrize("layer", ["bronze", "silver", "gold"])
def test_a_layer_stops_its_own_poison(
    layer: str, shop: Shop, good: dict[str, str], airflow: Airflow, alerts: Alerts, request: pytest.FixtureRequest
):
    request.addfinalizer(shop.restore)
    test = POISONS[layer](shop.landing)
    shop.deliver()
    run, state = shop.run()
    assert state == "failed", f"{layer} let its poison pass"
    tasks = {name: task["state"] for name, task in airflow.tasks(DAG, run).items()}
    stopped = f"{layer}.dbt_test_{layer}"
    assert tasks[stopped] == "failed"
    assert tasks[f"{layer}.dbt_run_{layer}"] == "success"
    for later in LAYERS[LAYERS.index(layer) + 1 :]:
        assert tasks[f"{later}.dbt_run_{later}"] == "upstream_failed"
    alert = alerts.wait(f"{DAG} failed at {stopped}", run)
    assert f"✗ test {test}: " in alert["message"]
    assert "such as" in alert["message"]
    assert "exit code 84" in alert["message"]
    assert shop.gold() == good, f"{layer}'s poison reached readers"


@pytest.mark.slow_cluster
def test_a_corrected_delivery_recovers_the_run(shop: Shop, good: dict[str, str], airflow: Airflow, alerts: Alerts):
    POISONS["gold"](shop.landing)
    shop.deliver()
    run, state = shop.run()
    assert state == "failed"
    shop.restore()
    shop.deliver()
    airflow.clear(DAG, run, only_failed=False)
    assert airflow.finished(DAG, run, seconds=900) == "success"
    assert "succeeded in attempt 2" in alerts.wait(f"{DAG} recovered at gold.dbt_test_gold", run)["message"]
    assert shop.gold() == good
