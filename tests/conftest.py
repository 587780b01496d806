"""Real parts for tests: an embedded Postgres for the session, a database of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from databases import fresh_database, running_server
from medallion.warehouse.connection import environment

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a Postgres that lives as long as the test session."""
    with running_server() as url:
        yield url


@pytest.fixture
def warehouse_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database that belongs to one test."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def warehouse(warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to the test's own database, which libpq's environment names too."""
    for name in ("PGPORT", "PGPASSWORD", "PGSSLMODE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(warehouse_url).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, where the machine has one."""
    folder = Path(os.environ.get("MEDALLION_TEST_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data here: set MEDALLION_TEST_DATA (looked in {folder})")
    return folder
