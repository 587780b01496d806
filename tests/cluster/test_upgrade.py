"""An upgrade keeps keys, passwords, data and the history of runs."""

from __future__ import annotations

from cluster import Airflow
from upgrades import Upgrade, gold_of, secrets_of


def test_an_upgrade_keeps_secrets_and_data(upgrade: Upgrade, airflow_again: Airflow, transactions_run: str):
    cluster = upgrade.cluster
    assert secrets_of(cluster) == upgrade.secrets
    assert gold_of(cluster) == upgrade.gold
    run = airflow_again.get(f"/dags/pipeline_customer_transaction/dagRuns/{transactions_run}")
    assert run["state"] == "success"
