"""Everything of a DAG folder as Dagster definitions. What is wrong is a job that says so; all others are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster

from medallion.config.catalog import CatalogEntry, iter_pipelines
from medallion.config.load_pipeline import PipelineFile
from medallion.config.places import chosen_runner_file
from medallion.orchestrators.dagster.job import RUN_ID, Launch, build_job, valid_name
from medallion.orchestrators.dagster.trigger import build_trigger
from medallion.orchestrators.kubernetes.settings import LANDING, find_commit
from medallion.plan import PLATFORM_TAG, RunContext, make_plan

BROKEN_TAG = "broken"
ORCHESTRATOR = "dagster"


def definitions(dags: Path, *, pods: bool | None = None, landing: str | None = None) -> dagster.Definitions:
    """Return the jobs of a DAG folder, with their schedules and sensors.

    Schedules of runner files whose `orchestrator.type` is `dagster` are on, unless they say otherwise. Pipeline
    files name no orchestrator: they are jobs too, and their schedules are off until a user turns them on. If one runner
    file is chosen (`medallion start`), there are only its schedules, whichever orchestrator it names.

    Args:
        dags: The DAG folder.
        pods: Whether steps are pods, or processes of this machine; by default whether this is a pod itself.
        landing: The folder that source paths are relative to, for processes.
    """
    in_cluster = bool(os.environ.get("KUBERNETES_SERVICE_HOST")) if pods is None else pods
    where = LANDING if in_cluster else landing or os.environ.get("MEDALLION_LANDING", str(Path("landing").resolve()))
    launch, chosen = _launcher(in_cluster), chosen_runner_file()
    jobs: dict[str, dagster.JobDefinition] = {}
    triggers: list[Any] = []
    for named in iter_pipelines(dags):
        is_pipeline = named.written_in.parent.name == "pipelines"
        if is_pipeline if chosen else not is_pipeline and named.orchestrator != ORCHESTRATOR:
            continue
        if valid_name(named.name) in jobs:
            continue  # an error of a whole runner file is reported once
        if named.file is None:
            jobs[valid_name(named.name)] = _broken(named)
            continue
        job = _job(named.file, dags, where, launch)
        jobs[job.name] = job
        triggers.append(build_trigger(named.file.pipeline.schedule, job, running=not is_pipeline))
    return dagster.Definitions(
        jobs=list(jobs.values()),
        schedules=[one for one in triggers if isinstance(one, dagster.ScheduleDefinition)],
        sensors=[one for one in triggers if isinstance(one, dagster.SensorDefinition)],
    )


def _job(file: PipelineFile, dags: Path, landing: str, launch: Launch) -> dagster.JobDefinition:
    plan = make_plan(file.pipeline, file.contracts, RunContext(RUN_ID, landing, find_commit(dags / "x")))
    return build_job(plan, launch)


def _launcher(pods: bool) -> Launch:
    if pods:
        from medallion.orchestrators.dagster.pods import run_pod

        return run_pod
    from medallion.orchestrators.dagster.launch import run_process

    return run_process


def _broken(named: CatalogEntry) -> dagster.JobDefinition:
    """A job that fails with what is wrong: its owner finds the error where the job was."""
    problems = "\n".join(str(diagnostic) for diagnostic in named.diagnostics)

    def fail(_context, _inputs):  # type: ignore[no-untyped-def] # Dagster knows annotations by object, not by name
        raise dagster.Failure(problems, allow_retries=False)

    op = dagster.OpDefinition(fail, name=f"{valid_name(named.name)}__see_what_is_wrong", description=problems)
    graph = dagster.GraphDefinition(valid_name(named.name), node_defs=[op], description=f"BROKEN:\n\n{problems}")
    return graph.to_job(tags={PLATFORM_TAG: "", BROKEN_TAG: ""})
