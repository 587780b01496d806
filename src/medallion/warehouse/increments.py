"""The state of incremental loads: what the data of a build was made from, written in the data's own transaction.

It belongs to the build. A build that is put back by a rollback brings its state along, and one that is dropped takes
it away.
"""

from __future__ import annotations

from collections.abc import Mapping

from medallion.warehouse.connection import Connection


def load_state(connection: Connection, build: str) -> dict[str, str]:
    """Return the versions of what a build holds, by name."""
    rows = connection.execute(
        "select name, version from medallion.load_state where build_schema = %s", (build,)
    ).fetchall()
    return {str(name): str(version) for name, version in rows}


def growing(connection: Connection) -> set[str]:
    """Return the builds that later loads add rows to, while readers see them."""
    rows = connection.execute("select distinct build_schema from medallion.load_state").fetchall()
    return {str(row[0]) for row in rows}


def remember(connection: Connection, build: str, run_id: str, taken: Mapping[str, str]) -> None:
    """Add what a load has taken, by name. Call it in the transaction that holds the data."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into medallion.load_state (build_schema, name, version, run_id) values (%s, %s, %s, %s)
               on conflict (build_schema, name) do update
               set version = excluded.version, run_id = excluded.run_id, loaded_at = excluded.loaded_at""",
            [(build, name, version, run_id) for name, version in taken.items()],
        )
