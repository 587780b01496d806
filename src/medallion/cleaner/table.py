"""The table that a contract describes, in Postgres: made beside what readers see, filled, keyed."""

from __future__ import annotations

from csv import reader
from io import StringIO

import polars as pl
import psycopg
from psycopg import sql

from medallion.cleaner.clean import REJECT_COLUMNS, to_csv
from medallion.cleaner.long_keys import move_long_keys
from medallion.config.contract import Contract
from medallion.config.field import MAX_DIGITS, ContractField
from medallion.errors import BadInput
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.sqlstate import limit_in

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

    Args:
        connection: The connection whose transaction made the schema.
        schema: The build schema, or that of the session's own tables.
        contract: What the table holds.
        step: Whose rejects go to the quarantine.
        source: The input's name, for the quarantine.
        with_file: Whether rows tell which of several inputs they are from.
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
    ) -> None:
        self.connection, self.step, self.source, self.with_file = connection, step, source, with_file
        self._contract = contract
        self.name = sql.Identifier(schema, contract.table.split(".")[1])
        self.key = contract.primary_key
        self.filled = [field.name for field in contract.fields if field.derive is None or not field.derive.multiply]
        self.columns = [*self.filled, *(("_file",) if with_file else ()), "_line"]
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        # FREEZE: the rows need no visit by vacuum, as no session can see the table before this transaction ends.
        self._copy = sql.SQL("copy {} ({}) from stdin with (format csv, freeze)").format(self.name, columns)

    def create(self) -> None:
        """Make the table, with comments from the contract."""
        columns: list[sql.Composable] = [_definition(field) for field in self._contract.fields]
        if self.with_file:
            columns.append(sql.SQL("_file text not null"))
        columns.append(sql.SQL("_line bigint not null"))
        self.connection.execute(sql.SQL("create table {} ({})").format(self.name, sql.SQL(", ").join(columns)))
        comment = self._contract.description or self._contract.title
        if comment:
            self._comment(sql.SQL("table"), self.name, comment)
        for field in self._contract.fields:
            if field.description or field.title:
                column = sql.SQL(".").join([self.name, sql.Identifier(field.name)])
                self._comment(sql.SQL("column"), column, field.description or field.title)

    def copy(self, csv: bytes) -> None:
        """Append rows in Postgres' CSV."""
        self._send(self._copy, csv)

    def forget_quarantine(self) -> None:
        """Remove what an earlier attempt of this run rejected."""
        self.connection.execute(
            "delete from medallion.rejected_rows where pipeline = %s and run_id = %s and step = %s",
            (self.step.pipeline, self.step.run_id, self.step.step),
        )

    def quarantine(self, rejects: pl.DataFrame, source: str) -> None:
        """Keep rejected rows of an input with their reasons: a frame of `REJECT_COLUMNS`."""
        whose = {"pipeline": self.step.pipeline, "run_id": self.step.run_id, "step": self.step.step, "source": source}
        named = rejects.select(
            **{name: pl.lit(value) for name, value in whose.items()}, **{n: n for n in REJECT_COLUMNS}
        )
        columns = sql.SQL(", ").join(map(sql.Identifier, named.columns))
        self._send(
            sql.SQL("copy medallion.rejected_rows ({}) from stdin with (format csv)").format(columns), to_csv(named)
        )

    def add_key(self, *, keep_last: bool = False) -> dict[str, int]:
        """Add the primary key; rows that repeat another row's, or whose key is too long, go to the quarantine first.

        Args:
            keep_last: Which row of a key stays: the last one read, or the first.

        Returns:
            The number of rows moved, by reason.
        """
        if not self.key:
            return {}
        try:
            with self.connection.transaction():
                self._add_key()
        except psycopg.errors.UniqueViolation:
            moved = self._move_repeats(keep_last)
        except psycopg.errors.ProgramLimitExceeded:
            moved = move_long_keys(self)
            if not moved:
                raise
        else:
            return {}
        return {**moved, **self.add_key(keep_last=keep_last)}

    def count(self) -> int:
        """Count the rows that are really there."""
        (rows,) = self.connection.execute(sql.SQL("select count(*) from {}").format(self.name)).fetchone() or (0,)
        return int(rows)  # type: ignore[call-overload, no-any-return]

    def drop(self) -> None:
        """Drop the table."""
        self.connection.execute(sql.SQL("drop table {}").format(self.name))

    def analyze(self) -> None:
        """Gather statistics, so that the first query after the load has a plan."""
        self.connection.execute(sql.SQL("analyze {}").format(self.name))

    def _send(self, copy_statement: sql.Composed, csv: bytes) -> None:
        if csv:
            try:
                with self.connection.cursor().copy(copy_statement) as copy:
                    copy.write(csv)
            except psycopg.errors.ProgramLimitExceeded as error:
                raise refused_row(error, csv) from error

    def _key(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.key))

    def _add_key(self) -> None:
        self.connection.execute(sql.SQL("alter table {} add primary key ({})").format(self.name, self._key()))

    def _move_repeats(self, keep_last: bool) -> dict[str, int]:
        names = [field.name for field in self._contract.fields]
        direction = sql.SQL(" desc" if keep_last else "")
        order = [sql.SQL("_line") + direction]
        if self.with_file:
            order.insert(0, sql.SQL('_file collate "C"') + direction)
        query = sql.SQL(
            """
            with numbered as (
                select ctid as place, _line, {source} as source, {shown} as key_value, {row}::text as content,
                    row_number() over same_key as occurrence,
                    first_value(_line {of_file}) over same_key as first_line,
                    first_value({row}::text) over same_key as first_content
                from {table}
                -- only rows that share a key are sorted: a file of millions has few of them
                where ({key}) in (select {key} from {table} group by {key} having count(*) > 1)
                window same_key as (partition by {key} order by {order})),
            repeats as (select * from numbered where occurrence > 1),
            gone as (delete from {table} as t using repeats where t.ctid = repeats.place),
            kept as (
                insert into medallion.rejected_rows
                    (pipeline, run_id, step, source, line, column_name, value, reason, record)
                select %s, %s, %s, source, _line, %s, key_value,
                    case when %s then 'is replaced by a later row'
                        when content = first_content then 'repeats an earlier row'
                        else 'is the key of an earlier row with other values' end,
                    %s || first_line
                from repeats returning column_name || ' ' || reason as reason)
            select reason, count(*) from kept group by reason
            """
        ).format(
            source=sql.SQL("_file") if self.with_file else sql.Literal(self.source),
            shown=sql.SQL("concat_ws(', ', {})").format(self._key()),
            row=sql.SQL("row({})").format(sql.SQL(", ").join(map(sql.Identifier, names))),
            of_file=sql.SQL("|| ' of ' || _file" if self.with_file else ""),
            table=self.name, key=self._key(), order=sql.SQL(", ").join(order),
        )  # fmt: skip
        whose = (self.step.pipeline, self.step.run_id, self.step.step, ", ".join(self.key))
        place = f"the {'later' if keep_last else 'earlier'} row is line "
        rows = self.connection.execute(query, (*whose, keep_last, place)).fetchall()
        return {str(reason): int(count) for reason, count in rows}  # type: ignore[call-overload]

    def _comment(self, kind: sql.SQL, name: sql.Composable, text: str) -> None:
        statement = sql.SQL("comment on {} {} is {}").format(kind, name, sql.Literal(text.strip()))
        self.connection.execute(statement)


def refused_row(error: psycopg.Error, csv: bytes) -> BadInput:
    """Return the failure for rows of which Postgres cannot keep one, with the line of the widest.

    Postgres moves long values out of a row and keeps 18 bytes for each. It finds a row too wide when it
    writes several, so it cannot say which it is.
    """
    said = error.diag.message_primary or str(error)
    widest = max(reader(StringIO(csv.decode())), key=lambda row: sum(min(len(value), 18) for value in row))
    limit = f"{limit}: " if (limit := limit_in(said)) else ""
    return BadInput(
        f"line {widest[-1]}: Postgres cannot keep the row: {limit}{said}",
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
