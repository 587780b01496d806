"""What the Airflow UI shows of a DAG and of each of its tasks: from the pipeline file and the dbt descriptions."""

from __future__ import annotations

from pathlib import Path

from medallion.config.dbt_docs import ModelDoc, model_docs
from medallion.config.pipeline import Pipeline
from medallion.config.places import dbt_project
from medallion.plan import Plan
from medallion.tasks import Task


def dag_page(plan: Plan, commit: str, dags: Path) -> str:
    """Return the DAG's page, as Markdown.

    Args:
        plan: The plan; its own names are shown.
        commit: The code version.
        dags: The DAG folder; without a dbt project in it the page has no models.
    """
    pipeline = plan.pipeline
    lines = [
        f"**{pipeline.name}** — {pipeline.description}",
        "",
        f"Owner: {pipeline.owner}. Commit: `{commit}`.",
        "",
        "A step starts only if the run ledger says that what it needs succeeded in this run.",
        "",
        "| step | task | does | needs |",
        "| --- | --- | --- | --- |",
        *(
            f"| `{step.name}` | `{task.task_id}` | {step.title} | {', '.join(step.needs) or '-'} |"
            for task in plan.tasks
            for step in task.steps
        ),
    ]
    for layer in pipeline.layers:
        models = _models(pipeline, layer.name, dags)
        if models:
            published = ", published after its tests" if layer.is_published else ""
            lines += ["", f"### {layer.name}{published}", ""]
            lines += [f"- `{model.name}`: {model.description}" for model in models]
    return "\n".join(lines)


def task_page(task: Task, pipeline: Pipeline, dags: Path) -> str:
    """Return a task's page, as Markdown: what it does, its steps if there are several, its models and their tests."""
    step = task.first
    lines = [f"{task.title}."]
    if task.is_pack:
        lines += [f"- `{one.name}`: {one.title}" for one in task.steps]
        lines.append("- One that fails stops no other. A retry loads only those that have not succeeded in the run.")
    for model in _models(pipeline, step.layer, dags) if step.layer else ():
        if not step.name.endswith(".test"):
            lines.append(f"- `{model.name}`: {model.description}")
        if not step.name.endswith(".run") and model.tests:
            lines.append(f"- tests of `{model.name}`: {', '.join(model.tests)}")
    return "\n".join([lines[0], "", *lines[1:]] if lines[1:] else lines)


def _models(pipeline: Pipeline, layer: str, dags: Path) -> tuple[ModelDoc, ...]:
    if not pipeline.models:
        return ()
    return model_docs(dbt_project(dags, pipeline.dbt.project) / "models" / pipeline.models / layer)
