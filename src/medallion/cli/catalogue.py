"""`medallion list` and `medallion describe`: which pipelines there are, and what each becomes."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from medallion.cli.complete import complete_name
from medallion.cli.console import console, error_console, refuse_config
from medallion.cli.places import DagsOption
from medallion.config.catalog import find, iter_pipelines
from medallion.config.diagnostics import ConfigError
from medallion.config.pipeline import Pipeline
from medallion.config.places import default_dags
from medallion.config.schedule import Schedule
from medallion.orchestrators.tenant_limits import TenantLimits, tenant_limits
from medallion.plan import RunContext, make_plan
from medallion.protocol.work import CommandWork
from medallion.tasks import Task


def list_pipelines(dags: DagsOption = None) -> None:  # type: ignore[assignment]
    """List the pipelines and schedules of the DAG folder."""
    table = Table("pipeline", "schedule", "tenant", "owner", "description", header_style="bold")
    broken = False
    for named in iter_pipelines(dags or default_dags()):
        if named.file is None:
            broken = True
            for diagnostic in named.diagnostics:
                error_console.print(str(diagnostic), style="red", markup=False, soft_wrap=True)
            continue
        pipeline = named.file.pipeline
        table.add_row(
            pipeline.name, when(pipeline.schedule), pipeline.tenant or "-", pipeline.owner, pipeline.description
        )
    console.print(table)
    raise typer.Exit(1 if broken else 0)


def describe(
    name: Annotated[str, typer.Argument(help="The pipeline's or the schedule's name.", autocompletion=complete_name)],
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Show what a pipeline becomes: its DAG, pods, gates, retries and limits."""
    folder = dags or default_dags()
    try:
        file = find(folder, name)
    except ConfigError as error:
        refuse_config(error)
    plan = make_plan(file.pipeline, file.contracts, RunContext("RUN", "/landing"))
    pipeline = file.pipeline
    console.print(f"[bold]{pipeline.name}[/]  {when(pipeline.schedule)}  owner {pipeline.owner}")
    console.print(f"written in {file.path}", soft_wrap=True, markup=False)
    console.print(f"tags in Airflow: {', '.join(plan.tags)}", soft_wrap=True, markup=False)
    for task in plan.tasks:
        _show_task(task)
    console.print(f"\n{_retries(pipeline)}", soft_wrap=True)
    if pipeline.tenant is not None:
        limits = tenant_limits(folder).get(pipeline.tenant, TenantLimits())
        console.print(f"limits of tenant {pipeline.tenant}: {describe_limits(limits)}", markup=False, soft_wrap=True)


def _show_task(task: Task) -> None:
    name = ".".join((*task.group, task.task_id))
    console.print(f"\n[bold]{', '.join(step.name for step in task.steps)}[/]  task {name}", soft_wrap=True)
    needs = f"after {', '.join(task.needs)}" if task.needs else "first"
    size = f"{task.resources.cpu} CPU, {task.resources.memory}"
    work = task.first.work
    image = work.image if isinstance(work, CommandWork) else task.image
    order = ", one step after the other" if task.is_pack else ""
    console.print(f"    {needs}, in a pod of the image {image}: {size}{order}", markup=False, soft_wrap=True)
    for step in task.steps:
        console.print(f"    {step.title}", markup=False, soft_wrap=True)


def _retries(pipeline: Pipeline) -> str:
    retry = pipeline.retry_config
    codes = ", ".join(map(str, retry.retryable_exit_codes))
    factor = f", then {retry.backoff_multiplier:g} times as long" if retry.backoff_multiplier > 1 else ""
    return f"{retry.max_retries} retries of exit codes {codes}, first after {retry.initial_delay_seconds} s{factor}"


def describe_limits(limits: TenantLimits) -> str:
    """Return a tenant's limits in a few words."""
    return (
        " and ".join(
            f"{number} {what}{'' if number == 1 else 's'}"
            for number, what in ((limits.jobs, "job"), (limits.steps, "step"))
            if number is not None
        )
        + " at once"
    )


def when(schedule: Schedule) -> str:
    """Return a schedule in a few words."""
    if not schedule.enabled or (schedule.cron is None and schedule.interval_seconds is None):
        return "when triggered"
    every = schedule.cron or f"every {schedule.interval_seconds} s"
    return f"{every} {schedule.timezone}"
