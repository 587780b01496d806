"""The table that a contract describes, in Postgres: created in a build schema, and filled."""

from __future__ import annotations

from collections.abc import Sequence
from csv import reader
from io import StringIO

import polars as pl
import psycopg
from psycopg import sql

from medallion.cleaner import kept
from medallion.cleaner.clean import REJECT_COLUMNS, to_csv
from medallion.cleaner.lines import MAX_SHOWN
from medallion.config.contract import Contract
from medallion.config.field import MAX_DIGITS, ContractField
from medallion.errors import BadInput
from medallion.sqlstate import limit_in
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

_TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
}


class Table:
    """A table of a contract. All methods run in the caller's transaction.

    Attributes:
        rows: How many rows Postgres says are in it.
        held: The table of the session's own with the rows whose key an earlier row may have; None: there are none.

    Args:
        connection: The connection whose transaction made the schema.
        schema: The build schema, or that of the session's own tables.
        contract: What the table holds.
        step: Whose rejects go to the quarantine.
        source: The input's name, for the quarantine.
        with_file: Whether rows record which of several inputs they are from.
        freeze: Whether the transaction that fills the table has made it.
    """

    def __init__(
        self,
        connection: Connection,
        schema: str,
        contract: Contract,
        step: StepRun,
        source: str,
        *,
        with_file: bool = False,
        freeze: bool = True,
    ) -> None:
        self.connection, self.step, self.source, self.with_file = connection, step, source, with_file
        self.contract = contract
        self.name = sql.Identifier(schema, contract.table.split(".")[1])
        self.key = contract.primary_key
        self.key_columns = sql.SQL(", ").join(map(sql.Identifier, self.key))
        self.filled = [field.name for field in contract.fields if field.derive is None or not field.derive.multiply]
        self.columns = [*self.filled, *(("_file",) if with_file else ()), "_line"]
        self.rows = 0
        self.held: sql.Identifier | None = None
        self._columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        # FREEZE: the rows need no visit by vacuum, as no session can see the table before this transaction ends.
        options = sql.SQL("format csv, freeze" if freeze else "format csv")
        self._copy = sql.SQL("copy {} ({}) from stdin with ({})").format(self.name, self._columns, options)

    def create(self) -> None:
        """Make the table, with comments from the contract."""
        columns: list[sql.Composable] = [_definition(field) for field in self.contract.fields]
        if self.with_file:
            columns.append(sql.SQL("_file text not null"))
        columns.append(sql.SQL("_line bigint not null"))
        self.connection.execute(sql.SQL("create table {} ({})").format(self.name, sql.SQL(", ").join(columns)))
        comment = self.contract.description or self.contract.title
        if comment:
            self._comment(sql.SQL("table"), self.name, comment)
        for field in self.contract.fields:
            if field.description or field.title:
                column = sql.SQL(".").join([self.name, sql.Identifier(field.name)])
                self._comment(sql.SQL("column"), column, field.description or field.title)

    def copy(self, csv: bytes) -> None:
        """Append rows in Postgres' CSV."""
        self.rows += self._send(self._copy, csv)

    def hold(self, csv: bytes) -> None:
        """Keep rows apart until the key is added, in Postgres' CSV."""
        if not csv:
            return
        if self.held is None:
            self.held = sql.Identifier("pg_temp", "medallion_held")
            query = "create temporary table {} (like {} including defaults including generated) on commit drop"
            self.connection.execute(sql.SQL(query).format(sql.Identifier("medallion_held"), self.name))
        self._send(sql.SQL("copy {} ({}) from stdin with (format csv)").format(self.held, self._columns), csv)

    def take_held(self) -> None:
        """Add the rows that were kept apart."""
        if self.held is not None:
            self.insert_from(self.held)
            self.connection.execute(sql.SQL("drop table {}").format(self.held))
            self.held = None

    def insert_from(self, other: sql.Identifier) -> int:
        """Add the rows of a table with the same columns; return their number."""
        query = sql.SQL("insert into {} ({}) select {} from {}").format(self.name, self._columns, self._columns, other)
        rows = self.connection.execute(query).rowcount
        self.rows += rows
        return rows

    def forget_quarantine(self, files: Sequence[str] | None = None) -> None:
        """Remove what an earlier attempt of this run rejected: all, or the rows of some files."""
        self.connection.execute(
            """delete from medallion.rejected_rows where pipeline = %s and run_id = %s and step = %s
                   and source = any(coalesce(%s::text[], array[source]))""",
            (self.step.pipeline, self.step.run_id, self.step.step, None if files is None else list(files)),
        )
        kept.forget(self.connection, self.step, files)

    def remove_files(self, files: Sequence[str]) -> None:
        """Remove the rows of files, and what was rejected of them."""
        if files:
            self.connection.execute(sql.SQL("delete from {} where _file = any(%s)").format(self.name), (list(files),))
            self.forget_quarantine(files)

    def count(self) -> None:
        """Count the rows that are really there, which other transactions may have brought."""
        (rows,) = self.connection.execute(sql.SQL("select count(*) from {}").format(self.name)).fetchone() or (0,)
        self.rows = int(rows)  # type: ignore[call-overload]

    def count_by_file(self) -> dict[str, int]:
        """Count the rows of each file that are really there."""
        query = sql.SQL("select _file, count(*) from {} group by _file").format(self.name)
        return {str(file): int(rows) for file, rows in self.connection.execute(query).fetchall()}  # type: ignore[call-overload]

    def quarantine(self, rejects: pl.DataFrame, source: str) -> None:
        """Keep rejected rows of an input with their reasons: a frame of `REJECT_COLUMNS`."""
        if rejects.is_empty():
            return  # of a small file it would take a fifth of the time
        whose = {"pipeline": self.step.pipeline, "run_id": self.step.run_id, "step": self.step.step, "source": source}
        named = rejects.select(
            **{name: pl.lit(value) for name, value in whose.items()},
            **{name: name for name in REJECT_COLUMNS if name != "record"},
            record=pl.col("record").str.head(MAX_SHOWN),
        )
        columns = sql.SQL(", ").join(map(sql.Identifier, named.columns))
        self._send(
            sql.SQL("copy medallion.rejected_rows ({}) from stdin with (format csv)").format(columns), to_csv(named)
        )
        kept.keep_records(self.connection, self.step, source, rejects)

    def drop(self) -> None:
        """Drop the table."""
        self.connection.execute(sql.SQL("drop table {}").format(self.name))

    def analyze(self) -> None:
        """Gather statistics, so that the first query after the load has a plan."""
        self.connection.execute(sql.SQL("analyze {}").format(self.name))

    def _send(self, copy_statement: sql.Composed, csv: bytes) -> int:
        """Return how many rows Postgres took."""
        if not csv:
            return 0
        cursor = self.connection.cursor()
        try:
            with cursor.copy(copy_statement) as copy:
                copy.write(csv)
        except psycopg.errors.ProgramLimitExceeded as error:
            raise refused_row(error, csv) from error
        return cursor.rowcount

    def _comment(self, kind: sql.SQL, name: sql.Composable, text: str) -> None:
        statement = sql.SQL("comment on {} {} is {}").format(kind, name, sql.Literal(text.strip()))
        self.connection.execute(statement)


