"""A pipeline file: what a person writes to have data cleaned, loaded, modelled, tested and published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from medallion.config.alerts import Alerts
from medallion.config.dbt import DbtSettings
from medallion.config.model import ConfigModel, Name, SchemaPrefix
from medallion.config.own_step import LEDGER_MARKS, OwnStep, order_steps
from medallion.config.resources import ImageResources
from medallion.config.retention import Retention
from medallion.config.retry import RetryConfig
from medallion.config.schedule import Schedule
from medallion.config.sources import Source, check_secrets

TenantName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$")]
"""Small letters, digits and `-`; it becomes part of a Secret's, a role's and a database's name."""


class Layer(ConfigModel):
    """One medallion layer: dbt models, and the tests that they must pass before anything follows."""

    name: Name = Field(description="The layer, such as `bronze`; its models are in the dbt folder of that name.")
    select: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.:/*+@, -]+$",
        description="dbt selector; by default `path:models/<models>/<name>`.",
    )
    publish: bool | None = Field(
        None,
        description="Whether readers use the layer: its builds are in the history, are kept for `retention.builds` "
        "runs, and can be rolled back to. By default only `gold` is.",
    )
    on_test_failure: Literal["stop", "warn"] = Field(
        "stop", description="`stop`: nothing is published and the run fails. `warn`: failing tests are reported."
    )

    @property
    def is_published(self) -> bool:
        """Whether the layer's relations are views over audited builds."""
        return self.name == "gold" if self.publish is None else self.publish


class Timeouts(ConfigModel):
    """Limits in seconds; what goes over is stopped, pod and database session too."""

    step_seconds: int = Field(1800, ge=1, le=2_147_483_647, description="One attempt of one step.")
    run_seconds: int = Field(7200, ge=1, description="A whole run.")
    startup_seconds: int = Field(
        300, ge=1, description="From a pod's creation until it runs: its image is pulled and a node has room for it."
    )
    deadline_seconds: int | None = Field(
        None,
        ge=1,
        description="A run that is not done this long after it was due goes on, and an alert says so. Runs that are "
        "made up for (`catchup`) have no deadline.",
    )


class TaskGroups(ConfigModel):
    """Names of the task groups. An empty `transform` puts the layers at the top."""

    clean: str = Field("Clean", pattern=r"^[A-Za-z0-9_-]+$", description="The group that cleans the files.")
    load: str = Field("Load-To-Postgres", pattern=r"^[A-Za-z0-9_-]+$", description="The group that loads the tables.")
    transform: str = Field(
        "DBT-Transformations",
        pattern=r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?$",
        description="The group that runs and tests the layers; `outer.inner` is a group in a group.",
    )

    @property
    def transform_path(self) -> tuple[str, ...]:
        """The names of the layers' groups, from the outermost."""
        return tuple(self.transform.split(".")) if self.transform else ()


class PipelineSettings(ConfigModel):
    """What pipelines and jobs can say alike: what is built, and how a run behaves."""

    description: str = Field("", description="One line, for the list of DAGs.")
    dbt: DbtSettings = DbtSettings()
    models: Name | None = Field(
        None,
        description="The folder of dbt models, `dags/dbt/models/<models>`, with a folder for each layer. Without it, "
        "each layer has a `select`.",
    )
    layers: tuple[Layer, ...] = Field((), description="In the order in which they run; none: it only loads.")
    steps: tuple[OwnStep, ...] = Field((), description="Steps of your own: a command in an image.")
    granularity: Literal["layer", "phase"] = Field(
        "layer",
        description="`layer`: one pod runs and tests a layer. `phase`: a pod to run it, a pod to test it.",
    )
    source_freshness: bool = Field(
        False,
        description="Whether `dbt source freshness` is the first gate: how old the sources of `models` may be is in "
        "their sources.yml.",
    )
    task_groups: TaskGroups = TaskGroups()
    retry_config: RetryConfig = RetryConfig()
    max_active_tasks: int = Field(
        4,
        ge=1,
        description="How many tasks of a run may go on at once. On Kubernetes each has a pod.",
    )
    timeouts: Timeouts = Timeouts()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()
    resources: ImageResources = ImageResources()

    @property
    def selectors(self) -> dict[str, str]:
        """The dbt selector of each layer, by the layer's name, in the order in which they run."""
        return {layer.name: layer.select or f"path:models/{self.models}/{layer.name}" for layer in self.layers}

    @property
    def order(self) -> list[str]:
        """`sources`, the layers and the own steps in the order in which they run, by name."""
        return order_steps([layer.name for layer in self.layers], self.steps)

    @model_validator(mode="after")
    def _layers(self) -> Self:
        check_unique("layer", [layer.name for layer in self.layers])
        if taken := next((layer.name for layer in self.layers if layer.name in LEDGER_MARKS), None):
            raise ValueError(f"layer {taken!r} has a name that the ledger uses — choose another name")
        if self.models is None and (lacking := next((one.name for one in self.layers if not one.select), None)):
            raise ValueError(
                f"layer {lacking!r} has no `select`, and there is no `models` — name the folder of dbt models, or what "
                "the layer selects"
            )
        if self.source_freshness and self.models is None:
            raise ValueError(
                "there is `source_freshness` and no `models` — name the folder whose sources.yml has the limits"
            )
        return self

    @model_validator(mode="after")
    def _steps(self) -> Self:
        if not self.steps:
            return self
        # Dagster has one sign for `-` and `_`.
        names = [*(layer.name for layer in self.layers), *(step.name for step in self.steps)]
        check_unique("layer or step", [name.replace("-", "_") for name in names])
        groups = set(self.task_groups.model_dump().values())
        if taken := next((step.name for step in self.steps if step.name in groups), None):
            raise ValueError(f"step {taken!r} has the name of a task group — choose another name")
        self.order  # noqa: B018 - raises for a place that is not there
        return self


class Pipeline(PipelineSettings):
    """A pipeline: sources under contracts, then dbt layers in order, each behind its tests."""

    name: Name = Field(description="Unique; the DAG's id.")
    owner: str = Field(min_length=1, description="The team to ask.")
    tags: tuple[str, ...] = Field((), description="Words to find the DAG by in Airflow.")
    tenant: TenantName | None = Field(
        None, description="Whose data it is: steps run with this tenant's login, limits, namespace and quota."
    )
    schedule: Schedule = Schedule()
    sources: tuple[Source, ...] = Field((), description="The inputs that a run loads.")
    sources_per_pod: int = Field(
        8,
        ge=1,
        le=100,
        description="How many sources one pod loads at most, one after the other. Only sources that need the same pod "
        "share one: files of the landing volume, or sources of one connector with the same Secret. 1: a pod for each.",
    )
    schema_prefix: SchemaPrefix = Field(
        "",
        description="Put before every schema, so that two pipelines can share the same models.",
    )

    @model_validator(mode="after")
    def _sources(self) -> Pipeline:
        if self.tenant is not None:
            check_secrets(self.tenant, [*self.sources, *self.steps])
        check_unique("source", [source.name for source in self.sources])
        if not self.sources and not self.layers and not self.steps:
            raise ValueError("there are no sources, no layers and no steps — write what a run does")
        return self

    @property
    def connectors(self) -> tuple[str, ...]:
        """The kinds of connector that its sources use."""
        return tuple(sorted({source.connector for source in self.sources}))


def check_unique(kind: str, names: Sequence[str]) -> None:
    """Raise ValueError for a name that is there twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{kind} {twice[0]!r} is there twice — give each {kind} its own name")
