"""Base of everything that is read from a file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
"""Letters, digits, `_` and `-`; at most 63, as it becomes a DAG id, a Kubernetes label and a file name."""


class Part(BaseModel):
    """A part of a file: unknown keys are refused, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
