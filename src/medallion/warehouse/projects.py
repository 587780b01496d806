"""dbt projects of runs, and their parses, as rows: what a pod needs of a repository, without the repository."""

from __future__ import annotations

import zlib
from typing import LiteralString

from medallion.warehouse.connection import Connection

KEPT_PARSES = 8
"""Of one pipeline: of its last commits, and under several targets."""


def is_stored(connection: Connection, digest: str) -> bool:
    """Return whether the project of that digest is there, and note that it is used."""
    done = connection.execute("update medallion.projects set used_at = clock_timestamp() where digest = %s", (digest,))
    return done.rowcount > 0


def store(connection: Connection, digest: str, archive: bytes) -> None:
    """Store a project's archive, once for all runs that have the same files."""
    connection.execute(
        "insert into medallion.projects (digest, archive) values (%s, %s) on conflict do nothing", (digest, archive)
    )


def fetch(connection: Connection, digest: str) -> bytes | None:
    """Return the archive of a project, or None if no run has stored it."""
    row = connection.execute("select archive from medallion.projects where digest = %s", (digest,)).fetchone()
    return None if row is None else bytes(row[0])  # type: ignore[call-overload]


def prune(connection: Connection) -> None:
    """Delete the projects that no run used for a month: a run ends on its own, and a later one brings what it needs."""
    connection.execute("delete from medallion.projects where used_at < now() - interval '30 days'")


class Parses:
    """The parses of one pipeline's dbt project.

    Args:
        connection: To the warehouse.
        pipeline: The pipeline.
    """

    def __init__(self, connection: Connection, pipeline: str) -> None:
        self._connection, self._pipeline = connection, pipeline

    def get(self, key: str) -> bytes | None:
        """Return the parse of that key."""
        return self._one("select parse from medallion.parses where pipeline = %s and key = %s", key)

    def latest(self) -> bytes | None:
        """Return the pipeline's newest parse, whatever its key."""
        return self._one("select parse from medallion.parses where pipeline = %s order by made_at desc limit 1")

    def put(self, key: str, parse: bytes) -> None:
        """Keep a parse, and remove the pipeline's oldest."""
        with self._connection.transaction():
            self._connection.execute(
                "insert into medallion.parses (pipeline, key, parse) values (%s, %s, %s) on conflict do nothing",
                (self._pipeline, key, zlib.compress(parse)),
            )
            self._connection.execute(
                """delete from medallion.parses where pipeline = %(pipeline)s and key not in (
                       select key from medallion.parses where pipeline = %(pipeline)s
                       order by made_at desc limit %(kept)s)""",
                {"pipeline": self._pipeline, "kept": KEPT_PARSES},
            )

    def _one(self, query: LiteralString, *values: str) -> bytes | None:
        row = self._connection.execute(query, (self._pipeline, *values)).fetchone()
        return None if row is None else zlib.decompress(row[0])  # type: ignore[arg-type]
