"""The work of a source's step: its contract, and where its rows are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from medallion.config.contract import Contract
from medallion.config.model import ConfigModel
from medallion.config.sources import AnySettings
from medallion.protocol.work import Work


class Part(ConfigModel):
    """A part of the load of many files that several pods share: list them, load a pack of them, publish them all.

    `of` is the step of the source, under which builds, files and rejected rows are recorded; it publishes. The step
    that lists divides the files into `packs`, and `pack` is the one that a step loads, from 0.
    """

    does: Literal["list", "load", "publish"]
    of: str
    packs: int = Field(1, ge=1)
    pack: int = Field(0, ge=0)


class CleanWork(Work):
    """Clean the rows of a source under a contract and load them.

    `input` is a file to read instead of what `source` names; `landing` is the folder of the source's paths.
    With `replay`, the rejected rows of that run are loaded again: those of `input`, or of the quarantine.
    """

    kind: Literal["clean"]
    contract: Contract
    source: AnySettings | None = None
    input: str | None = None
    landing: str = ""
    replay: str | None = None
    part: Part | None = None

    @model_validator(mode="after")
    def _reads_something(self) -> CleanWork:
        if self.source is None and self.input is None:
            raise ValueError("there is neither `source` nor `input` — name what to read")
        return self

    @property
    def connector(self) -> str | None:
        """The connector of the source, if it names one."""
        return self.source.connector if self.source else None
