"""A plan as an Airflow DAG: its tasks, in the plan's groups and order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup
from airflow.timetables.trigger import CronTriggerTimetable, DeltaTriggerTimetable

from medallion.config.load_pipeline import PipelineFile, load_pipeline
from medallion.orchestrators.airflow.callbacks import Alerting
from medallion.orchestrators.airflow.doc_md import dag_page
from medallion.orchestrators.airflow.operator import pod_operator
from medallion.orchestrators.airflow.plans import plan_file
from medallion.orchestrators.kubernetes.settings import Settings, find_commit
from medallion.plan import Plan

if TYPE_CHECKING:
    from medallion.config.schedule import Schedule


def pipeline_dag(file: str) -> DAG:
    """Return the DAG of a pipeline file.

    Args:
        file: The path of `pipelines/<name>.yaml` in a DAG folder.

    Raises:
        ConfigError: The pipeline file or its contract is wrong. Airflow shows it as the import error of this file
            alone, with the file, the line and the remedy.
    """
    path = Path(file)
    while True:
        commit = find_commit(path)
        found = load_pipeline(path)
        if find_commit(path) == commit:  # else git-sync has just put another commit in its place
            break
    return build_dag_from_file(found, commit, Settings.from_environment(path.parent.parent))


def build_dag_from_file(file: PipelineFile, commit: str, settings: Settings, *, register: bool = True) -> DAG:
    """Return the DAG of a pipeline, whichever kind of file it is written in.

    Args:
        file: The pipeline and its contracts.
        commit: The code version.
        settings: This deployment's names.
        register: As for `dag_of`.

    Raises:
        ConfigError: It names a tenant that this deployment does not have.
    """
    planned = plan_file(file, commit, settings)
    return build_dag(planned.plan, commit, planned.settings, register=register)


def build_dag(plan: Plan, commit: str, settings: Settings, *, register: bool = True) -> DAG:
    """Translate a plan.

    Args:
        plan: The plan.
        commit: The code version.
        settings: This deployment's names, as the plan's tenant uses them.
        register: Whether the DAG belongs to the DAG file that is being parsed even if that file does not keep it in a
            variable. A file that only checks what could be made must not register it.
    """
    pipeline, alerting = plan.pipeline, Alerting(plan.pipeline)
    succeeded = {"on_success_callback": alerting.task_succeeded} if settings.launcher == "worker" else {}
    dag = DAG(
        dag_id=pipeline.name,
        description=pipeline.description,
        doc_md=dag_page(plan, commit, settings.dags),
        schedule=timetable(pipeline.schedule),
        is_paused_upon_creation=not pipeline.schedule.enabled,  # later, what a user sets in the UI stays
        start_date=datetime.combine(
            pipeline.schedule.start_date, datetime.min.time(), ZoneInfo(pipeline.schedule.timezone)
        ),
        catchup=pipeline.schedule.catchup,
        max_active_runs=pipeline.schedule.max_concurrent_runs,
        max_active_tasks=pipeline.max_active_tasks,
        dagrun_timeout=timedelta(seconds=pipeline.timeouts.run_seconds),
        tags=list(plan.tags),
        deadline=alerting.deadline(),
        auto_register=register,
        on_failure_callback=alerting.run_failed,
        on_success_callback=alerting.run_succeeded,
        default_args={
            "owner": pipeline.owner,
            "depends_on_past": False,
            "on_failure_callback": alerting.task_failed,
            # Airflow would run it in the DAG processor for each task that ends in the triggerer, with nothing to say.
            **succeeded,
        },
    )
    groups: dict[tuple[str, ...], TaskGroup] = {}
    tasks: dict[str, Any] = {}
    done: dict[str, Any] = {}
    with dag:
        for task in plan.tasks:
            with _inside(task.group, groups):
                made = pod_operator(task, plan, settings)
            tasks |= {step.name: made for step in task.steps}
        for marker in plan.markers:
            with _inside(marker.group, groups):
                done[marker.name] = EmptyOperator(task_id=marker.name, doc_md=marker.title, on_success_callback=None)
    for marker in plan.markers:
        for before in _distinct(tasks[name] for name in marker.inside):
            before >> done[marker.name]
    for name in ("on_failure_callback", *succeeded):
        dag.default_args.pop(name)  # each task has it by now, and here its source would be serialised at every parse
    covered = {name: done[marker.name] for marker in plan.markers for name in marker.inside}
    for task in plan.tasks:
        for before in _distinct(covered.get(need, tasks[need]) for need in task.needs):
            before >> tasks[task.first.name]
    return dag


def timetable(schedule: Schedule) -> Any:
    """Return Airflow's timetable for a schedule, or None for a pipeline that only runs when triggered."""
    if not schedule.enabled:
        return None
    if schedule.cron is not None:
        return CronTriggerTimetable(schedule.cron, timezone=schedule.timezone)
    if schedule.interval_seconds is not None:
        return DeltaTriggerTimetable(timedelta(seconds=schedule.interval_seconds))
    return None


def _distinct(tasks: Iterable[Any]) -> Iterable[Any]:
    return {id(task): task for task in tasks}.values()


@contextmanager
def _inside(path: tuple[str, ...], groups: dict[tuple[str, ...], TaskGroup]) -> Iterator[None]:
    with ExitStack() as stack:
        for depth in range(1, len(path) + 1):
            key = path[:depth]
            if key not in groups:
                # A nested group carries its parents' names, as Airflow's ids do.
                groups[key] = TaskGroup(group_id=path[depth - 1])
            stack.enter_context(groups[key])
        yield