def refused_row(error: psycopg.Error, csv: bytes) -> BadInput:
    """Return the failure for rows of which Postgres cannot keep one, with the line of the widest.

    Postgres moves long values out of a row and keeps 18 bytes for each. It finds a row too wide when it
    writes several, so it cannot say which it is.
    """
    message = error.diag.message_primary or str(error)
    widest = max(reader(StringIO(csv.decode())), key=lambda row: sum(min(len(value), 18) for value in row))
    limit = f"{limit}: " if (limit := limit_in(message)) else ""
    return BadInput(
        f"line {widest[-1]}: Postgres cannot keep the row: {limit}{message}",
        "shorten the row's values, or load fewer columns",
    )


def _definition(field: ContractField) -> sql.Composed:
    kind = _TYPES[field.type]
    if field.decimals is not None:
        kind = f"numeric({MAX_DIGITS}, {field.decimals})"
    parts: list[sql.Composable] = [sql.Identifier(field.name)]
    if field.derive is not None and field.derive.multiply:
        # Exact, by the database: the product of what it stored, with all its decimals.
        product = sql.SQL(" * ").join(
            sql.SQL("{}::numeric").format(sql.Identifier(name)) for name in field.derive.multiply
        )
        parts.append(sql.SQL("numeric generated always as ({}) stored").format(product))
    else:
        parts.append(sql.SQL(kind))
    if field.constraints.required:
        parts.append(sql.SQL("not null"))
    return sql.SQL(" ").join(parts)
