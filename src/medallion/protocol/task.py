"""What one step has to do: the only thing that an orchestrator and an image say to each other on the way in.

The plan writes it, the step's process reads it, a run is pinned to it, and a person can write it into a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from medallion.config.contract import Contract
from medallion.config.dbt import DbtSettings
from medallion.config.model import ConfigModel
from medallion.config.retention import Retention
from medallion.config.sources import AnySettings
from medallion.errors import Misconfigured

PROTOCOL = 1
"""Grows when an image that reads the number before could do the wrong thing."""
_REBUILD = "use the images and the DAG folder of one release"
_OF_THE_RUN = {"run_id", "commit", "plan", "others"}
"""Fields that differ between runs of the same step."""


class CleanWork(ConfigModel):
    """Clean the rows of a source under a contract and load them.

    `input` is a file to read instead of what `source` names; `landing` is the folder of the source's paths.
    """

    kind: Literal["clean"]
    contract: Contract
    source: AnySettings | None = None
    input: str | None = None
    landing: str = ""

    @model_validator(mode="after")
    def _reads_something(self) -> CleanWork:
        if self.source is None and self.input is None:
            raise ValueError("there is neither `source` nor `input` — name what to read")
        return self


class DbtWork(ConfigModel):
    """Work on a dbt project: `project` is the digest of its files in the warehouse.

    Without a digest it is the folder that `MEDALLION_DBT_PROJECT` names: on a laptop, or baked into the image.
    """

    project: str | None = None
    dbt: DbtSettings = DbtSettings()


class LayerWork(DbtWork):
    """Run a layer's models, its tests, or both; with `publish`, show readers what passed.

    `layers` are the names and selectors of all layers of the pipeline, in their order, and `models` is its own folder
    of models: they say which tests are this layer's. Without them, tests that read other layers may be left out.
    """

    kind: Literal["layer"]
    layer: str
    select: str
    phase: Literal["build", "run", "test"] = "build"
    publish: bool = False
    on_test_failure: Literal["stop", "warn"] = "stop"
    full_refresh: bool = False
    layers: tuple[tuple[str, str], ...] = ()
    models: str = ""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> LayerWork:
        if self.layers and dict(self.layers).get(self.layer) != self.select:
            raise ValueError(f"`layers` does not have {self.layer!r} with its `select` — name every layer")
        return self

    @property
    def order(self) -> dict[str, str]:
        """The selector of each layer, in their order."""
        return dict(self.layers) or {self.layer: self.select}


class FreshnessWork(DbtWork):
    """Check how old the selected dbt sources are."""

    kind: Literal["freshness"]
    select: str


class CommandWork(ConfigModel):
    """Run a team's own command.

    `image` is the image of its container; on a laptop the command is a process of that machine. `warehouse` gives it
    the warehouse's login.
    """

    kind: Literal["command"]
    image: str
    command: tuple[str, ...] = Field(min_length=1)
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    warehouse: bool = False


Work = Annotated[CleanWork | LayerWork | FreshnessWork | CommandWork, Field(discriminator="kind")]


class TaskSpec(ConfigModel):
    """One step of one run.

    `needs` are the steps of the run that must have succeeded. `plan` holds the digest of every step of the run, and
    `others` the content of steps that the warehouse may not have yet: the first step to start pins the run to them.
    """

    protocol: Literal[1]
    pipeline: str = Field(min_length=1)
    run_id: str = Field(min_length=1)
    step: str = Field(min_length=1)
    commit: str = "unknown"
    needs: tuple[str, ...] = ()
    tenant: str | None = None
    schema_prefix: str = ""
    retention: Retention = Retention()
    work: Work
    plan: Mapping[str, str] = {}
    others: Mapping[str, dict[str, Any]] = {}

    def content(self) -> dict[str, Any]:
        """Return what is the same in every run of the step, as JSON data."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=_OF_THE_RUN)

    def to_json(self) -> str:
        """Return the task as JSON; the same task always gives the same text."""
        return _text(self.model_dump(mode="json", by_alias=True, exclude_unset=True))


def hash_content(content: Mapping[str, Any]) -> str:
    """Return the name of a step's content in the warehouse: the same content has the same name in every run."""
    return hashlib.sha256(_text(content).encode()).hexdigest()[:32]


def parse_task(data: Any, where: str) -> TaskSpec:
    """Validate a task.

    Args:
        data: The task as JSON data.
        where: Where it was read, for the message.

    Raises:
        Misconfigured: It is no task, has another protocol, or a field that this image does not know.
    """
    protocol = data.get("protocol") if isinstance(data, dict) else None
    if protocol != PROTOCOL:
        raise Misconfigured(f"{where}: the task has protocol {protocol!r}, this image reads {PROTOCOL}", _REBUILD)
    try:
        return TaskSpec.model_validate(data)
    except ValidationError as error:
        wrong = [f"{where}: {_place(item['loc'])}: {_what(item)}" for item in error.errors()]
        unknown = any(item["type"] == "extra_forbidden" for item in error.errors())
        raise Misconfigured("\n".join(wrong), _REBUILD if unknown else "correct the task") from error


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location) or "task"


def _what(item: Any) -> str:
    return "unknown field" if item["type"] == "extra_forbidden" else str(item["msg"]).removeprefix("Value error, ")


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
