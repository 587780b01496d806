"""Databases that tests make and leave no trace of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def fresh_database(postgres_url: str, template: str = "template1") -> Iterator[str]:
    """A database that lasts as long as the context, as a copy of another; yields its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {name} template {template}")  # type: ignore[arg-type]
        yield f"host={server.info.host} user={server.info.user} dbname={name}"
        server.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]
