"""The dbt settings of a pipeline: the project, its target and its variables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from medallion.config.model import ConfigModel, Name

ProjectFolder = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")]


class DbtSettings(ConfigModel):
    """The dbt project that contains the pipeline's models, and its target. Medallion generates the profile."""

    project: ProjectFolder = Field("dbt", description="The folder of the dbt project, below the DAG folder.")
    target: Name = Field("warehouse", description="The name of dbt's target: `target.name` in models and macros.")
    target_schema: str = Field(
        "public",
        alias="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,30}$",
        description="The schema of the target: that of models without a schema of their own, and the beginning of "
        "others' schemas, as the project's `generate_schema_name` makes them.",
    )
    vars: dict[str, Any] = Field({}, description="dbt's `--vars`.")
