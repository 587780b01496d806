"""Databases that tests make and leave no trace of."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from medallion.warehouse.embedded import embedded_postgres


@contextmanager
def running_server() -> Iterator[str]:
    """A Postgres that lasts as long as the context; yields its URL.

    It leaves its writes to the kernel, so a database takes 0.06 s to create and drop instead of 1.1 s. Its data survives
    the end of its processes, not that of the machine.
    """
    with tempfile.TemporaryDirectory(prefix="medallion-test-", ignore_cleanup_errors=True) as folder:
        running = embedded_postgres(Path(folder) / "pg")
        try:
            url = running.get_uri()
            with psycopg.connect(url, autocommit=True) as session:
                session.execute("alter system set fsync = off")
                session.execute("alter system set full_page_writes = off")
                session.execute("select pg_reload_conf()")
            yield url
        finally:
            running.stop()


@contextmanager
def fresh_database(postgres_url: str, template: str = "template1") -> Iterator[str]:
    """A database that lasts as long as the context, as a copy of another; yields its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {name} template {template} strategy file_copy")  # type: ignore[arg-type]
        yield f"host={server.info.host} user={server.info.user} dbname={name}"
        server.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]
