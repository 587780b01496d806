"""Limits that Dagster keeps in its instance and not in a job: runs of a pipeline at once, steps of a tenant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster

from medallion.config.catalog import iter_pipelines
from medallion.orchestrators.dagster.job import PIPELINE_TAG
from medallion.orchestrators.pools import limits
from medallion.steps import pool_name


def settings(dags: Path) -> dict[str, Any]:
    """Return what `dagster.yaml` has to say for a DAG folder."""
    runs = {
        named.file.pipeline.name: named.file.pipeline.schedule.max_concurrent_runs
        for named in iter_pipelines(dags)
        if named.file is not None
    }
    by_pipeline = [{"key": PIPELINE_TAG, "value": name, "limit": limit} for name, limit in sorted(runs.items())]
    return {
        "telemetry": {"enabled": False},
        "concurrency": {"runs": {"tag_concurrency_limits": by_pipeline}, "pools": {"granularity": "op"}},
    }


def prepare(home: Path, dags: Path) -> dict[str, int]:
    """Write `dagster.yaml` and set the limit of every tenant's pool.

    Args:
        home: Dagster's own folder, `DAGSTER_HOME`.
        dags: The DAG folder.

    Returns:
        The limits of the pools, by name.
    """
    home.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (home / "dagster.yaml").write_text(json.dumps(settings(dags), indent=2) + "\n", encoding="utf-8")
    pools = {pool_name(tenant): limit for tenant, limit in limits(dags).items()}
    with dagster.DagsterInstance.from_config(str(home)) as instance:
        for pool, limit in pools.items():
            instance.event_log_storage.set_concurrency_slots(pool, limit)
    return pools
