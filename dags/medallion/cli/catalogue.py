"""`medallion list` and `medallion describe`: which pipelines there are, and what each becomes."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from medallion.cli.places import default_dags
from medallion.cli.show import console, error_console
from medallion.plan import RunContext, make_plan
from medallion.spec.findings import SpecError
from medallion.spec.pipeline import Schedule
from medallion.spec.project import load_pipeline, pipeline_files


def list_pipelines() -> None:
    """List the pipelines of the DAG folder."""
    table = Table("pipeline", "schedule", "owner", "description", header_style="bold")
    broken = False
    for path in pipeline_files(default_dags()):
        try:
            pipeline = load_pipeline(path).pipeline
        except SpecError as error:
            broken = True
            error_console.print(str(error), style="red", markup=False, soft_wrap=True)
            continue
        table.add_row(pipeline.name, when(pipeline.schedule), pipeline.owner, pipeline.description)
    console.print(table)
    raise typer.Exit(1 if broken else 0)


def describe(name: Annotated[str, typer.Argument(help="The pipeline's name.")]) -> None:
    """Show what a pipeline becomes: its steps, pods, gates and retries."""
    try:
        file = load_pipeline(default_dags() / "pipelines" / f"{name}.yaml")
    except SpecError as error:
        error_console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(64) from None
    plan = make_plan(file.pipeline, file.contracts, RunContext("RUN", "/landing"))
    retry = file.pipeline.retry_config
    console.print(f"[bold]{name}[/]  {when(file.pipeline.schedule)}  owner {file.pipeline.owner}")
    table = Table("step", "task in Airflow", "image", "needs", "cpu / memory", "does", header_style="bold")
    for step in plan.steps:
        task = ".".join((*step.group, step.task_id))
        size = f"{step.resources.cpu} / {step.resources.memory}"
        table.add_row(step.name, task, step.image, ", ".join(step.needs), size, step.title)
    console.print(table)
    codes = ", ".join(map(str, retry.retryable_exit_codes))
    console.print(f"{retry.max_retries} retries of exit codes {codes}, first after {retry.initial_delay_seconds} s")


def when(schedule: Schedule) -> str:
    """A schedule in a few words."""
    if not schedule.enabled or (schedule.cron is None and schedule.interval_seconds is None):
        return "when triggered"
    every = schedule.cron or f"every {schedule.interval_seconds} s"
    return f"{every} {schedule.timezone}"
