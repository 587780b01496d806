"""`medallion schema`: the JSON Schema that editors complete and check YAML files with."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import BaseModel

from medallion.config.contract import Contract
from medallion.config.job import Job
from medallion.config.pipeline import Pipeline
from medallion.config.runner import Runner
from medallion.config.yaml_loader import ANCHORS


class Kind(StrEnum):
    """What a schema is of."""

    pipeline = "pipeline"
    contract = "contract"
    runner = "runner"
    job = "job"


_MODELS: dict[Kind, type[BaseModel]] = {
    Kind.pipeline: Pipeline,
    Kind.contract: Contract,
    Kind.runner: Runner,
    Kind.job: Job,
}


def schema(kind: Annotated[Kind, typer.Argument(help="What the schema is of.")] = Kind.pipeline) -> None:
    """Print the JSON Schema of a pipeline, contract, runner or job file."""
    typer.echo(json_schema(kind))


def json_schema(kind: Kind) -> str:
    """Return the schema as text; `docs/schema/` holds it for editors."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_MODELS[kind].model_json_schema(),
        "patternProperties": {f"^{ANCHORS}": {"description": "A place for anchors (`&name`); it is not read."}},
    }
    return json.dumps(document, indent=2)
