"""A helm upgrade, and what the release held before it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import REPO, Cluster

SECRETS = ("medallion-airflow", "medallion-postgres", "medallion-ui", "medallion-warehouse")


@dataclass(frozen=True)
class Upgrade:
    """The release after an upgrade, and its Secrets and a digest of its gold before."""

    cluster: Cluster
    secrets: dict[str, dict[str, str]]
    gold: str


def upgraded(cluster: Cluster, values: Path) -> Upgrade:
    """Upgrades the release with more values, and waits until it is there."""
    before = Upgrade(cluster, secrets_of(cluster), gold_of(cluster))
    chart = str(REPO / "charts" / "medallion")
    done = release(cluster, "upgrade", "medallion", chart, "--reuse-values", "--values", str(values), "--wait")
    assert done.returncode == 0, done.stderr
    return before


def release(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm on the cluster's namespace; the caller looks at how it ended."""
    there = ("--kube-context", cluster.context, "--namespace", cluster.namespace)
    return subprocess.run(["helm", *there, *arguments, "--timeout", "10m"], capture_output=True, text=True, timeout=660)


def secrets_of(cluster: Cluster) -> dict[str, dict[str, str]]:
    """What the chart made once."""
    return {name: cluster.secret(name) for name in SECRETS}


def gold_of(cluster: Cluster) -> str:
    """A digest of what readers see."""
    rows = "select m::text from gold.agg_monthly_sales as m union all select p::text from gold.agg_product_sales as p"
    query = f"select md5(string_agg(t, '|' order by t)) as digest from ({rows}) as rows (t)"
    found: list[dict[str, Any]] = cluster.sql(query)
    return str(found[0]["digest"])
