"""Limits that Dagster keeps in its instance and not in a job: runs of a pipeline and of a tenant, steps of a tenant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster

from medallion.config.catalog import iter_pipelines
from medallion.orchestrators.dagster.job import PIPELINE_TAG, POOL_PREFIX, TENANT_TAG, pool_name
from medallion.orchestrators.tenant_limits import TenantLimits, tenant_limits


def settings(dags: Path) -> dict[str, Any]:
    """Return what `dagster.yaml` has to say for a DAG folder."""
    runs = {
        named.file.pipeline.name: named.file.pipeline.schedule.max_concurrent_runs
        for named in iter_pipelines(dags)
        if named.file is not None
    }
    by_pipeline = [{"key": PIPELINE_TAG, "value": name, "limit": limit} for name, limit in sorted(runs.items())]
    by_tenant = [{"key": TENANT_TAG, "value": name, "limit": one.jobs} for name, one in tenant_limits(dags).items()]
    return {
        "telemetry": {"enabled": False},
        "concurrency": {
            "runs": {"tag_concurrency_limits": [*by_pipeline, *by_tenant]},
            "pools": {"granularity": "op"},
        },
    }


def prepare(home: Path, dags: Path) -> dict[str, TenantLimits]:
    """Write `dagster.yaml`, which limits runs, and set the pools of tenants, which limit steps.

    A pool of a tenant without a limit of steps is deleted: its steps then have no limit of their own.

    Args:
        home: Dagster's own folder, `DAGSTER_HOME`.
        dags: The DAG folder.

    Returns:
        The limits of each tenant.
    """
    home.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (home / "dagster.yaml").write_text(json.dumps(settings(dags), indent=2) + "\n", encoding="utf-8")
    limits = tenant_limits(dags)
    pools = {pool_name(tenant): one.steps for tenant, one in limits.items() if one.steps is not None}
    with dagster.DagsterInstance.from_config(str(home)) as instance:
        storage = instance.event_log_storage
        for pool, steps in pools.items():
            storage.set_concurrency_slots(pool, steps)
        for pool in storage.get_concurrency_keys() - pools.keys():
            if pool.startswith(POOL_PREFIX):
                storage.delete_concurrency_limit(pool)
    return limits
