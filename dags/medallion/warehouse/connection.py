"""One way to the warehouse: libpq's own environment (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from medallion.failures import Misconfigured, WarehouseAway, WarehouseFull

Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"

# A dead peer is noticed within about half a minute, so that a lost step neither hangs nor holds its lock.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_OPTIONS = "-c client_connection_check_interval=10s -c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10"
_OPTIONS += " -c tcp_keepalives_count=4 -c tcp_user_timeout=60s"
_REMEDY = "check that the database is up and that PGHOST, PGPORT, PGUSER and PGDATABASE point at it; then run again"


def be_noticed() -> None:
    """Has the server notice within a minute when this process is gone, for every session that it opens from now on.

    Else a query goes on for as long as it takes, and a session of a lost machine for hours, with its locks. It is set
    in libpq's environment, for dbt's sessions too.
    """
    given = os.environ.get("PGOPTIONS", "")
    if _OPTIONS not in given:
        os.environ["PGOPTIONS"] = f"{_OPTIONS} {given}".strip()


_REFUSED = "PGUSER may not connect to PGDATABASE: use the Secret of the database's own tenant, or grant `connect` on it"


@contextmanager
def connect(application: str) -> Iterator[Connection]:
    """Opens an autocommit connection to the warehouse named by libpq's environment.

    Args:
        application: Shown in `pg_stat_activity`, at most 63 bytes.

    Raises:
        WarehouseAway: The database cannot be reached, or the connection broke while in use.
        WarehouseFull: It has no room left.
        Misconfigured: The database is not this role's to use.
    """
    try:
        with psycopg.connect(
            "", autocommit=True, connect_timeout=10, application_name=application[:63], **_KEEPALIVE
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "permission denied for database" in cause:  # a failed connection carries no error code of its own
            raise Misconfigured(f"the warehouse refused: {cause}", _REFUSED) from error
        if isinstance(error, psycopg.errors.DiskFull):
            raise WarehouseFull(cause) from error
        raise WarehouseAway(f"the warehouse failed: {cause}", _REMEDY) from error


def environment(url: str) -> dict[str, str]:
    """libpq's environment for a connection URL or keyword string, to hand to a step's process.

    Raises:
        psycopg.ProgrammingError: The URL is not one that libpq understands.
    """
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    names["sslmode"] = "PGSSLMODE"
    given = conninfo_to_dict(url)
    return {names[key]: str(value) for key, value in given.items() if key in names and value is not None}


def is_configured() -> bool:
    """Whether the environment names a warehouse."""
    return bool(os.environ.get("PGHOST"))
