"""dbt's results as the ledger keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from dbt.node_types import NodeType
from psycopg import sql
from psycopg.rows import dict_row

from medallion.dbt.commands import plain_message
from medallion.protocol.result import ModelResult, TestResult
from medallion.warehouse.connection import Connection

SAMPLE_ROWS = 5
UNCHANGED = "nothing new: the rows are where they were"
_PLAIN = (str, int, float, bool, type(None))


def model_results(results: Iterable[Any]) -> tuple[ModelResult, ...]:
    """Return one result per model, seed, snapshot and function. `rows` is what Postgres says that it wrote."""
    return tuple(
        ModelResult(
            name=result.node.name,
            status=str(result.status),
            rows=_rows(result),
            seconds=round(result.execution_time, 3),
            message=_message(result),
        )
        for result in results
        if result.node.resource_type != NodeType.Operation
    )


def broken_hooks(results: Iterable[Any]) -> list[str]:
    """Return what was wrong with each hook that failed."""
    hooks = [result for result in results if result.node.resource_type == NodeType.Operation]
    return [plain_message(result.message) for result in hooks if result.status not in ("success", "skipped")]


def _rows(result: Any) -> int | None:
    """Postgres counts rows for tables only; for a view, psycopg2 says -1."""
    count = (result.adapter_response or {}).get("rows_affected")
    return count if isinstance(count, int) and count >= 0 else None


def _message(result: Any) -> str:
    if result.status not in ("success", "no-op"):
        return plain_message(result.message)
    return UNCHANGED if (result.adapter_response or {}).get("code") == "UNCHANGED" else ""


def test_results(results: Iterable[Any], connection: Connection) -> tuple[TestResult, ...]:
    """Return one result per test, with the first failing rows of those that failed."""
    found = []
    for result in results:
        if result.node.resource_type == NodeType.Operation:
            continue
        status: Any = {"skipped": "error", "success": "pass"}.get(str(result.status), str(result.status))
        bad = status in ("fail", "warn")
        found.append(
            TestResult(
                name=result.node.name,
                status=status,
                model=_find_model(result.node),
                failures=int(result.failures or 0),
                message="" if status == "pass" else plain_message(result.message),
                sample=_sample(connection, getattr(result.node, "compiled_code", None)) if bad else (),
            )
        )
    return tuple(found)


def _find_model(node: Any) -> str:
    attached = getattr(node, "attached_node", None) or next(iter(node.depends_on.nodes), "")
    return str(attached).rsplit(".", 1)[-1]


def _sample(connection: Connection, query: str | None) -> tuple[dict[str, Any], ...]:
    """The first failing rows. A sample is a help: if it cannot be had, the failure is reported without."""
    if not query:
        return ()
    limited = sql.SQL("select * from ({}) as failing limit {}").format(
        sql.SQL(query),  # dbt's own compiled SQL
        sql.Literal(SAMPLE_ROWS),
    )
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute("set local statement_timeout = '10s'")
            rows = cursor.execute(limited).fetchall()
    except psycopg.Error:
        return ()
    return tuple({key: v if isinstance(v, _PLAIN) else str(v) for key, v in row.items()} for row in rows)
