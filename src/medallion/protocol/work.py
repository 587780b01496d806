"""What a step does, kind by kind. Cleaning has a module of its own, as a contract takes long to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from medallion.config.dbt import DbtSettings
from medallion.config.model import ConfigModel


class Work(ConfigModel):
    """What a step does; `kind` says which work it is."""

    kind: str

    @property
    def connector(self) -> str | None:
        """The connector of the source that it reads, if it reads one."""
        return None


class DbtWork(Work):
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


class CommandWork(Work):
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
