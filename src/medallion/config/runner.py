"""A runner file: which jobs run when, under which orchestrator, and how many of a tenant's jobs at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from medallion.config.job import Job
from medallion.config.model import ConfigModel, Name
from medallion.config.pipeline import Pipeline, TenantName
from medallion.config.schedule import Schedule
from medallion.config.sources import parse_source


class ScheduledJob(Schedule):
    """A job and when it runs. Exactly one of `cron` and `interval_seconds` is given."""

    name: Name = Field(description="Unique; the DAG's id.")
    config: str = Field(description="The job file, such as `jobs/acme/orders.yaml`.")
    tags: Mapping[str, str] = Field({}, description="Labels to find the DAG by; each shows as `key:value`.")

    @field_validator("config")
    @classmethod
    def _config(cls, value: str) -> str:
        job_path(value)
        return value

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for key, word in value.items():
            if len(f"{key}:{word}") > 100:
                raise ValueError(f"tag {key!r} is too long — key and value have 99 characters at most")
        return value

    @model_validator(mode="after")
    def _some(self) -> ScheduledJob:
        if self.cron is None and self.interval_seconds is None:
            raise ValueError("neither `cron` nor `interval_seconds` is given — write one of them")
        return self


class TenantSettings(ConfigModel):
    """What differs for one tenant."""

    concurrency: int | None = Field(
        None, ge=1, le=1000, description="How many of its jobs run at once; `concurrency_per_tenant` by default."
    )
    steps: int | None = Field(
        None, ge=1, le=1000, description="How many of its steps run at once; `steps_per_tenant` by default."
    )


class Orchestrator(ConfigModel):
    """Who runs the schedules."""

    type: Literal["airflow", "dagster"] = Field("airflow", description="The orchestrator.")
    schedules: tuple[ScheduledJob, ...] = ()
    concurrency_per_tenant: int = Field(
        1,
        ge=1,
        le=1000,
        description="How many jobs of one tenant run at once. The next job starts when one of them has ended.",
    )
    steps_per_tenant: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="How many steps of one tenant run at once, in all of its jobs together. By default there is "
        "no such limit.",
    )
    tenants: Mapping[TenantName, TenantSettings] = Field({}, description="Tenants with limits of their own.")

    def jobs_at_once(self, tenant: str) -> int:
        """Return how many jobs of a tenant may run at once."""
        own = self.tenants.get(tenant)
        return own.concurrency if own and own.concurrency else self.concurrency_per_tenant

    def steps_at_once(self, tenant: str) -> int | None:
        """Return how many steps of a tenant may run at once, None if there is no limit."""
        own = self.tenants.get(tenant)
        return own.steps if own and own.steps else self.steps_per_tenant


class RunnerSettings(ConfigModel):
    """How jobs are run."""

    mode: Literal["orchestrated", "oneshot"] = Field(
        "orchestrated", description="`oneshot`: the schedules make no DAGs, `medallion run NAME` runs them."
    )
    orchestrator: Orchestrator


class Runner(ConfigModel):
    """A runner file, `runner*.yaml` in the DAG folder or its `configs` folder."""

    runner: RunnerSettings


def build_pipeline(job: Job, name: str, schedule: Schedule, tags: Mapping[str, str]) -> Pipeline:
    """Return the pipeline that a job is under a name and a schedule: from here on there is one model only."""
    timing = {field: getattr(schedule, field) for field in Schedule.model_fields}
    source = parse_source(job.contract, job.contract, job.source)
    same = {field: getattr(job, field) for field in Job.model_fields.keys() & Pipeline.model_fields.keys()}
    return Pipeline(
        **same
        | {
            "name": name,
            "description": job.description or f"Loads {job.contract} for {job.tenant}",
            "owner": job.owner or job.tenant,
            "tags": tuple(f"{key}:{value}" for key, value in sorted(tags.items())),
            "schedule": Schedule(**timing),
            "sources": (source,),
            "schema_prefix": job.target.schema_prefix,
        }
    )


def job_path(config: str) -> PurePosixPath:
    """Return where below the folder of jobs a schedule's `config` points: what follows its last `jobs/`.

    `/app/jobs/acme/orders.yaml`, as a container sees it, and `jobs/acme/orders.yaml` are the same file.

    Raises:
        ValueError: It is no path of a YAML file below `jobs/`.
    """
    parts = PurePosixPath(config).parts
    if ".." in parts:
        raise ValueError(f"{config!r} leaves the folder of jobs — write a path below `jobs/`, without `..`")
    if "{{" in config or "{%" in config:
        raise ValueError(f"{config!r} is a template — write a plain path")
    if "jobs" not in parts[:-1] or not config.endswith((".yaml", ".yml")):
        raise ValueError(f"{config!r} is no job file — write it as `jobs/<tenant>/<job>.yaml`")
    last = len(parts) - 1 - parts[::-1].index("jobs")
    return PurePosixPath(*parts[last + 1 :])
