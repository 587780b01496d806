"""The plan of a DAG, from the files of the DAG folder: what a worker finds by its parse of a DAG file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.load_pipeline import PipelineFile, load_pipeline
from medallion.config.load_runner import load_runners
from medallion.orchestrators.kubernetes.settings import LANDING, Settings, UnknownTenant, find_commit
from medallion.plan import Plan, RunContext, make_plan
from medallion.tasks import Task

_KEPT = 64


@dataclass(frozen=True)
class Planned:
    """A plan of a commit, and the deployment as the plan's tenant uses it."""

    plan: Plan
    settings: Settings

    def task(self, name: str) -> Task:
        """Return the plan's task of that name.

        Raises:
            NoPlan: It has none.
        """
        for task in self.plan.tasks:
            if task.name == name:
                return task
        raise NoPlan(f"{self.plan.pipeline.name} has no task {name} any more, at commit {self.plan.context.commit}")


class NoPlan(Exception):
    """The DAG folder has no such pipeline, schedule or task any more."""


def plan_file(file: PipelineFile, commit: str, settings: Settings) -> Planned:
    """Return the plan of a pipeline, whichever kind of file it is written in.

    Raises:
        ConfigError: It names a tenant that this deployment does not have.
    """
    plan = make_plan(file.pipeline, file.contracts, RunContext("", LANDING, commit))
    try:
        return Planned(plan, settings.of_tenant(file.pipeline.tenant))
    except UnknownTenant as error:
        raise ConfigError([Diagnostic(str(file.path), 1, 1, "tenant", str(error), error.remedy)]) from error


def find_plan(dags: Path, dag_id: str) -> Planned:
    """Return the plan of a DAG as the DAG folder has it now.

    Args:
        dags: The DAG folder.
        dag_id: The name of a pipeline file, or of a schedule of a runner file.

    Raises:
        ConfigError: The files are wrong.
        NoPlan: There is none.
    """
    while True:
        checkout, commit = dags.resolve(), find_commit(dags)
        # A checkout of git-sync is never changed; a folder of another kind may be.
        find = _find_once if commit in checkout.parts else _find
        found = find(dags, commit, dag_id)
        if dags.resolve() == checkout:  # else git-sync has just put another commit in its place
            return found


def _find(dags: Path, commit: str, dag_id: str) -> Planned:
    settings = Settings.from_environment(dags)
    path = dags / "pipelines" / f"{dag_id}.yaml"
    if path.is_file():
        return plan_file(load_pipeline(path), commit, settings)
    for runner in load_runners(dags, only=dag_id):
        for entry in runner.entries:
            if entry.name != dag_id:
                continue
            if entry.file is None:
                raise ConfigError(list(entry.diagnostics))
            return plan_file(entry.file, commit, settings)
    raise NoPlan(f"the DAG folder has no pipeline and no schedule {dag_id!r} at commit {commit}")


_find_once = lru_cache(_KEPT)(_find)
