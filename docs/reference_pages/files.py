"""The pages of the files that a team writes, of their models in `medallion.config`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from medallion.config.job import Job
from medallion.config.pipeline import Pipeline
from medallion.config.runner import Runner
from medallion.config.sources import Named
from medallion.config.sources.base import Settings
from reference_pages.keys import keys

ELSEWHERE = (Settings, Named)
"""Models that the page of the connectors describes."""


def pipeline_keys() -> str:
    """Return the page of `pipelines/<name>.yaml`."""
    about = "The keys of a pipeline file. [Writing a pipeline](../pipelines.md) explains them"
    return _page("Pipeline file keys", about, Pipeline)


def job_keys() -> str:
    """Return the page of `jobs/<tenant>/<name>.yaml`."""
    return _page("Job file keys", "The keys of a job file. [Runner files](../runner.md) explains jobs", Job)


def runner_keys() -> str:
    """Return the page of `runner.yaml`."""
    return _page("Runner file keys", "The keys of a runner file. [Runner files](../runner.md) explains them", Runner)


def _page(title: str, about: str, model: type[BaseModel]) -> str:
    sections = [("The file", model), *_sections(model, "")]
    text = "\n".join(f"## {path}\n\n{' '.join(str(one.__doc__).split())}\n\n{keys(one)}\n" for path, one in sections)
    return f"# {title}\n\n{about}; the settings of sources are on the page [connectors](connectors.md).\n\n{text}"


def _sections(model: type[BaseModel], above: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each model below one, by the path of its key."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        for below in _models(field.annotation):
            yield path, below
            yield from _sections(below, f"{path}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not issubclass(annotation, ELSEWHERE):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)
