"""A job file: one source of one tenant, loaded under a contract, and the layers built on it, if any.

A job says what is done; a schedule of a runner file says when. Together they are a `Pipeline`.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator, model_validator

from medallion.config.model import ConfigModel, Name, SchemaPrefix, TableName
from medallion.config.pipeline import PipelineSettings, TenantName
from medallion.config.sources import AnySettings, Connector, check_secrets


class Target(ConfigModel):
    """Where the data goes. By default the contract's own table, in the tenant's own database."""

    table: TableName | None = Field(None, description="`schema.table`, instead of the contract's `table`.")
    schema_prefix: SchemaPrefix = Field(
        "",
        description="Put before every schema, so that jobs of one database can share contracts and models.",
    )


class Job(PipelineSettings):
    """What is loaded for a tenant, from where, under which contract, and what is built on it."""

    tenant: TenantName = Field(description="Whose job it is; the folder below `jobs/` has the same name.")
    connector: Connector
    source: AnySettings = Field(description="Where the data comes from, in the connector's terms.")
    contract: Name = Field(description="The data contract: a file of this name in `contracts/`.")
    target: Target = Target()
    owner: str | None = Field(None, min_length=1, description="The team to ask; by default the tenant.")

    @field_validator("source", mode="wrap")
    @classmethod
    def _source(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        connector = info.data.get("connector")
        if connector is None:
            return value  # the connector itself is wrong, and its diagnostic says so
        return validate({**value, "connector": connector} if isinstance(value, dict) else value)

    @model_validator(mode="after")
    def _secrets(self) -> Job:
        check_secrets(self.tenant, [self.source, *self.steps])
        return self
