"""One way to the warehouse: libpq's own environment (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from medallion import sqlstate
from medallion.errors import Misconfigured, StepFailure

Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

# A dead peer is noticed within about half a minute, so that a lost step neither hangs nor holds its lock.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_UNSENDABLE = "22021"
"""A text that the client itself refuses to send, because of a NUL: Postgres has the same code for it."""
_OPTIONS = "-c client_connection_check_interval=10s -c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10"
_OPTIONS += " -c tcp_keepalives_count=4 -c tcp_user_timeout=60s"


def enable_keepalives() -> None:
    """Make the server notice within a minute when this process is gone, for every session opened from now on.

    Else a query goes on for as long as it takes, and a session of a lost machine for hours, with its locks. It is set
    in libpq's environment, for dbt's sessions too.
    """
    given = os.environ.get("PGOPTIONS", "")
    if _OPTIONS not in given:
        os.environ["PGOPTIONS"] = f"{_OPTIONS} {given}".strip()


@contextmanager
def connect(application: str) -> Iterator[Connection]:
    """Open an autocommit connection to the warehouse named by libpq's environment.

    Args:
        application: Shown in `pg_stat_activity`, at most 63 bytes.

    Raises:
        StepFailure: Whatever Postgres refused or failed at, as `medallion.sqlstate` has it.
    """
    try:
        with psycopg.connect(
            "", autocommit=True, connect_timeout=10, application_name=application[:63], **_KEEPALIVE
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise as_failure(error) from error


def as_failure(error: psycopg.Error) -> StepFailure:
    """Return the failure for an error of the warehouse."""
    text = error.diag.message_primary or next(iter(str(error).strip().splitlines()), type(error).__name__)
    text = text.replace("host None", f"host {os.environ.get('PGHOST')!r}")  # psycopg does not know libpq's environment
    code = error.sqlstate or sqlstate.find_code(str(error))
    if code is None and isinstance(error, psycopg.DataError):
        code = _UNSENDABLE
    if code is None and isinstance(error, psycopg.ProgrammingError):  # the client's own: a connection string
        return Misconfigured(f"the warehouse cannot be connected to: {text}", "correct the connection's settings")
    return sqlstate.as_failure(code, text)


def environment(url: str) -> dict[str, str]:
    """Return libpq's environment for a connection URL or keyword string, to hand to a step's process.

    Raises:
        Misconfigured: libpq does not understand it, or would read a part of a password as something else. The message
            holds none of it.
    """
    variables = {str(option.keyword.decode()): option.envvar for option in pq.Conninfo.get_defaults()}
    if url.startswith(("postgresql://", "postgres://")):
        place = url.partition("://")[2]
        authority = re.split(r"[/?#]", place, maxsplit=1)[0]
        if place.count("@") > authority.count("@") or authority.count("@") > 1 or "#" in place:
            raise Misconfigured("the connection URL has an `@` or `#` that is not encoded", _ENCODE)
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, ValueError):  # whose text holds what it could not read
        raise Misconfigured("the connection URL or string is not one that libpq understands", _ENCODE) from None
    if broken := [key for key, value in given.items() if re.search(r"[\r\n\0]", value)]:
        raise Misconfigured(f"the connection's {broken[0]} has a line break or a NUL", "take it out")
    if unknown := [key for key in given if not variables.get(key)]:
        raise Misconfigured(f"the connection sets {unknown[0]}, which has no variable of libpq", "leave it out")
    return {variables[key].decode(): value for key, value in given.items()}  # type: ignore[union-attr]


_ENCODE = (
    "write postgresql://user:password@host:5432/database, with %40 for `@`, %23 for `#`, %2F for `/`, %3A for `:` and "
    "%25 for `%` in names and passwords; or leave --warehouse out and set PGHOST, PGUSER, PGPASSWORD and PGDATABASE"
)


def is_configured() -> bool:
    """Return whether the environment names a warehouse."""
    return bool(os.environ.get("PGHOST"))
