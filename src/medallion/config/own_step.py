"""A step of a team's own: a command in an image, with a ledger row, a lock, retries and gates like any other step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from medallion.config.model import ConfigModel, Name, SecretName
from medallion.config.resources import Resources
from medallion.config.retry import RetryConfig

SOURCES = "sources"
"""What `after` and `before` call the loads of all sources."""
LEDGER_MARKS = {"rollback", "adopt"}
"""The names under which the ledger has what is not a step of a run."""
_TAKEN = {SOURCES, "freshness", "load_cleaned_csv_to_postgres", *LEDGER_MARKS}
_TAKEN_BEGINNINGS = ("dbt_", "clean_and_transform_csv", "list_files", "load_files")
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class OwnStep(ConfigModel):
    """A command of the team's own. Its image needs neither Medallion nor Python."""

    name: Name = Field(description="Unique among the steps and layers; the task's id.")
    image: str = Field(
        pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]{0,511}$",
        description="The image of the container. `medallion run` ignores it: it starts the command on this machine.",
    )
    command: tuple[str, ...] = Field(
        min_length=1, description="The program and its arguments. It takes the place of the image's ENTRYPOINT."
    )
    args: tuple[str, ...] = Field((), description="More arguments.")
    env: Mapping[EnvName, str] = Field({}, description="Environment variables.")
    secret: SecretName | None = Field(
        None,
        description="A Kubernetes Secret. Its keys are environment variables of the command.",
    )
    warehouse: bool = Field(
        False,
        description="Whether the command gets the login of the pipeline's tenant: `PGHOST`, `PGPORT`, `PGUSER`, "
        "`PGPASSWORD` and `PGDATABASE`.",
    )
    after: str | None = Field(
        None, description="The layer or the step above that it follows, or `sources`. By default it is the last step."
    )
    before: str | None = Field(None, description="The layer or the step above that waits for it, or `sources`.")
    run_as_user: int | None = Field(
        None, ge=1, le=2_147_483_647, description="The user ID, for an image that runs as root: pods must not."
    )
    resources: Resources = Resources()
    retry_config: RetryConfig | None = Field(
        None,
        description="The keys that differ from the pipeline's `retry_config`. A command has exit codes of its own.",
    )
    timeout_seconds: int | None = Field(
        None, ge=1, le=2_147_483_647, description="One attempt; by default `timeouts.step_seconds`."
    )

    @field_validator("name")
    @classmethod
    def _free(cls, value: str) -> str:
        if value in _TAKEN or value.startswith(_TAKEN_BEGINNINGS):
            raise ValueError(f"{value!r} is the name of one of Medallion's own steps — choose another name")
        return value

    @field_validator("env")
    @classmethod
    def _own(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if taken := next((name for name in value if name.startswith("MEDALLION_")), None):
            raise ValueError(f"{taken}: `MEDALLION_` begins Medallion's own variables — choose another name")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.after is not None and self.before is not None:
            raise ValueError(f"step {self.name!r} has both `after` and `before` — write one of them")
        return self

    def retry(self, pipeline: RetryConfig) -> RetryConfig:
        """Return its retries: its own keys, and for the others those of the pipeline."""
        own = self.retry_config
        return (
            pipeline
            if own is None
            else pipeline.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
        )


def order_steps(layers: Sequence[str], steps: Sequence[OwnStep]) -> list[str]:
    """Return `sources`, the layers and the steps in the order in which they run, by name.

    Steps with the same place run in the order of the file.

    Raises:
        ValueError: A step names a place that is neither a layer nor a step above it.
    """
    order, follow = [SOURCES, *layers], {step.name: step.after for step in steps}
    for step in steps:
        place = step.after or step.before
        if place is None:
            order.append(step.name)
            continue
        if place not in order:
            known = ", ".join(order)
            raise ValueError(
                f"step {step.name!r}: {place!r} is neither a layer nor a step above it — write one of: {known}"
            )
        index = order.index(place)
        if step.after is not None:
            index += 1
            while index < len(order) and follow.get(order[index]) == place:
                index += 1
        order.insert(index, step.name)
    return order
