"""Keys that no index takes: a B-tree entry has at most 2,704 bytes, after Postgres has compressed it."""

from __future__ import annotations

from psycopg import sql

from medallion.cleaner.table import Table

REASON = "is too long: a key may have about 2,700 bytes"
_SHORT_ENOUGH = 2000
"""Bytes of text that fit whatever they are, next to the other columns of the key."""


def move_long_keys(table: Table) -> dict[str, int]:
    """Move the rows whose key no index takes to the quarantine.

    How far a value compresses decides, so each that may be too long is tried in an index of its own.

    Returns:
        The number of rows moved, by reason.
    """
    length = sql.SQL(" + ").join(
        sql.SQL("coalesce(octet_length({}::text), 0)").format(sql.Identifier(name)) for name in table.key
    )
    connection, names = table.connection, {"key": table.key_columns, "table": table.name}
    connection.execute("create temporary table medallion_long_keys (place tid) on commit drop")
    probe = "create temporary table medallion_probe on commit drop as select {key} from {table} limit 0"
    connection.execute(sql.SQL(probe).format(**names))
    connection.execute(sql.SQL("create index on medallion_probe ({key})").format(**names))
    tried = sql.SQL(
        """
        declare one record; begin
            for one in select ctid as place from {table} where {length} > {enough} loop
                begin
                    insert into medallion_probe select {key} from {table} where ctid = one.place;
                exception when program_limit_exceeded then
                    insert into medallion_long_keys values (one.place);
                end;
            end loop;
        end
        """
    ).format(length=length, enough=sql.Literal(_SHORT_ENOUGH), **names)
    connection.execute(sql.SQL("do {}").format(sql.Literal(tried.as_string(connection))))
    rows = connection.execute(
        sql.SQL(
            """
            with gone as (
                delete from {table} using medallion_long_keys where {table}.ctid = place
                returning _line, {source} as source, left(concat_ws(', ', {key}), 1000) as key_value),
            kept as (
                insert into medallion.rejected_rows (pipeline, run_id, step, source, line, column_name, value, reason)
                select %s, %s, %s, source, _line, %s, key_value, %s from gone
                returning column_name || ' ' || reason as reason)
            select reason, count(*) from kept group by reason
            """
        ).format(source=sql.SQL("_file") if table.with_file else sql.Literal(table.source), **names),
        (table.step.pipeline, table.step.run_id, table.step.step, ", ".join(table.key), REASON),
    ).fetchall()
    connection.execute("drop table medallion_long_keys, medallion_probe")
    if rows:
        # An index holds what its own transaction deleted too: the table is written again without it.
        rewrite = "alter table {table} alter column _line type bigint using _line + 0"
        connection.execute(sql.SQL(rewrite).format(**names))
    return {str(reason): int(count) for reason, count in rows}  # type: ignore[call-overload]
