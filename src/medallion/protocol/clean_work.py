"""The work of a source's step: its contract, and where its rows are."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from medallion.config.contract import Contract
from medallion.config.sources import AnySettings
from medallion.protocol.work import Work


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

    @model_validator(mode="after")
    def _reads_something(self) -> CleanWork:
        if self.source is None and self.input is None:
            raise ValueError("there is neither `source` nor `input` — name what to read")
        return self

    @property
    def connector(self) -> str | None:
        """The connector of the source, if it names one."""
        return self.source.connector if self.source else None
