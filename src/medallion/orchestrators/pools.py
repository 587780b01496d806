"""Tenants' limits as pools: how many steps of one tenant run at once, in all of its DAGs together."""

from __future__ import annotations

from pathlib import Path

from medallion.config.diagnostics import ConfigError
from medallion.config.load_pipeline import load_pipeline, pipeline_files
from medallion.config.load_runner import load_runners


def limits(dags: Path) -> dict[str, int]:
    """Return the limit of every tenant that anything in a DAG folder belongs to.

    If several runner files speak of one tenant, the smallest limit counts. A tenant that only a pipeline file
    names, or whose limit cannot be read, has one step at a time.
    """
    found: dict[str, int] = {}
    for runner_file in load_runners(dags):
        if runner_file.runner is None:
            continue
        orchestrator = runner_file.runner.runner.orchestrator
        tenants = {entry.file.pipeline.tenant for entry in runner_file.entries if entry.file} | set(
            orchestrator.tenants
        )
        for tenant in tenants - {None}:
            assert tenant is not None
            limit = orchestrator.concurrency(tenant)
            found[tenant] = min(limit, found.get(tenant, limit))
    for path in pipeline_files(dags):
        try:
            tenant = load_pipeline(path).pipeline.tenant
        except ConfigError:
            continue
        if tenant is not None:
            found.setdefault(tenant, 1)
    return dict(sorted(found.items()))
