"""Delimited text."""

from __future__ import annotations

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import expected_names
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.config.contract import Contract
from medallion.config.dialect import Dialect
from medallion.config.sources.stream import Opened


def read(source: Opened, contract: Contract, evidence: Evidence) -> Records:
    """Return the records of delimited text."""
    dialect = contract.dialect
    assert isinstance(dialect, Dialect)
    lines = line_blocks(source.stream, codec=contract.codec, evidence=evidence, end=dialect.line_end.encode())
    return Records(lines, dialect, expected_names(contract))
