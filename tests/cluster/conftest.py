"""One cluster for all cluster tests: the one that `make up` made."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts import Alerts, receiving
from cluster import REPO, Airflow, Cluster, RetailRun, follow_logs, git
from medallion.protocol.project_archive import hash_files
from release import airflow, checkout, cluster
from upgrades import Upgrade, upgraded

__all__ = ["airflow", "checkout", "cluster"]


@pytest.fixture(scope="session")
def alerts(cluster: Cluster) -> Iterator[Alerts]:
    """The alerts that the channel `hook` gets while the tests run."""
    with receiving(cluster) as received:
        yield received


@pytest.fixture(scope="session")
def transactions_run(airflow: Airflow) -> str:
    """A finished run of the first pipeline: the newest there is, or a new one."""
    dag = "pipeline_customer_transaction"
    airflow.appears(dag)
    runs = airflow.get(f"/dags/{dag}/dagRuns?order_by=-start_date&limit=1")["dag_runs"]
    run = str(runs[0]["dag_run_id"]) if runs else airflow.trigger(dag)
    assert airflow.finished(dag, run) == "success"
    return run


@pytest.fixture(scope="session")
def retail(airflow: Airflow, cluster: Cluster, checkout: Path) -> Iterator[RetailRun]:
    """The retail export as a pipeline of its own, added by a push: three small files, no new image."""
    data = Path(os.environ.get("MEDALLION_TEST_DATA", REPO.parent / "shared" / "data"))
    source = data / "retail" / "retail_store_sales.csv"
    if not source.is_file():
        message = f"no retail export here: set MEDALLION_TEST_DATA (looked for {source})"
        (pytest.fail if os.environ.get("MEDALLION_CLUSTER_TESTS") == "required" else pytest.skip)(message)
    name = "pipeline_retail_store_sales"
    folder = Path(__file__).parent / "dags"
    shutil.copy(folder / "pipelines" / f"{name}.yaml", checkout / "dags" / "pipelines")
    model = checkout / "dags" / "dbt" / "models" / "customer_transactions" / "gold" / "agg_monthly_sales.sql"
    model.write_text(f"{model.read_text()}\n-- changed by a push\n")
    project = hash_files(checkout / "dags" / "dbt")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "Another pipeline, and a model that changed")
    subprocess.run([REPO / "k8s" / "upload.sh", source], check=True, capture_output=True, timeout=1200)
    pushed = time.monotonic()
    git(checkout, "push", "-q")
    airflow.appears(name)
    appeared = time.monotonic() - pushed
    with follow_logs(cluster, name) as logs:
        run = airflow.trigger(name)
        state = airflow.finished(name, run)
    assert state == "success", logs
    yield RetailRun(name, run, source, appeared, project, logs)
    cluster.kubectl("delete", "pod", "-l", f"medallion/pipeline={name}", "--ignore-not-found")


@pytest.fixture(scope="session")
def upgrade(cluster: Cluster, transactions_run: str) -> Upgrade:
    """An upgrade that gives the release three tenants. There is a finished run before it, so there is data to keep."""
    assert transactions_run
    return upgraded(cluster, REPO / "examples" / "three-tenants" / "values.yaml")


@pytest.fixture(scope="session")
def airflow_again(upgrade: Upgrade) -> Iterator[Airflow]:
    """Airflow's API after the upgrade, whose pods are others."""
    login = upgrade.cluster.secret("medallion-ui")
    with upgrade.cluster.ui() as base:
        yield Airflow(base, login["username"], login["password"])
