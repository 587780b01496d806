"""Fencing: an attempt that lost its lock can no longer write, whatever sessions it still has or opens.

Each holder of a lock gets the next number of that lock. Every transaction that writes first holds the row of its
number; once a later attempt has counted on, that fails. Sessions carry the number in their name, so that a later
attempt finds and ends what an earlier one left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import psycopg
from psycopg import sql

from medallion.errors import LockLost
from medallion.warehouse.connection import Connection


@dataclass(frozen=True)
class Fence:
    """One holder of a lock, the `number`th."""

    lock: str
    number: int

    @property
    def statement(self) -> str:
        """SQL that holds the fence for the rest of its transaction, or raises; for sessions of other programs."""
        name = self.lock.replace("'", "''")
        return f"select medallion.hold_fence('{name}', {self.number})"


def acquire(connection: Connection, lock: str, name: str) -> Fence:
    """Advance a lock's counter, end the sessions of its earlier holders, and name this session.

    Call it with the advisory lock held.

    Args:
        connection: Gets the application name that `application_name` gives for the fence.
        lock: The lock's name.
        name: What the sessions are for, such as pipeline and step.
    """
    while True:
        _end_sessions(connection, lock)
        try:
            with connection.transaction():
                # A writer of an earlier holder is waited for: it commits before this holder begins, or not at all.
                connection.execute("set local lock_timeout = '1s'")
                (number,) = connection.execute(
                    """insert into medallion.locks as known (name, fence) values (%s, 1)
                       on conflict (name) do update set fence = known.fence + 1, taken_at = clock_timestamp()
                       returning fence""",
                    (lock,),
                ).fetchone() or (0,)
            break
        except psycopg.errors.LockNotAvailable:
            continue
    fence = Fence(lock, int(number))  # type: ignore[call-overload]
    connection.execute("select set_config('application_name', %s, false)", (application_name(fence, name),))
    return fence


def application_name(fence: Fence, name: str) -> str:
    """Return the name of all sessions of a lock's holder: at most 63 bytes."""
    return f"{_prefix(fence.lock)}{fence.number} {name}"[:63]


def assert_held(connection: Connection, fence: Fence) -> None:
    """Keep later holders out until this transaction ends.

    Raises:
        LockLost: There is a later holder.
    """
    try:
        connection.execute(sql.SQL(fence.statement))
    except psycopg.errors.SerializationFailure as error:
        raise LockLost(str(error.diag.message_primary), "nothing: the later attempt does the work") from error


def _prefix(lock: str) -> str:
    return f"medallion {hashlib.sha256(lock.encode()).hexdigest()[:12]}."


def _end_sessions(connection: Connection, lock: str) -> None:
    connection.execute(
        """select pg_terminate_backend(pid, 5000) from pg_stat_activity
           where starts_with(application_name, %s) and usename = current_user
               and datname = current_database() and pid <> pg_backend_pid()""",
        (_prefix(lock),),
    )
