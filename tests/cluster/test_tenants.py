"""Three tenants on one cluster: their jobs run from one runner file, and the database keeps them apart."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster import REPO, Airflow, push, until
from upgrades import Upgrade

EXAMPLE = REPO / "examples" / "three-tenants"
JOBS = ("acme_orders", "acme_customers", "globex_orders", "globex_customers", "initech_sales")


@pytest.fixture(scope="module")
def finished(upgrade: Upgrade, airflow_again: Airflow, checkout: Path, tmp_path_factory) -> dict[str, str]:
    """The example, pushed to the cluster's git server, its files delivered, every job run once; runs by job."""
    for name in ("contracts", "jobs", "runner.yaml"):
        source = EXAMPLE / "dags" / name
        if source.is_dir():
            shutil.copytree(source, checkout / "dags" / name, dirs_exist_ok=True)
        else:
            shutil.copy(source, checkout / "dags" / name)
    for tenant in ("acme", "globex"):
        put(EXAMPLE / "landing" / tenant, tenant)
    sales = tmp_path_factory.mktemp("initech") / "customer_transactions.csv"
    medallion = REPO / ".venv" / "bin" / "medallion"
    subprocess.run(
        [medallion, "sample", "--rows", "500", "--output", sales], check=True, capture_output=True, timeout=1200
    )
    put(sales, "initech/customer_transactions.csv", LANDING_NAMESPACE="medallion-initech")
    push(checkout, "Three tenants")
    for job in JOBS:
        airflow_again.appears(job)
    runs = {job: airflow_again.trigger(job) for job in JOBS}
    states = {job: airflow_again.finished(job, run) for job, run in runs.items()}
    assert states == dict.fromkeys(JOBS, "success")
    return runs


def put(source: Path, name: str, **variables: str) -> None:
    command = [REPO / "k8s" / "upload.sh", source, name]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, timeout=1200)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("finished")
def test_each_tenant_has_its_rows_in_a_database_of_its_own(upgrade: Upgrade):
    seen = {}
    for tenant in ("acme", "globex"):
        login = upgrade.cluster.secret(f"medallion-warehouse-{tenant}")
        seen[tenant] = (
            login["PGDATABASE"],
            upgrade.cluster.sql_as(login, "select distinct pipeline from medallion.step_runs order by 1"),
        )
    assert seen == {
        "acme": ("tenant_acme", [{"pipeline": "acme_customers"}, {"pipeline": "acme_orders"}]),
        "globex": ("tenant_globex", [{"pipeline": "globex_customers"}, {"pipeline": "globex_orders"}]),
    }


@pytest.mark.usefixtures("finished")
def test_one_tenant_cannot_read_anothers_data(upgrade: Upgrade):
    acme = upgrade.cluster.secret("medallion-warehouse-acme")
    assert upgrade.cluster.sql_as(acme, "select 1 as one") == [{"one": 1}]
    for database in ("tenant_globex", "tenant_initech", "warehouse", "airflow"):
        refused = upgrade.cluster.sql_as(acme, "select 1 as one", database)
        assert f'permission denied for database "{database}"' in str(refused)


def test_jobs_of_a_tenant_run_one_after_the_other(finished: dict[str, str], upgrade: Upgrade):
    """By the ledger: the time of a task in Airflow includes its wait for a limit."""
    login = upgrade.cluster.secret("medallion-warehouse-acme")
    runs = ", ".join(f"'{finished[job]}'" for job in ("acme_orders", "acme_customers"))
    query = f"""select pipeline, min(started_at) as first, max(finished_at) as last
        from medallion.step_runs where run_id in ({runs}) group by pipeline order by 2"""
    spans = upgrade.cluster.sql_as(login, query)
    assert isinstance(spans, list)
    assert {span["pipeline"] for span in spans} == {"acme_orders", "acme_customers"}
    assert spans[0]["last"] <= spans[1]["first"]


@pytest.mark.usefixtures("finished")
def test_jobs_that_have_ended_hold_no_place(upgrade: Upgrade):
    def admitted() -> list[str]:
        text = upgrade.cluster.get("configmap", "medallion-admissions")["data"]["admissions.json"]
        return [item["pipeline"] for items in json.loads(text).values() for item in items if item["pipeline"] in JOBS]

    until("the places of all jobs are free", lambda: not admitted())
