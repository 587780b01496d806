"""New rows meet the rows that are there: what repeats a key is rejected, or takes the earlier row's place."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from medallion.cleaner.table import Table


class Merge:
    """Brings the rows of a stage into the table that grows. All methods run in the caller's transaction.

    Args:
        stage: New rows, with distinct keys.
        target: The table that grows.
        changed: Files that are loaded again: their earlier rows go.
    """

    def __init__(self, stage: Table, target: Table, changed: Sequence[str]) -> None:
        self._stage, self._target, self._changed = stage, target, list(changed)

    def reject_repeats(self) -> dict[str, int]:
        """Move new rows whose key is there already to the quarantine; return their number by reason."""
        stage = self._stage
        if not stage.key:
            return {}
        query = sql.SQL(
            """
            with repeats as (
                delete from {stage} as new using {target} as old where {same} and {stays}
                returning new._line, {source} as source, concat_ws(', ', {shown}) as key_value,
                    row({new}) is not distinct from row({old}) as alike, {place} as place),
            kept as (
                insert into medallion.rejected_rows
                    (pipeline, run_id, step, source, line, column_name, value, reason, record)
                select %(pipeline)s, %(run)s, %(step)s, source, _line, %(key)s, key_value,
                    case when alike then 'repeats a row of an earlier load'
                        else 'is the key of a row of an earlier load with other values' end, place
                from repeats returning column_name || ' ' || reason as reason)
            select reason, count(*) from kept group by reason
            """
        ).format(
            stage=stage.name, target=self._target.name, same=self._same_key(), stays=self._stays(),
            source=sql.SQL("new._file") if stage.with_file else sql.Literal(stage.source),
            shown=_columns("new", stage.key), new=_columns("new", stage.filled), old=_columns("old", stage.filled),
            place=sql.SQL("'the earlier row is line ' || old._line" + (" || ' of ' || old._file" * stage.with_file)),
        )  # fmt: skip
        rows = stage.connection.execute(
            query,
            {
                "pipeline": stage.step.pipeline, "run": stage.step.run_id, "step": stage.step.step,
                "key": ", ".join(stage.key), "changed": self._changed,
            },
        ).fetchall()  # fmt: skip
        return {str(reason): int(count) for reason, count in rows}  # type: ignore[call-overload]

    def remove_replaced(self, *, same_key: bool) -> int:
        """Delete the earlier rows of changed files and, if asked, of new rows' keys; return their number."""
        count = 0
        if self._changed:
            statement = sql.SQL("delete from {} as old where old._file = any (%(changed)s)").format(self._target.name)
            count += self._stage.connection.execute(statement, {"changed": self._changed}).rowcount
        if same_key:
            query = sql.SQL("delete from {target} as old using {stage} as new where {same}")
            statement = query.format(target=self._target.name, stage=self._stage.name, same=self._same_key())
            count += self._stage.connection.execute(statement).rowcount
        return count

    def insert(self) -> int:
        """Add the rows; return their number."""
        return self._target.insert_from(self._stage.name)

    def _same_key(self) -> sql.Composed:
        pairs = [sql.SQL("new.{} = old.{}").format(sql.Identifier(k), sql.Identifier(k)) for k in self._stage.key]
        return sql.SQL(" and ").join(pairs)

    def _stays(self) -> sql.SQL:
        return sql.SQL("old._file <> all (%(changed)s)") if self._changed else sql.SQL("true")


def _columns(table: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}.{}").format(sql.Identifier(table), sql.Identifier(name)) for name in names)
