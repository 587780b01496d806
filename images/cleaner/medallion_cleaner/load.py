"""The step: clean and load in one pass and one transaction, or not at all."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from medallion import __version__
from medallion.failures import BadInput, StepFailure, TooManyRejects
from medallion.log import EventLog
from medallion.outcome import Outcome, SubStep
from medallion.spec.contract import Contract
from medallion.step import Session
from medallion.warehouse import builds, ledger
from medallion_cleaner.clean import CleanBlock, clean
from medallion_cleaner.columns import check_columns
from medallion_cleaner.lines import line_blocks
from medallion_cleaner.records import Records
from medallion_cleaner.rules import compile_contract
from medallion_cleaner.source import checksum, opened
from medallion_cleaner.table import Table

_AHEAD = 1
"""Clean blocks that may wait for Postgres; memory is bounded by it."""


@dataclass
class Counts:
    """Rows so far."""

    loaded: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Rows that came in."""
        return self.loaded + self.rejected

    def add(self, block: CleanBlock) -> None:
        """Adds a block's counts."""
        self.loaded += block.loaded
        self.rejected += block.rejected
        self.reasons.update(block.reasons)


class Stopwatch:
    """Seconds by the names of the parts of the step, which the log tells too."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.parts: list[SubStep] = []

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Times a part."""
        began = time.monotonic()
        yield
        seconds = round(time.monotonic() - began, 3)
        self.parts.append(SubStep(name, seconds))
        self._log.event(name, f"{name} took {seconds} s", execution_time_seconds=seconds)


def load(contract: Contract, path: Path, session: Session) -> None:
    """Loads a file under its contract, publishes the table and records the step.

    Raises:
        InputNotFound: There is no such file.
        BadInput: The file cannot be read as its dialect says, or is empty.
        ContractBroken: Its columns are not the contract's.
        TooManyRejects: More rows were rejected than the contract allows; the quarantine keeps them.
    """
    schema, table = contract.table.split(".")
    schema = f"{session.step.schema_prefix}{schema}"
    digest = checksum(path)
    fingerprint = _fingerprint(digest, contract)
    if builds.current_fingerprint(session.connection, schema, table) == fingerprint:
        _unchanged(session, path, digest, schema, table)
        return
    watch, counts = Stopwatch(session.log), Counts()
    with session.connection.transaction():
        # Nothing that readers see is truncated: what an earlier attempt of this run left is.
        with watch.time("truncate_cleaned_table"):
            build = builds.start(session.connection, schema, session.step, fresh=True)
            target = Table(session.connection, build, contract, session.step, path.name)
            target.forget_quarantine()
        with watch.time("create_cleaned_table"):
            target.create()
        with watch.time("clean_and_transform_csv"):
            _stream(contract, path, target, counts, session)
        with watch.time("load_cleaned_csv_to_postgres"):
            repeats = target.add_key()
            counts.loaded -= sum(repeats.values())
            counts.rejected += sum(repeats.values())
            counts.reasons.update(repeats)
        with watch.time("validate_postgres_load"):
            _validate(target, counts)
        outcome = _outcome(counts, digest, watch, path)
        refused = _refusal(contract, counts, path)
        if refused:
            builds.drop(session.connection, build)
        else:
            target.analyze()
            builds.publish(session.connection, schema, build, [table], fingerprint)
            session.record(outcome)
    if refused:
        raise TooManyRejects(*refused, outcome)
    session.clean_up()


def _stream(contract: Contract, path: Path, target: Table, counts: Counts, session: Session) -> None:
    """Cleans in one thread while this one feeds Postgres."""
    with opened(path) as stream:
        records = Records(line_blocks(stream), contract.dialect)
        columns = compile_contract(contract, check_columns(contract, records.header, path))
        told = time.monotonic()
        for block in _ahead(clean(block, columns) for block in records):
            target.copy(block.rows_csv)
            target.quarantine(block.rejects)
            counts.add(block)
            if time.monotonic() - told > 1:
                told = time.monotonic()
                session.log.event("progress", f"{counts.rows:,} rows read", rows=counts.rows)
    if not counts.rows and contract.empty == "error":
        raise BadInput(
            f"{path.name} has a header and no rows",
            "send a file with rows, or allow empty files with `empty: allow` in the contract",
        )


def _ahead(blocks: Iterator[CleanBlock]) -> Iterator[CleanBlock]:
    """Computes blocks in a thread of its own, at most `_AHEAD` before they are used."""
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

    threading.Thread(target=produce, name="clean", daemon=True).start()
    try:
        while (item := ready.get()) is not done:
            if isinstance(item, BaseException):
                raise item
            assert isinstance(item, CleanBlock)
            yield item
    finally:
        abandoned.set()


def _validate(target: Table, counts: Counts) -> None:
    there = target.count()
    if there != counts.loaded:
        raise StepFailure(
            f"{counts.loaded} rows were sent and {there} are in the table; nothing was published",
            "please report this with the file",
        )


def _refusal(contract: Contract, counts: Counts, path: Path) -> tuple[str, str] | None:
    limits = contract.rejects
    share = counts.rejected / counts.rows if counts.rows else 0.0
    over_rows = limits.max_rows is not None and counts.rejected > limits.max_rows
    if share <= limits.max_share and not over_rows:
        return None
    allowed = f"{limits.max_rows} rows" if over_rows else f"{limits.max_share:.1%}"
    worst = "; ".join(f"{count} × {reason}" for reason, count in counts.reasons.most_common(3))
    return (
        f"{counts.rejected} of {counts.rows} rows of {path.name} were rejected, {allowed} are allowed: {worst}. "
        "Nothing was published",
        "see medallion.rejected_rows for every row and reason; mend the file, or `rejects` in the contract",
    )


def _outcome(counts: Counts, digest: str, watch: Stopwatch, path: Path) -> Outcome:
    return Outcome(
        rows_in=counts.rows,
        rows_loaded=counts.loaded,
        rows_rejected=counts.rejected,
        input_checksum=digest,
        reasons=dict(counts.reasons.most_common()),
        parts=tuple(watch.parts),
        message=f"{path.name}: {counts.rows:,} rows in, {counts.loaded:,} loaded, {counts.rejected:,} rejected",
    )


def _unchanged(session: Session, path: Path, digest: str, schema: str, table: str) -> None:
    earlier = ledger.latest_load(session.connection, session.step, digest) or {}
    known = f" of run {earlier['run_id']}" if earlier else ""
    with session.connection.transaction():
        builds.confirm(session.connection, session.step, schema, table)
        session.record(
            Outcome(
                status="unchanged",
                rows_in=earlier.get("rows_in"),
                rows_loaded=earlier.get("rows_loaded"),
                rows_rejected=earlier.get("rows_rejected"),
                input_checksum=digest,
                reasons=earlier.get("details", {}).get("reasons", {}),
                message=f"{path.name} is the same as in the load{known}: {schema}.{table} stays as it is",
            )
        )


def _fingerprint(digest: str, contract: Contract) -> str:
    """What decides the table's content: the input, the contract and the cleaner's version."""
    terms = contract.model_dump_json(by_alias=True)
    return hashlib.sha256(f"{digest}\0{terms}\0{__version__}".encode()).hexdigest()
