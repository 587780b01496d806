"""A job file: one source of one tenant, loaded under a contract, and the layers built on it, if any.

A job says what is done; a schedule of a runner file says when. Together they are a `Pipeline`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator, model_validator

from medallion.config.alerts import Alerts
from medallion.config.connectors import AnySettings, Connector, check_secrets
from medallion.config.model import ConfigModel, Name
from medallion.config.pipeline import ImageResources, Layer, RetryConfig, TaskGroups, TenantName, Timeouts
from medallion.config.retention import Retention


class Target(ConfigModel):
    """Where the data goes. By default the contract's own table, in the tenant's own database."""

    table: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,54}$",
        description="`schema.table`, instead of the contract's `table`.",
    )
    schema_prefix: str = Field(
        "",
        pattern=r"^([a-z][a-z0-9_]{0,20})?$",
        description="Put before every schema, so that jobs of one database can share contracts and models.",
    )


class Job(ConfigModel):
    """What is loaded for a tenant, from where, under which contract, and what is built on it."""

    tenant: TenantName = Field(description="Whose job it is; the folder below `jobs/` has the same name.")
    connector: Connector
    source: AnySettings = Field(description="Where the data comes from, in the connector's terms.")
    contract: Name = Field(description="The data contract: a file of this name in `contracts/`.")
    target: Target = Target()
    models: Name | None = Field(
        None, description="The folder of dbt models, `dags/dbt/models/<models>`; needed by layers."
    )
    layers: tuple[Layer, ...] = Field((), description="In the order in which they run; none: it only loads.")
    description: str = Field("", description="One line, for the list of DAGs.")
    owner: str | None = Field(None, min_length=1, description="The team to ask; by default the tenant.")
    retry_config: RetryConfig = RetryConfig()
    max_active_tasks: int = Field(
        4, ge=1, description="How many steps of a run go on at once. On Kubernetes each has a pod, and a worker pod."
    )
    timeouts: Timeouts = Timeouts()
    resources: ImageResources = ImageResources()
    task_groups: TaskGroups = TaskGroups()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()
    source_freshness: bool = Field(
        False,
        description="Whether `dbt source freshness` is the first gate: how old the sources of `models` may be is in "
        "their sources.yml.",
    )
    granularity: Literal["layer", "phase"] = Field(
        "layer", description="`layer`: one pod runs and tests a layer. `phase`: a pod to run it, a pod to test it."
    )

    @field_validator("source", mode="wrap")
    @classmethod
    def _source(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        connector = info.data.get("connector")
        if connector is None:
            return value  # the connector itself is wrong, and its diagnostic says so
        return validate({**value, "connector": connector} if isinstance(value, dict) else value)

    @model_validator(mode="after")
    def _models(self) -> Job:
        check_secrets(self.tenant, [self.source])
        if self.layers and self.models is None:
            raise ValueError("there are layers and no `models` — name the folder of dbt models that they build")
        twice = sorted({layer.name for layer in self.layers if [one.name for one in self.layers].count(layer.name) > 1})
        if twice:
            raise ValueError(f"layer {twice[0]!r} is there twice — give each layer its own name")
        return self
