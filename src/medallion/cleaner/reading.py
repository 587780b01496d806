"""Reading inputs: cleaned in one thread while another feeds Postgres, counted and timed."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from medallion.cleaner.clean import CleanBlock, Cleaners
from medallion.cleaner.columns import check_columns
from medallion.cleaner.evidence import Evidence
from medallion.cleaner.formats import Reading, read_records
from medallion.cleaner.repeats import Repeats
from medallion.config.contract import Contract
from medallion.config.sources.stream import Input, Inputs, Opened, opened
from medallion.errors import BadInput
from medallion.protocol.result import Timing
from medallion.runtime.log import EventLog

_AHEAD = 1
"""Clean blocks that may wait for Postgres; memory is bounded by it."""
_LET_GO_SECONDS = 5.0


@dataclass
class Counts:
    """Rows so far.

    Attributes:
        dialect: How many lines and rows options of the dialect left out or changed.
        notes: How files were read, such as which sheet of a workbook.
    """

    loaded: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rounded: Counter[str] = field(default_factory=Counter)
    dialect: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows that came in."""
        return self.loaded + self.rejected

    def add(self, block: CleanBlock) -> None:
        """Add a block's counts."""
        self.loaded += block.loaded
        self.rejected += block.rejected
        self.reasons.update(block.reasons)
        self.rounded.update(block.rounded)

    def reject(self, moved: dict[str, int]) -> None:
        """Count loaded rows that were moved to the quarantine after all, by reason."""
        self.loaded -= sum(moved.values())
        self.rejected += sum(moved.values())
        self.reasons.update(moved)


class Stopwatch:
    """Seconds by the names of the parts of the step, which are logged too."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.parts: list[Timing] = []

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time a part."""
        began = time.monotonic()
        yield
        seconds = round(time.monotonic() - began, 3)
        self.parts.append(Timing(name, seconds))
        self._log.event(name, f"{name} took {seconds} s", execution_time_seconds=seconds)


class Target(Protocol):
    """What takes the rows: a table, or a trial without a database."""

    def copy(self, csv: bytes) -> None:
        """Take clean rows in Postgres' CSV."""
        ...

    def hold(self, csv: bytes) -> None:
        """Take clean rows whose key an earlier row may have."""
        ...

    def quarantine(self, rejects: pl.DataFrame, source: str) -> None:
        """Take rejected rows of an input, as a frame of `REJECT_COLUMNS`."""
        ...


class Reader:
    """Reads inputs into a table.

    Args:
        contract: How they are cleaned.
        log: Receives the progress.
        empty_is_fine: Whether an input may have no rows, whatever the contract says.
        cleaners: Shared with other readers; by default its own, which find rows whose key an earlier row may have.
    """

    def __init__(
        self, contract: Contract, log: EventLog, *, empty_is_fine: bool = False, cleaners: Cleaners | None = None
    ) -> None:
        self._contract, self._log = contract, log
        self._empty_is_fine = empty_is_fine or contract.empty == "allow"
        self.counts = Counts()
        self.headers: dict[str, list[str]] = {}  # of inputs with rejected rows
        self._cleaners = cleaners or Cleaners(contract, Repeats(contract.primary_key) if contract.primary_key else None)

    def read(self, inputs: Inputs, target: Target) -> str:
        """Read every input, in order.

        Returns:
            The version of all of them: what they say of themselves, else a checksum of what was read.

        Raises:
            BadInput: One cannot be read as its dialect says, or is empty.
            ContractViolation: Its columns are not the contract's.
        """
        checksums = []
        for one in inputs.inputs:
            checksums.append(self._one(one, target, one.name if inputs.many else None))
        if inputs.version is not None:
            return inputs.version
        return checksums[0] if len(checksums) == 1 else hashlib.sha256("\n".join(checksums).encode()).hexdigest()

    def _one(self, one: Input, target: Target, file: str | None) -> str:
        before, logged = self.counts.rows, time.monotonic()
        with opened(one, self._contract.dialect.member) as input_:
            evidence = Evidence(self._contract.codec)
            records = self._records(input_, evidence)
            header = check_columns(self._contract, records.header, one.name, records.header_line)
            with self._cleaners.lend(header) as cleaner:
                for block in _ahead(cleaner.clean(block, file) for block in records):
                    target.copy(block.rows_csv)
                    target.hold(block.held_csv)
                    target.quarantine(block.rejects, one.name)
                    self.counts.add(block)
                    if block.rejects.height:
                        self.headers[one.name] = records.header
                    if time.monotonic() - logged > 1:
                        logged = time.monotonic()
                        self._log.event("progress", f"{self.counts.rows:,} rows read", rows=self.counts.rows)
            checksum = input_.checksum
            self.counts.dialect.update(records.done)
        evidence.judge(one.name)
        if self.counts.rows == before and not self._empty_is_fine:
            raise BadInput(
                f"{one.name} has a header and no rows",
                "send a file with rows, or allow empty files with `empty: allow` in the contract",
            )
        return checksum

    def _records(self, input_: Opened, evidence: Evidence) -> Reading:
        try:
            records = read_records(input_, self._contract, evidence)
        except BadInput as error:
            if not evidence.suspects():
                raise
            raise BadInput(f"{error.message}: {evidence.describe()}", evidence.remedy()) from error
        self.counts.notes += records.notes
        for note in records.notes:
            self._log.event("file_format", f"{input_.name}: {note}", file=input_.name)
        return records


def _ahead(blocks: Iterator[CleanBlock]) -> Iterator[CleanBlock]:
    """Compute blocks in a thread of its own, at most `_AHEAD` before they are used."""
    done = object()
    ready: queue.Queue[object] = queue.Queue(_AHEAD)
    abandoned = threading.Event()

    def put(item: object) -> bool:
        while not abandoned.is_set():
            try:
                ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        try:
            for block in blocks:
                if not put(block):
                    return
            put(done)
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            put(error)

    thread = threading.Thread(target=produce, name="clean", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not done:
            if isinstance(item, BaseException):
                raise item
            assert isinstance(item, CleanBlock)
            yield item
    finally:
        abandoned.set()
        # What it reads from is closed next. A source that does not answer does not hold up the end of the step.
        thread.join(_LET_GO_SECONDS)
