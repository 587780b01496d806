"""Advisory locks: two runs for one table are serialised by the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from medallion.warehouse.connection import Connection


def lock_key(name: str) -> tuple[str, tuple[str]]:
    """Return the query for the number of a lock's name, and its parameters."""
    return "select hashtextextended(%s, 0)", (f"medallion:{name}",)


@contextmanager
def advisory_lock(connection: Connection, name: str) -> Iterator[bool]:
    """Hold a session-level advisory lock, waiting for it if another session has it.

    The lock goes with the session: a killed process never leaves one behind.

    Yields:
        Whether it had to wait.
    """
    (number,) = connection.execute(*lock_key(name)).fetchone() or (0,)
    (free,) = connection.execute("select pg_try_advisory_lock(%s)", (number,)).fetchone() or (False,)
    if not free:
        connection.execute("select pg_advisory_lock(%s)", (number,))
    try:
        yield not free
    finally:
        # The next holder ends this session, perhaps before the answer is here: what was done under the lock stays done.
        with suppress(psycopg.OperationalError):
            connection.execute("select pg_advisory_unlock(%s)", (number,))


def lock_until_commit(connection: Connection, name: str) -> None:
    """Take an advisory lock that the end of the surrounding transaction releases."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"medallion:{name}",))
