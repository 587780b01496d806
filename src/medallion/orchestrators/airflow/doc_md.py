"""What the Airflow UI shows of a DAG and of each of its tasks: from the pipeline file and the dbt descriptions."""

from __future__ import annotations

from pathlib import Path

from medallion.config.dbt_docs import ModelDoc, model_docs
from medallion.config.pipeline import Pipeline
from medallion.config.places import dbt_project
from medallion.plan import Plan
from medallion.steps import Step


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
        "| step | does | needs |",
        "| --- | --- | --- |",
        *(f"| `{step.name}` | {step.title} | {', '.join(step.needs) or '-'} |" for step in plan.steps),
    ]
    for layer in pipeline.layers:
        models = _models(pipeline, layer.name, dags)
        if models:
            published = ", published after its tests" if layer.is_published else ""
            lines += ["", f"### {layer.name}{published}", ""]
            lines += [f"- `{model.name}`: {model.description}" for model in models]
    return "\n".join(lines)


def task_page(step: Step, pipeline: Pipeline, dags: Path) -> str:
    """Return a task's page, as Markdown: what it does, its models and the tests that it runs."""
    lines = [f"{step.title}."]
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
