"""Rejected rows as files again, each with its header; and what becomes of them in the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg import sql

from medallion.cleaner import kept
from medallion.cleaner.formats.fixed_width import cut
from medallion.cleaner.quotes import quoted
from medallion.cleaner.table import Table
from medallion.config.contract import Contract
from medallion.config.dialect import Dialect
from medallion.config.format import Format
from medallion.config.formats import parse_format
from medallion.config.formats.fixed_width import FixedWidthDialect
from medallion.config.formats.jsonl import JsonlDialect
from medallion.config.sources.csv import LocalFile
from medallion.config.sources.stream import Input, Inputs
from medallion.errors import Misconfigured, StepFailure
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.rejects import hash_joins


class Quarantined:
    """The rows of a run that can be loaded again. All methods run in the caller's transaction.

    Args:
        connection: To the warehouse.
        step: The step and run that load them.
        run_id: The run that rejected them.
        build: The build that readers see. Rows of a file that a later run loaded again are left out.
    """

    def __init__(self, connection: Connection, step: StepRun, run_id: str, build: str) -> None:
        self._connection, self._step, self._run_id = connection, step, run_id
        self._names = {
            "pipeline": step.pipeline, "step": step.step, "run": run_id, "replay": step.run_id, "build": build
        }  # fmt: skip
        self._rows = 0

    def read(self, contract: Contract, folder: Path) -> tuple[Contract, Inputs]:
        """Write the records to files; return the contract that reads them, and the files.

        Raises:
            Misconfigured: There are none.
        """
        self._rows = self._connection.execute(_CHOOSE, self._names).rowcount
        headers = self._connection.execute(_HEADERS, self._names).fetchall()
        if not headers:
            raise Misconfigured(
                f"no rejected rows of run {self._run_id} can be loaded again: the quarantine has none as whole records",
                f"see `medallion rejects {self._step.pipeline}`, and name a file of corrected rows with --input",
            )
        inputs: list[Input] = []
        terms: dict[str, Any] = {}
        for number, (source, header, written) in enumerate(headers):
            form = _KeptForm(parse_format(written))  # type: ignore[arg-type]
            terms = form.terms
            file = folder / str(number)
            self._write(file, str(source), header, form)  # type: ignore[arg-type]
            inputs.append(LocalFile(file, str(source)))
        label = f"{self._rows:,} rejected rows of run {self._run_id}"
        return contract.model_copy(update={"encoding": None, **terms}), Inputs(label, inputs)

    def restore_lines(self, stage: Table) -> None:
        """Give rows that were read, and those that were rejected again, the lines of the original files."""
        of_file = sql.SQL("and row._file = chosen.source" if stage.with_file else "")
        self._connection.execute(
            sql.SQL("update {} as row set _line = chosen.line from chosen where row._line = chosen.place {}").format(
                stage.name, of_file
            )
        )
        with hash_joins(self._connection):
            self._connection.execute(_RESTORE_REJECTED, self._names)
        kept.forget(self._connection, self._step)  # they are there already, under the run that rejected them first

    def settle(self, stage: Table, rows: int) -> None:
        """Mark the rows that are loaded now, and give the others the reasons that they have now.

        Raises:
            StepFailure: A row is neither loaded nor rejected.
        """
        if rows != self._rows:
            raise StepFailure(f"{self._rows} rows were replayed and {rows} were read", "please report this")
        of_file = sql.SQL("and row._file = chosen.source" if stage.with_file else "")
        query = "update chosen set loaded = true from {} as row where row._line = chosen.line {}"
        self._connection.execute(sql.SQL(query).format(stage.name, of_file))
        with hash_joins(self._connection):
            for statement in _SETTLE:
                self._connection.execute(statement, self._names)

    def _write(self, file: Path, source: str, header: Sequence[str], form: _KeptForm) -> None:
        above = form.heading(header)
        query = "select record from chosen where source = %s order by line"
        with file.open("w", encoding="utf-8", newline="") as output, self._connection.cursor("records") as cursor:
            output.write(above)
            for (record,) in cursor.execute(query, (source,)):
                output.write(f"{form.written(str(record))}\n")
        move = "update chosen set place = place + %s where source = %s"
        self._connection.execute(move, (above.count("\n"), source))


class _KeptForm:
    """How kept records are written to a file, and the terms of the contract that reads it."""

    def __init__(self, kept_as: Format) -> None:
        self._kept_as, self._dialect = kept_as, Dialect()
        self.terms: dict[str, Any] = {"dialect": self._dialect}
        if isinstance(kept_as, Dialect):
            terms = kept_as.model_dump(by_alias=True, exclude_unset=True)
            self._dialect = Dialect.model_validate({key: term for key, term in terms.items() if key in _OF_RECORDS})
            self.terms = {"dialect": self._dialect}
        elif isinstance(kept_as, JsonlDialect):
            # An object may leave out a key that others of its file have.
            self.terms = {"dialect": JsonlDialect(format="jsonl"), "missing_columns": "null"}

    def heading(self, header: Sequence[str]) -> str:
        """Return what stands above the records."""
        if isinstance(self._kept_as, JsonlDialect):
            return ""
        return self._joined(header) + "\n"

    def written(self, record: str) -> str:
        """Return a record as the file has it: as it was, or of fixed widths as CSV, as its header may have others."""
        if isinstance(self._kept_as, FixedWidthDialect):
            return self._joined(cut(record, self._kept_as.widths))
        return record

    def _joined(self, values: Sequence[str]) -> str:
        return self._dialect.delimiter.join(quoted(value, self._dialect) for value in values)


_OF_RECORDS = {
    "delimiter", "quoteChar", "doubleQuote", "escapeChar", "skipInitialSpace", "strayQuotes", "shortRows", "longRows"
}  # fmt: skip
"""What a dialect says of records. What it says of lines is done: each record is a line of the new file."""
_CHOOSE = """
    create temporary table chosen on commit drop as
    select source, line, record, row_number() over (partition by source order by line) as place, false as loaded
    from medallion.rejected_records as kept
    where pipeline = %(pipeline)s and step = %(step)s and run_id = %(run)s and replayed_by is null and not exists (
        select from medallion.load_state
        where build_schema = %(build)s and name = kept.source and run_id <> %(run)s)
"""
_HEADERS = """
    select source, header, dialect from medallion.rejected_headers
    where pipeline = %(pipeline)s and step = %(step)s and run_id = %(run)s and source in (select source from chosen)
    order by source collate "C"
"""
_RESTORE_REJECTED = """
    update medallion.rejected_rows as row set line = chosen.line from chosen
    where pipeline = %(pipeline)s and step = %(step)s and run_id = %(replay)s
        and row.source = chosen.source and row.line = chosen.place
"""
_SETTLE = (
    """delete from medallion.rejected_rows as old using chosen
       where pipeline = %(pipeline)s and step = %(step)s and run_id = %(run)s
           and old.source = chosen.source and old.line = chosen.line and not loaded""",
    """update medallion.rejected_rows set run_id = %(run)s
       where pipeline = %(pipeline)s and step = %(step)s and run_id = %(replay)s""",
    """update medallion.rejected_records as old set replayed_by = %(replay)s from chosen
       where pipeline = %(pipeline)s and step = %(step)s and run_id = %(run)s
           and old.source = chosen.source and old.line = chosen.line and loaded""",
)
