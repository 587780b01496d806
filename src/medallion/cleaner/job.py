"""One load: where its rows come from, and the relation that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from medallion.config.contract import Contract, DuplicateKeys
from medallion.config.sources.base import ByCursor, ByFile, choose_row
from medallion.config.sources.stream import Inputs
from medallion.runtime.session import Session
from medallion.warehouse.ledger import StepRun


@dataclass(frozen=True)
class Source:
    """Where the rows come from.

    Attributes:
        find: What there is to load, given the versions of what earlier loads took.
        increment: How loads add to what is there; None: each replaces it.
    """

    find: Callable[[Mapping[str, str]], AbstractContextManager[Inputs]]
    increment: ByFile | ByCursor | None = None


@dataclass(frozen=True)
class Job:
    """One load: what is loaded, and the relation that readers know.

    `part_of` is the step of the source, where another step does a part of its load.
    """

    contract: Contract
    increment: ByFile | ByCursor | None
    session: Session
    schema: str
    table: str
    part_of: str | None = None

    @property
    def step(self) -> StepRun:
        """The step of the source: builds, rejected rows and files are recorded under it."""
        step = self.session.step
        return step if self.part_of is None else replace(step, step=self.part_of)

    @property
    def duplicate_keys(self) -> DuplicateKeys:
        """Which of the rows with the same key in this load is kept."""
        return choose_row(self.contract, self.increment)
