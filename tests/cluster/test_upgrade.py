"""An upgrade right after the install keeps keys, passwords and data."""

from __future__ import annotations

import subprocess

from cluster import REPO, Airflow, Cluster

SECRETS = ("medallion-airflow", "medallion-postgres", "medallion-ui", "medallion-warehouse")


def test_an_upgrade_keeps_secrets_and_data(cluster: Cluster, transactions_run: str):
    before = {name: cluster.secret(name) for name in SECRETS}
    gold = "select md5(string_agg(t::text, '|' order by t::text)) as digest from gold.agg_monthly_sales as t"
    data = cluster.sql(gold)
    done = subprocess.run(
        [
            *("helm", "--kube-context", cluster.context, "--namespace", cluster.namespace, "upgrade", "medallion"),
            *(str(REPO / "charts" / "medallion"), "--reuse-values", "--set", "airflow.config.webserver.page_size=60"),
            *("--wait", "--timeout", "10m"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert {name: cluster.secret(name) for name in SECRETS} == before
    assert cluster.sql(gold) == data
    login = cluster.secret("medallion-ui")
    with cluster.port("service/medallion-api-server", 8080) as port:
        assert Airflow(f"http://127.0.0.1:{port}", login["username"], login["password"])
