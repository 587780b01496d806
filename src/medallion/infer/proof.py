"""A contract tried on its file by the cleaner itself, without a database."""

from __future__ import annotations

import io
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from medallion.cleaner.reading import Counts, Reader
from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.field import ContractField
from medallion.config.sources.csv import one_file
from medallion.config.table_limits import ROW_BYTES
from medallion.config.yaml_loader import parse
from medallion.errors import StepFailure
from medallion.infer.choice import guess
from medallion.infer.guesses import Guesses
from medallion.infer.refusal import HELP, NotTabular
from medallion.infer.text import contract_text
from medallion.infer.width import widest_row
from medallion.infer.wording import are, rows_of
from medallion.runtime.log import EventLog

_ROUNDS = 3
_MOST_REJECTED = 0.5
_NEVER_TOO_WIDE = 300
"""Fields. Each needs at most 24 bytes in the row."""
_SHOWN = 3


@dataclass
class Proof:
    """What a run of the cleaner does with a file.

    Attributes:
        counts: Rows that it loads and rejects, and why.
        columns: Rejected values by column; lines that are no record are not among them.
        first: The first rejected rows: line and reason.
        fields: The fields of the table, if they are so many that a row may be too wide.
        widest: About how many bytes the widest row has in Postgres.
    """

    counts: Counts = field(default_factory=Counts)
    columns: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)
    fields: tuple[ContractField, ...] = ()
    widest: int = 0

    @property
    def share(self) -> float:
        """Rejected rows, from 0 to 1."""
        return self.counts.rejected / self.counts.rows if self.counts.rows else 0.0

    def __str__(self) -> str:
        load = "loads" if self.counts.loaded == 1 else "load"
        return (
            f"{rows_of(self.counts.rows)}, {self.counts.loaded:,} {load}, {self.counts.rejected:,} "
            f"{are(self.counts.rejected)} rejected"
        )

    # What the cleaner's reader asks of a table.

    def copy(self, csv: bytes) -> None:
        """Take clean rows, and note the bytes of the widest."""
        if csv and self.fields:
            self.widest = max(self.widest, widest_row(csv, self.fields))

    def hold(self, csv: bytes) -> None:
        """Take rows whose key an earlier row may have."""
        self.copy(csv)

    def quarantine(self, rejects: pl.DataFrame, source: str) -> None:  # noqa: ARG002
        """Take rejected rows."""
        self.columns.update(rejects["column_name"].drop_nulls().to_list())
        for line, column, reason in rejects.select("line", "column_name", "reason").head(_SHOWN).rows():
            if len(self.first) < _SHOWN:
                self.first.append(f"line {line} {f'{column} ' if column else ''}{reason}")


def prove(contract: Contract, path: Path) -> Proof:
    """Clean a file under a contract and count what a run would load.

    Args:
        contract: How it is cleaned.
        path: A file, plain or compressed.

    Raises:
        StepFailure: A run would fail before its rejected rows are counted.
    """
    reader = Reader(contract, EventLog(io.StringIO()))
    many = len(contract.fields) > _NEVER_TOO_WIDE
    proof = Proof(reader.counts, fields=contract.fields if many else ())
    with one_file(path) as inputs:
        reader.read(inputs, proof)
    return proof


def proved_contract(
    name: str, path: Path, header_row: int | None = None, encoding: str | None = None, sheet: str | None = None
) -> tuple[str, Proof]:
    """Return the text of a contract that loads its own file, and what becomes of the file's rows.

    A column with values that its guess rejects becomes text, without constraints. Lines that are no record raise
    `max_share`, with the reason in a comment.

    Args:
        name: The contract's name.
        path: A file, plain or compressed.
        header_row: The line that names the columns; None: to be found.
        encoding: How its text is encoded; None: to be found.
        sheet: The sheet of a workbook; None: the first that is not hidden.

    Raises:
        NotTabular: No contract loads the file.
    """
    guesses = guess(path, header_row, encoding, sheet)
    for _ in range(_ROUNDS):
        text, proof = _proved(name, path, contract_text(name, guesses, path.name))
        if not (failed := _unforeseen(proof, guesses)):
            break
        why = "The cleaner rejected values under the type that was guessed first."
        guesses = guesses.with_columns(
            [column.as_text(why) if column.name in failed else column for column in guesses.columns]
        )
    if proof.widest > ROW_BYTES:
        raise NotTabular(
            f"{path}: a row of {len(guesses.columns):,} columns has about {proof.widest:,} bytes, and Postgres keeps "
            f"{ROW_BYTES:,} in one place — split the file, {HELP}"
        )
    if _unforeseen(proof, guesses) or proof.share > _MOST_REJECTED:
        raise NotTabular(
            f"{path}: {_rejected(proof)} of the file would be rejected: {'; '.join(proof.first)} — "
            f"correct these lines or the header, say which line the header is on with --header-row, {HELP}"
        )
    if proof.counts.rejected:
        share = max(0.05, math.ceil(proof.share * 100) / 100)
        verb = "is" if proof.counts.rejected == 1 else "are"
        why = f"{_rejected(proof)} of {path.name} {verb} rejected: {'; '.join(proof.first)}."
        text = contract_text(name, guesses, path.name, share, why)
    return text, proof


def _unforeseen(proof: Proof, guesses: Guesses) -> set[str]:
    """Return the columns of which the proof rejects more values than the guess."""
    return {column.name for column in guesses.columns if proof.columns[column.name] > column.rejected}


def _rejected(proof: Proof) -> str:
    return f"{proof.counts.rejected:,} of {rows_of(proof.counts.rows)}"


def _proved(name: str, path: Path, text: str) -> tuple[str, Proof]:
    try:
        return text, prove(parse(text, Contract, f"contracts/{name}.yaml"), path)
    except ConfigError as error:
        raise NotTabular(f"{path}: no contract can take it: {error}, {HELP}") from error
    except StepFailure as failure:
        raise NotTabular(f"{failure.message} — {failure.remedy}, {HELP}") from failure
