"""Tenants in one Postgres: each in its own database, and no tenant can read another's."""

from __future__ import annotations

import importlib.util
import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from medallion.cleaner.__main__ import main as cleaner
from medallion.errors import ExitCode
from medallion.warehouse.connection import environment
from task_file import task_file

FILE = Path(__file__).resolve().parents[2] / "charts" / "medallion" / "files" / "make_tenants.py"
CONTRACT = {"name": "orders", "table": "raw.orders", "fields": [{"name": "id"}], "rejects": {"max_share": 1}}


@pytest.fixture(scope="module")
def job() -> ModuleType:
    """The script of the chart's tenants job."""
    spec = importlib.util.spec_from_file_location("make_tenants", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def login(job: ModuleType, tenant: str, password: str = "secret'quoted") -> dict[str, str]:
    return {"PGUSER": job.role_of(tenant), "PGDATABASE": job.role_of(tenant), "PGPASSWORD": password}


@pytest.fixture
def tenants(job: ModuleType, postgres_url: str) -> Iterator[tuple[str, str]]:
    """Two tenants, made as the chart's job makes them."""
    names = (f"acme-{uuid.uuid4().hex[:6]}", f"globex-{uuid.uuid4().hex[:6]}")
    with psycopg.connect(postgres_url, autocommit=True) as server:
        for name in names:
            make(job, postgres_url, name)
        yield names
        for name in map(job.role_of, names):
            server.execute(f"drop database {name} with (force)")
            server.execute(f"drop role {name}")
            server.execute(f"drop role {name}_reader")


def make(job: ModuleType, url: str, tenant: str, password: str = "secret'quoted") -> None:
    with psycopg.connect(url, autocommit=True) as server:
        job.make_role(server, tenant, login(job, tenant, password))
    with psycopg.connect(url, dbname=job.role_of(tenant), autocommit=True) as database:
        job.make_schemas(database, tenant)


@pytest.fixture
def step(job: ModuleType, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the cleaner as a tenant's pod does: with that tenant's login."""
    numbers = itertools.count(1)
    (tmp_path / "orders.csv").write_text("id\n1\n2\n")

    def run(tenant: str, database_of: str | None = None) -> int:
        own = login(job, tenant) | {"PGDATABASE": job.role_of(database_of or tenant)}
        for name, value in (environment(postgres_url) | own).items():
            monkeypatch.setenv(name, value)
        arguments = ["--pipeline", "hourly", "--run-id", f"run-{next(numbers)}", "--step", "clean.orders"]
        return int(cleaner(task_file([*arguments, "--input", str(tmp_path / "orders.csv")], CONTRACT)))

    return run


def as_tenant(job: ModuleType, url: str, tenant: str, database_of: str | None = None) -> Any:
    return psycopg.connect(
        url, user=job.role_of(tenant), dbname=job.role_of(database_of or tenant), password="x", autocommit=True
    )


def test_tenant_step_loads_into_its_database_and_ledger(job, step, tenants, postgres_url):
    acme, globex = tenants
    assert step(acme) == ExitCode.OK
    with as_tenant(job, postgres_url, acme) as connection:
        assert connection.execute("select count(*) from raw.orders").fetchone() == (2,)
        assert connection.execute("select count(*) from medallion.step_runs").fetchone() == (1,)
    with as_tenant(job, postgres_url, globex) as connection:
        assert connection.execute("select to_regclass('raw.orders')").fetchone() == (None,)


def test_tenant_step_is_denied_another_tenants_schema(job, step, tenants, postgres_url):
    acme, globex = tenants
    assert step(globex) == ExitCode.OK
    assert step(acme, database_of=globex) == ExitCode.USAGE, "another attempt would not help"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_tenant(job, postgres_url, acme, database_of=globex)
    with (
        as_tenant(job, postgres_url, acme) as connection,
        pytest.raises(psycopg.errors.FeatureNotSupported, match="cross-database references"),
    ):
        connection.execute(f"select * from {job.role_of(globex)}.raw.orders")


def test_tenant_can_assume_no_other_role_and_create_none(job, tenants, postgres_url):
    acme, globex = tenants
    for attempt in (f"set role {job.role_of(globex)}", "set role postgres", "create role x", "create database x"):
        with as_tenant(job, postgres_url, acme) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attempt)


def test_a_tenants_readers_see_its_gold_and_nothing_else(job, step, tenants, postgres_url):
    acme, globex = tenants
    step(acme)
    with as_tenant(job, postgres_url, acme) as connection:
        connection.execute("create table gold.totals as select 7 as n")
    reader = f"{job.role_of(acme)}_reader"
    with psycopg.connect(postgres_url, dbname=job.role_of(acme), autocommit=True) as connection:
        connection.execute(f"set role {reader}")
        assert connection.execute("select n from gold.totals").fetchone() == (7,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from raw.orders")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from medallion.rejected_rows")
        (other,) = connection.execute(
            "select has_database_privilege(%s, %s, 'connect')", (reader, job.role_of(globex))
        ).fetchone() or (True,)
        assert other is False


def test_the_job_can_run_again_and_keeps_the_data(job, step, tenants, postgres_url):
    acme, _ = tenants
    step(acme)
    make(job, postgres_url, acme, "another password")
    with as_tenant(job, postgres_url, acme) as connection:
        assert connection.execute("select count(*) from raw.orders").fetchone() == (2,)


def test_a_secret_that_names_another_role_is_refused(job, tenants, postgres_url):
    acme, globex = tenants
    with (
        psycopg.connect(postgres_url, autocommit=True) as server,
        pytest.raises(job.LoginWrong, match=f"medallion-warehouse-{acme}: PGUSER and PGDATABASE must be"),
    ):
        job.make_role(server, acme, login(job, globex))
