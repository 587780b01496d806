"""Tenants' limits, as the runner files of a DAG folder set them: how many jobs and steps of a tenant run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medallion.config.diagnostics import ConfigError
from medallion.config.load_job import JobFiles, job_files, jobs_folder
from medallion.config.load_pipeline import load_pipeline, pipeline_files
from medallion.config.load_runner import load_runners, runner_files
from medallion.config.runner import Orchestrator, job_path

Fingerprint = tuple[Path, frozenset[tuple[Path, int, int]]]

_lock = threading.Lock()
_known: dict[Path, tuple[Fingerprint, dict[str, TenantLimits]]] = {}
_UNKNOWN = (None, None)


@dataclass(frozen=True)
class TenantLimits:
    """How many jobs and how many steps of a tenant run at once. Without `steps` there is no limit of steps."""

    jobs: int = 1
    steps: int | None = None


def tenant_limits(dags: Path) -> dict[str, TenantLimits]:
    """Return the limits of every tenant that anything in a DAG folder belongs to.

    If several runner files speak of one tenant, the smallest limit counts. A limit that cannot be read is 1. A tenant
    that only a pipeline file names has one job at a time, and so has a tenant that is not in the result: the default of
    `TenantLimits`.
    """
    found: dict[str, TenantLimits] = {}
    jobs = JobFiles(dags)
    for runner_file in load_runners(dags, only=""):  # the schedules, without their jobs
        if runner_file.runner is None:
            continue
        orchestrator = runner_file.runner.runner.orchestrator
        for tenant in {*_scheduled_tenants(orchestrator, jobs), *orchestrator.tenants}:
            limits = TenantLimits(orchestrator.jobs_at_once(tenant), orchestrator.steps_at_once(tenant))
            found[tenant] = _smallest(limits, found.get(tenant, limits))
    for path in pipeline_files(dags):
        try:
            named = load_pipeline(path).pipeline.tenant
        except ConfigError:
            continue
        if named is not None:
            found.setdefault(named, TenantLimits())
    return dict(sorted(found.items()))


def cached_tenant_limits(dags: Path) -> dict[str, TenantLimits]:
    """Return the limits of tenants, and read them again only if a file of the DAG folder has changed.

    Any thread may call this, and none should that must not wait for files. While the folder cannot be read, the limits
    stay what they were: git-sync may be taking it away.

    Raises:
        OSError: The folder cannot be read, and could not be before.
    """
    with _lock:
        try:
            # Again after each reading: git-sync may have put another commit in its place.
            while (now := fingerprint(dags)) != _known.get(dags, _UNKNOWN)[0]:
                _known[dags] = (now, tenant_limits(dags))
        except OSError:
            if dags not in _known:
                raise
        return dict(_known[dags][1])


def fingerprint(dags: Path) -> Fingerprint:
    """Return a value that changes when git-sync switches to another commit or a YAML file is written.

    Raises:
        OSError: The folder cannot be read.
    """
    files = {*dags.rglob("*.yaml"), *runner_files(dags), *job_files(dags)}
    found = {path: path.stat() for path in files}
    return dags.resolve(strict=True), frozenset((path, file.st_mtime_ns, file.st_size) for path, file in found.items())


def _scheduled_tenants(orchestrator: Orchestrator, jobs: JobFiles) -> Iterator[str]:
    """Yield the tenants of the schedules' jobs: the names of their folders. A job in none is read."""
    for schedule in orchestrator.schedules:
        path = job_path(schedule.config)
        if len(path.parts) > 1:
            yield path.parts[0]
            continue
        try:
            yield jobs.job(jobs_folder(jobs.dags) / path)[0].tenant
        except ConfigError:
            continue


def _smallest(one: TenantLimits, other: TenantLimits) -> TenantLimits:
    steps = [limits.steps for limits in (one, other) if limits.steps is not None]
    return TenantLimits(min(one.jobs, other.jobs), min(steps, default=None))
