"""Candidates as the cleaner compiles them, to be tried on the values of a column."""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from medallion.cleaner.rules import TEXT, Column, compile_contract
from medallion.config.contract import Contract
from medallion.infer.candidates import CANDIDATES, Candidate


class Trial:
    """A candidate as the cleaner reads it.

    Attributes:
        candidate: What is tried.
        broken: Which texts of the column `TEXT` it does not take, or does not keep as they are.
        looks: The spellings that it keeps, for Python.
    """

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        text = pl.col(TEXT)
        broken = [_column(candidate.terms).refused, ~text.str.contains(f"^(?:{candidate.keeps})$")]
        if candidate.loses:
            broken.append(text.str.contains(f"^(?:{candidate.loses})$"))
        self.broken = pl.any_horizontal(broken).fill_null(False)
        self.looks = re.compile(candidate.keeps)


@cache
def trials() -> tuple[Trial, ...]:
    """Return a trial of each candidate."""
    return tuple(map(Trial, CANDIDATES))


def refused(terms: dict[str, object]) -> pl.Expr:
    """Return which texts of the column `TEXT` are no values of a field."""
    return _column(terms).refused.fill_null(False)


def _column(terms: dict[str, object]) -> Column:
    one = {"name": "c", "source": "c", **terms}
    (column,) = compile_contract(Contract.model_validate({"name": "t", "table": "t.t", "fields": [one]}), ["c"])
    return column
