"""The table that a contract describes, in Postgres: made beside what readers see, filled, keyed."""

from __future__ import annotations

import polars as pl
import psycopg
from psycopg import sql

from medallion.spec.contract import Contract, ContractField
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun
from medallion_cleaner.clean import REJECT_COLUMNS, to_csv

_TYPES = {"string": "text", "integer": "bigint", "boolean": "boolean", "date": "date", "datetime": "timestamp"}


class Table:
    """A table in a build schema. All methods run in the caller's transaction.

    Args:
        connection: The connection whose transaction made the build schema.
        schema: The build schema.
        contract: What the table holds.
        step: Whose rejects go to the quarantine.
        source: The input's name, for the quarantine.
    """

    def __init__(self, connection: Connection, schema: str, contract: Contract, step: StepRun, source: str) -> None:
        self._connection, self._contract = connection, contract
        self._whose = (step.pipeline, step.run_id, step.step, source)
        self._name = sql.Identifier(schema, contract.table.split(".")[1])
        filled = [field.name for field in contract.fields if field.derive is None or not field.derive.multiply]
        columns = sql.SQL(", ").join(map(sql.Identifier, [*filled, "_line"]))
        # FREEZE: the rows need no visit by vacuum, as nobody can see the table before this transaction ends.
        self._copy = sql.SQL("copy {} ({}) from stdin with (format csv, freeze)").format(self._name, columns)

    def create(self) -> None:
        """Makes the table, with comments from the contract."""
        columns: list[sql.Composable] = [_definition(field) for field in self._contract.fields]
        columns.append(sql.SQL("_line bigint not null"))
        self._connection.execute(sql.SQL("create table {} ({})").format(self._name, sql.SQL(", ").join(columns)))
        comment = self._contract.description or self._contract.title
        if comment:
            self._comment(sql.SQL("table"), self._name, comment)
        for field in self._contract.fields:
            if field.description or field.title:
                column = sql.SQL(".").join([self._name, sql.Identifier(field.name)])
                self._comment(sql.SQL("column"), column, field.description or field.title)

    def copy(self, csv: bytes) -> None:
        """Appends rows in Postgres' CSV."""
        self._send(self._copy, csv)

    def forget_quarantine(self) -> None:
        """Removes what an earlier attempt of this run rejected."""
        self._connection.execute(
            "delete from medallion.rejected_rows where pipeline = %s and run_id = %s and step = %s",
            self._whose[:3],
        )

    def quarantine(self, rejects: pl.DataFrame) -> None:
        """Keeps rejected rows with their reasons: a frame of `REJECT_COLUMNS`."""
        whose = zip(("pipeline", "run_id", "step", "source"), self._whose, strict=True)
        named = rejects.select(**{name: pl.lit(value) for name, value in whose}, **{n: n for n in REJECT_COLUMNS})
        columns = sql.SQL(", ").join(map(sql.Identifier, named.columns))
        self._send(
            sql.SQL("copy medallion.rejected_rows ({}) from stdin with (format csv)").format(columns), to_csv(named)
        )

    def add_key(self) -> dict[str, int]:
        """Adds the primary key; rows that repeat an earlier line's key go to the quarantine first.

        Returns:
            The number of rows moved, by reason.
        """
        if not self._contract.primary_key:
            return {}
        try:
            with self._connection.transaction():
                self._add_key()
        except psycopg.errors.UniqueViolation:
            moved = self._move_repeats()
            self._add_key()
            return moved
        return {}

    def count(self) -> int:
        """Rows that are really there."""
        (rows,) = self._connection.execute(sql.SQL("select count(*) from {}").format(self._name)).fetchone() or (0,)
        return int(rows)  # type: ignore[call-overload, no-any-return]

    def analyze(self) -> None:
        """Gathers statistics, so that the first query after the load has a plan."""
        self._connection.execute(sql.SQL("analyze {}").format(self._name))

    def _send(self, copy_statement: sql.Composed, csv: bytes) -> None:
        if csv:
            with self._connection.cursor().copy(copy_statement) as copy:
                copy.write(csv)

    def _key(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self._contract.primary_key))

    def _add_key(self) -> None:
        self._connection.execute(sql.SQL("alter table {} add primary key ({})").format(self._name, self._key()))

    def _move_repeats(self) -> dict[str, int]:
        names = [field.name for field in self._contract.fields]
        row = sql.SQL("row({})").format(sql.SQL(", ").join(map(sql.Identifier, names)))
        shown = sql.SQL("concat_ws(', ', {})").format(self._key())
        query = sql.SQL(
            """
            with numbered as (
                select ctid as place, _line, {shown} as key_value, {row}::text as content,
                    row_number() over same_key as occurrence,
                    first_value(_line) over same_key as first_line,
                    first_value({row}::text) over same_key as first_content
                from {table}
                -- only rows that share a key are sorted: a file of millions has few of them
                where ({key}) in (select {key} from {table} group by {key} having count(*) > 1)
                window same_key as (partition by {key} order by _line)),
            repeats as (select * from numbered where occurrence > 1),
            gone as (delete from {table} as t using repeats where t.ctid = repeats.place),
            kept as (
                insert into medallion.rejected_rows
                    (pipeline, run_id, step, source, line, column_name, value, reason, record)
                select %s, %s, %s, %s, _line, %s, key_value,
                    case when content = first_content then 'repeats an earlier row'
                        else 'is the key of an earlier row with other values' end,
                    'the earlier row is line ' || first_line
                from repeats returning column_name || ' ' || reason as reason)
            select reason, count(*) from kept group by reason
            """
        ).format(shown=shown, row=row, table=self._name, key=self._key())
        rows = self._connection.execute(query, (*self._whose, ", ".join(self._contract.primary_key))).fetchall()
        return {str(reason): int(count) for reason, count in rows}  # type: ignore[call-overload]

    def _comment(self, kind: sql.SQL, name: sql.Composable, text: str) -> None:
        statement = sql.SQL("comment on {} {} is {}").format(kind, name, sql.Literal(text.strip()))
        self._connection.execute(statement)


def _definition(field: ContractField) -> sql.Composed:
    kind = f"numeric({12 + field.decimals}, {field.decimals})" if field.type == "number" else _TYPES[field.type]
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
