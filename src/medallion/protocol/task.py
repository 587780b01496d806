"""What one task has to do: the only thing that an orchestrator and an image say to each other on the way in.

The plan writes it, the step's process reads it, a run is pinned to it, and a person can write it into a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from medallion.config.model import ConfigModel
from medallion.config.retention import Retention
from medallion.errors import Misconfigured
from medallion.protocol.work import Work

PROTOCOL = 1
"""Grows when an image that reads the number before could do the wrong thing."""
_REBUILD = "use the images and the DAG folder of one release"
_OF_THE_RUN = {"run_id", "commit", "plan", "others", "pack"}
"""Fields that differ between runs of the same step."""


_KINDS = {
    "clean": "clean_work.CleanWork",
    "command": "work.CommandWork",
    "freshness": "work.FreshnessWork",
    "layer": "work.LayerWork",
}


def _of_its_kind(value: Any) -> Any:
    """Return the work of its own kind, whose module only a step of that kind imports."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind not in _KINDS:
        raise ValueError(f"no work of kind {kind!r} — there are: {', '.join(_KINDS)}")
    module, name = _KINDS[kind].split(".")
    work: type[Work] = getattr(import_module(f"medallion.protocol.{module}"), name)
    return work.model_validate(value)


class Pack(ConfigModel):
    """The steps that a task's process does after its first, whatever becomes of the earlier ones.

    `others` of the task has their contents. `step_seconds` is the limit of each step, and `retryable_exit_codes` are
    those of the pipeline: if any of the failures is worth another attempt, the task is.
    """

    steps: tuple[str, ...] = Field(min_length=1)
    step_seconds: int
    retryable_exit_codes: tuple[int, ...] = ()


class TaskSpec(ConfigModel):
    """One step of one run; with `pack`, the first of several that one process does.

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
    work: Annotated[SerializeAsAny[Work], BeforeValidator(_of_its_kind)]
    plan: Mapping[str, str] = {}
    others: Mapping[str, dict[str, Any]] = {}
    pack: Pack | None = None

    @model_validator(mode="after")
    def _has_its_pack(self) -> Self:
        if self.pack is not None and (lacking := [name for name in self.pack.steps if name not in self.others]):
            raise ValueError(f"`others` lacks {lacking[0]!r} of `pack` — give the content of each of its steps")
        return self

    def steps(self) -> list[TaskSpec]:
        """Return the task of each step of its pack, of the first too; without a pack, the task itself."""
        if self.pack is None:
            return [self]
        run = {"run_id": self.run_id, "commit": self.commit, "plan": self.plan}
        later = [parse_task({**self.others[name], **run}, f"step {name} of the task") for name in self.pack.steps]
        return [
            self.model_copy(update={"pack": None}),
            *(step.model_copy(update={"others": self.others}) for step in later),
        ]

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
