"""The connector `postgres`: a table or view of another Postgres, streamed by COPY.

Everything is read from one snapshot, so that a watermark and the rows up to it fit together.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from medallion.config.sources.postgres import PostgresSettings
from medallion.config.sources.stream import CHUNK_BYTES, Inputs
from medallion.errors import (
    BadInput,
    ContractViolation,
    InputNotFound,
    Misconfigured,
    SourceUnavailable,
    StepFailure,
    WarehouseUnavailable,
)
from medallion.sqlstate import failure_class, find_code

_SETTINGS = {
    "PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname",
    "PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert",
}  # fmt: skip
_OPTIONS = "-c default_transaction_read_only=on -c datestyle=ISO -c timezone=UTC -c intervalstyle=iso_8601"
_KEEPALIVE: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
_LET_GO_SECONDS = 5.0
_WAIT = "it may come back: the step is tried again as `retry_config` says"


@dataclass
class Query:
    """A query whose rows are the input. Their version is unknown until they are read."""

    name: str
    connection: psycopg.Connection[tuple[object, ...]]
    statement: sql.Composed
    prefix: str
    version: str | None = None
    delivered_at: None = None
    size: None = None
    reading: threading.Lock = field(default_factory=threading.Lock)

    def chunks(self) -> Iterator[bytes]:
        """Read the rows as CSV with a header."""
        copy = sql.SQL("copy ({}) to stdout with (format csv, header)").format(self.statement)
        with self.reading, _as_failures(self.name, self.prefix), self.connection.cursor().copy(copy) as rows:
            waiting: list[bytes] = []
            size = 0
            for row in rows:
                waiting.append(bytes(row))
                size += len(row)
                if size >= CHUNK_BYTES:
                    yield b"".join(waiting)
                    waiting, size = [], 0
            yield b"".join(waiting)


@contextmanager
def rows(settings: PostgresSettings, known: Mapping[str, str]) -> Iterator[Inputs]:
    """Yield the rows of a source: all, or those from the watermark of earlier loads on.

    Rows at the watermark are read again, because rows with the same value may have arrived since.
    Rows without a value are read again too.

    Raises:
        InputNotFound: There is no such table.
        ContractViolation: It has no such column.
        BadInput: It may not be read.
        SourceUnavailable: The database cannot be reached.
    """
    with _as_failures(settings.table, settings.env_prefix):
        connection = psycopg.connect(**_connection(settings.env_prefix))
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with _as_failures(settings.table, settings.env_prefix):
            statement, state = _select(settings, connection, known)
        query = Query(settings.table, connection, statement, settings.env_prefix)
        try:
            yield Inputs(settings.table, [query], state=state)
        finally:
            if query.reading.locked():
                connection.cancel_safe(timeout=_LET_GO_SECONDS)
                query.reading.acquire(timeout=_LET_GO_SECONDS)
    finally:
        connection.close()


def _select(
    settings: PostgresSettings,
    connection: psycopg.Connection[tuple[object, ...]],
    known: Mapping[str, str],
) -> tuple[sql.Composed, dict[str, str]]:
    """The query, and what to remember of it."""
    table = sql.Identifier(*settings.table.split("."))
    names = sql.SQL(", ").join(map(sql.Identifier, settings.columns)) if settings.columns else sql.SQL("*")
    statement = sql.SQL("select {} from {}").format(names, table)
    if settings.incremental is None:
        return statement, {}
    column = sql.Identifier(settings.incremental.cursor)
    earlier = json.loads(known[settings.table]) if settings.table in known else {}
    since = _since(column, earlier.get("watermark"))
    highest = sql.SQL("select max({column})::text from {table}").format(column=column, table=table)
    (watermark,) = connection.execute(highest).fetchone() or (None,)
    count = sql.SQL("select count(*) from {} where {}").format(table, _since(column, watermark))
    (rows_at,) = connection.execute(count).fetchone() or (0,)
    state = {"column": settings.incremental.cursor, "watermark": watermark, "rows": rows_at}
    statement += sql.SQL(" where {} order by {}").format(since, column)
    return statement, {settings.table: json.dumps(state)}


def _since(column: sql.Identifier, watermark: object) -> sql.Composed:
    if watermark is None:
        return sql.SQL("true").format()
    return sql.SQL("({column} >= {value} or {column} is null)").format(column=column, value=sql.Literal(str(watermark)))


def _connection(prefix: str) -> dict[str, Any]:
    given = {key: os.environ[prefix + name] for name, key in _SETTINGS.items() if os.environ.get(prefix + name)}
    if "host" not in given:
        # Else libpq would take the warehouse's own settings for the source's.
        raise Misconfigured(
            f"{prefix}PGHOST is not set, so the source database is unknown",
            f"name a Secret with PGHOST, PGUSER, PGPASSWORD and PGDATABASE as `secret` of the source; on this machine "
            f"export {prefix}PGHOST …",
        )
    missing = [name for name in ("PGUSER", "PGDATABASE") if _SETTINGS[name] not in given]
    if missing:
        raise Misconfigured(f"{prefix}{missing[0]} is not set", "put it into the Secret of the source")
    # An empty password keeps libpq from sending the warehouse's.
    blank = {"password": "", "port": "5432", "sslmode": "prefer"}
    return {**blank, **given, **_KEEPALIVE, "connect_timeout": 10, "options": _OPTIONS, "application_name": "medallion"}


@contextmanager
def _as_failures(table: str, prefix: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _failure(error, table, prefix) from error


def _failure(error: psycopg.Error, table: str, prefix: str) -> StepFailure:
    why = error.diag.message_primary or next(iter(str(error).strip().splitlines()), type(error).__name__)
    if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
        return InputNotFound(f"the source database has no {table}: {why}", "check `table` of the source")
    if isinstance(error, psycopg.errors.UndefinedColumn):
        return ContractViolation(f"{table} of the source database: {why}", "check `columns` and `incremental.cursor`")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return BadInput(f"{table} may not be read: {why}", f"grant select on {table} to the user of the source")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return BadInput(f"{table} writes when it is read: {why}", "name a table, or a view whose functions only read")
    code = error.sqlstate or find_code(str(error))
    if issubclass(failure_class(code), WarehouseUnavailable):
        return SourceUnavailable(f"the source database fails: {why}", _WAIT)
    if code and code.startswith(("28", "3D", "F0", "55", "42501")):
        names = f"{prefix}PGUSER, {prefix}PGPASSWORD, {prefix}PGDATABASE and {prefix}PGPORT"
        return BadInput(f"the source database refuses the login: {why}", f"check {names}")
    return BadInput(f"{table} cannot be read: {why}", "check `incremental.cursor`, which is compared with a watermark")
