"""The readers of all formats behind one contract: a module for each format, which has its name and a `read`.

Its libraries are imported when a file of the format is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Protocol

from medallion.cleaner.evidence import Evidence
from medallion.cleaner.first_bytes import check_format
from medallion.cleaner.records import RecordBlock
from medallion.config.contract import Contract
from medallion.config.sources.stream import Opened


class Reading(Protocol):
    """A file as records.

    Attributes:
        header: The names of the columns.
        header_line: Where they stand; 0 if no line names them.
        done: What the dialect's options did, and to how many lines or rows; complete after the last block.
        notes: What a reader of the log should know of how the file is read.
    """

    header: list[str]
    header_line: int
    done: Counter[str]
    notes: list[str]

    def __iter__(self) -> Iterator[RecordBlock]:
        """Yield the records in blocks of bounded size."""
        ...


def read_records(source: Opened, contract: Contract, evidence: Evidence) -> Reading:
    """Return the records of an open input, which is in the format of its contract.

    Args:
        source: The input.
        contract: What it is read for.
        evidence: Receives what its lines say of their encoding.

    Raises:
        BadInput: It is in another format, or cannot be read as its contract's dialect says.
    """
    check_format(source, contract.dialect)
    module = import_module(f"{__name__}.{contract.dialect.format.replace('-', '_')}")
    reading: Reading = module.read(source, contract, evidence)
    return reading


def expected_names(contract: Contract) -> list[str]:
    """Return the names of the columns that a contract reads."""
    return [one.header for one in contract.fields if one.derive is None]
