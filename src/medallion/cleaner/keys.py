"""The primary key: Postgres adds it once the rows that break it, or that no index takes, are in the quarantine."""

from __future__ import annotations

import psycopg
from psycopg import sql

from medallion.cleaner.long_keys import move_long_keys
from medallion.cleaner.table import Table
from medallion.config.contract import DuplicateKeys


def add_key(table: Table, keep: DuplicateKeys) -> dict[str, int]:
    """Add the contract's primary key to a table, if there is one, and the rows that were held back.

    Args:
        table: The filled table.
        keep: Which row of a key stays: the first one read, the last, or none if there are several.

    Returns:
        The number of rows moved to the quarantine, by reason.
    """
    if not table.key:
        return {}
    before = table.rows, table.held
    try:
        with table.connection.transaction():
            table.connection.execute(
                sql.SQL("alter table {} add primary key ({})").format(table.name, table.key_columns)
            )
            return _settle_held(table, keep)
    except psycopg.errors.UniqueViolation:
        # The database finds texts equal that are not the same, such as 1 and 1.0.
        table.rows, table.held = before
        table.take_held()
        moved = _move_repeats(table, keep, _SAME_KEY)
    except psycopg.errors.ProgramLimitExceeded:
        table.rows, table.held = before
        table.take_held()
        moved = move_long_keys(table)
        table.rows -= sum(moved.values())
        if not moved:
            raise
    return {**moved, **add_key(table, keep)}


_SAME_KEY = sql.SQL(
    # only rows that share a key are sorted: a file of millions has few of them
    """select true as loaded, ctid as place, * from {table}
       where ({key}) in (select {key} from {table} group by {key} having count(*) > 1)"""
)
_HELD = sql.SQL(
    """select true as loaded, ctid as place, * from {table} where ({key}) in (select {key} from {held})
       union all select false, ctid, * from {held}"""
)


def _settle_held(table: Table, keep: DuplicateKeys) -> dict[str, int]:
    if table.held is None:
        return {}
    moved = _move_repeats(table, keep, _HELD)
    table.take_held()
    return moved


def _move_repeats(table: Table, keep: DuplicateKeys, candidates: sql.SQL) -> dict[str, int]:
    """Move rows that repeat a key to the quarantine, of the table and of what was held back."""
    names = [field.name for field in table.contract.fields]
    direction = sql.SQL(" desc" if keep == "keep_last" else "")
    order = [sql.SQL("_line") + direction]
    if table.with_file:
        order.insert(0, sql.SQL('_file collate "C"') + direction)
    held = table.held or table.name
    query = sql.SQL(
        """
        with candidates as ({candidates}),
        numbered as (
            select loaded, place, _line, {source} as source, {shown} as key_value,
                hash_record_extended({row}, 0) as content,
                row_number() over same_key as occurrence,
                first_value(_line {of_file}) over same_key as first_line,
                lead(_line {of_file}) over same_key as next_line,
                first_value(hash_record_extended({row}, 0)) over same_key as first_content,
                count(*) over (partition by {key}) as rows
            from candidates window same_key as (partition by {key} order by {order})),
        repeats as (select * from numbered where occurrence > 1 or ({all} and rows > 1)),
        gone as (delete from {table} as t using repeats where loaded and t.ctid = repeats.place returning 1),
        gone_held as (delete from {held} as t using repeats where not loaded and t.ctid = repeats.place),
        kept as (
            insert into medallion.rejected_rows
                (pipeline, run_id, step, source, line, column_name, value, reason, record)
            select %s, %s, %s, source, _line, %s, key_value,
                case when {last} then 'is replaced by a later row'
                    when occurrence = 1 then 'is the key of a later row too'
                    when content = first_content then 'repeats an earlier row'
                    else 'is the key of an earlier row with other values' end,
                case when occurrence = 1 then 'the later row is line ' || next_line
                    else {place} || first_line end
            from repeats returning column_name || ' ' || reason as reason)
        select reason, count(*), (select count(*) from gone) from kept group by reason
        """
    ).format(
        candidates=candidates.format(table=table.name, key=table.key_columns, held=held),
        source=sql.SQL("_file") if table.with_file else sql.Literal(table.source),
        shown=sql.SQL("concat_ws(', ', {})").format(table.key_columns),
        row=sql.SQL("row({})").format(sql.SQL(", ").join(map(sql.Identifier, names))),
        of_file=sql.SQL("|| ' of ' || _file" if table.with_file else ""),
        all=sql.Literal(keep == "reject_all"), last=sql.Literal(keep == "keep_last"),
        place=sql.Literal(f"the {'later' if keep == 'keep_last' else 'earlier'} row is line "),
        table=table.name, held=held, key=table.key_columns, order=sql.SQL(", ").join(order),
    )  # fmt: skip
    whose = (table.step.pipeline, table.step.run_id, table.step.step, ", ".join(table.key))
    rows = table.connection.execute(query, whose).fetchall()
    table.rows -= int(rows[0][2]) if rows else 0  # type: ignore[call-overload]
    return {str(reason): int(count) for reason, count, _ in rows}  # type: ignore[call-overload]
