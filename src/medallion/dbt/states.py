"""dbt's database errors with their SQLSTATE: dbt keeps only Postgres' words, and these do not say what kind it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt.adapters.postgres import PostgresAdapter
from dbt.adapters.postgres.connections import PostgresConnectionManager
from dbt_common.exceptions import DbtDatabaseError

_MARK = re.compile(r"\(SQLSTATE ([0-9A-Z]{5})\)")


class StatedConnections(PostgresConnectionManager):
    """dbt's own connections, whose errors end with `(SQLSTATE 22P02)`."""

    @contextmanager
    def exception_handler(self, sql: str) -> Iterator[Any]:
        """Handle exceptions as dbt does, with the code."""
        try:
            with super().exception_handler(sql):
                yield
        except DbtDatabaseError as error:
            code = getattr(error.__cause__, "pgcode", None)
            if code:
                error.msg = f"{error.msg}\n(SQLSTATE {code})"
            raise


def use() -> None:
    """Let dbt's adapter for Postgres open connections of this kind."""
    PostgresAdapter.ConnectionManager = StatedConnections


def states_in(message: str) -> list[str]:
    """Return the error codes in a message of dbt's, in order."""
    return _MARK.findall(message)
