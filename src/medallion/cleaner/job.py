"""One load: where its rows come from, and the relation that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from medallion.config.contract import Contract
from medallion.config.sources.base import ByCursor, ByFile
from medallion.config.sources.stream import Inputs
from medallion.runtime.session import Session


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
    """One load: what is loaded, and the relation that readers know."""

    contract: Contract
    increment: ByFile | ByCursor | None
    session: Session
    schema: str
    table: str
