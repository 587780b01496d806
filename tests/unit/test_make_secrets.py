"""The script of the prepare job: secrets are made once, and agree with each other."""

from __future__ import annotations

import base64
from types import ModuleType

import pytest

from charts import (
    CHART,
    script,
)


@pytest.fixture(scope="session")
def make_secrets() -> ModuleType:
    """The prepare job's script."""
    pytest.importorskip("kubernetes")
    return script(CHART / "files" / "make_secrets.py")


def test_missing_secrets_are_made_and_agree_with_each_other(make_secrets: ModuleType) -> None:
    made = make_secrets.complete({}, bundled=True)
    assert set(made) == {"medallion-airflow", "medallion-ui", "medallion-postgres", "medallion-warehouse"}
    assert made["medallion-postgres"]["warehouse-password"] == made["medallion-warehouse"]["PGPASSWORD"]
    assert made["medallion-postgres"]["airflow-password"] in made["medallion-airflow"]["connection"]
    assert len(base64.urlsafe_b64decode(made["medallion-airflow"]["fernet-key"])) == 32
    passwords = [value for secret in made.values() for key, value in secret.items() if "password" in key.lower()]
    assert min(map(len, passwords)) >= 24


def test_what_is_there_stays_and_only_missing_keys_are_added(make_secrets: ModuleType) -> None:
    first = make_secrets.complete({}, bundled=True)
    assert make_secrets.complete(first, bundled=True) == first
    del first["medallion-airflow"]["jwt-secret"], first["medallion-warehouse"]
    again = make_secrets.complete(first, bundled=True)
    assert again["medallion-airflow"]["jwt-secret"]
    assert first["medallion-airflow"].items() <= again["medallion-airflow"].items()
    assert again["medallion-warehouse"]["PGPASSWORD"] == first["medallion-postgres"]["warehouse-password"]


def test_an_external_database_needs_its_connections_first(make_secrets: ModuleType) -> None:
    with pytest.raises(make_secrets.KeysMissing, match="medallion-airflow/connection, medallion-warehouse/PGHOST"):
        make_secrets.complete({}, bundled=False)
    login = dict.fromkeys(make_secrets.PGKEYS, "given")
    given = {"medallion-airflow": {"connection": "postgresql://db"}, "medallion-warehouse": login}
    made = make_secrets.complete(given, bundled=False)
    assert made["medallion-warehouse"] == login
    assert made["medallion-airflow"]["connection"] == "postgresql://db"
    assert "medallion-postgres" not in made


def test_a_tenant_has_a_login_of_its_own_for_its_own_database(make_secrets: ModuleType) -> None:
    tenants = {"acme": "medallion-warehouse-acme", "globex-eu": "medallion-warehouse-globex-eu"}
    made = make_secrets.complete({}, bundled=True, tenants=tenants, namespace="data")
    login = made["medallion-warehouse-globex-eu"]
    assert (login["PGUSER"], login["PGDATABASE"]) == ("tenant_globex_eu", "tenant_globex_eu")
    assert login["PGHOST"] == "medallion-postgres.data.svc"
    assert login["PGPASSWORD"] not in (made["medallion-warehouse-acme"]["PGPASSWORD"], "")
    assert make_secrets.complete(made, bundled=True, tenants=tenants, namespace="data") == made


def test_a_tenant_of_an_external_database_needs_its_login_first(make_secrets: ModuleType) -> None:
    given = {"medallion-airflow": {"connection": "x"}, "medallion-warehouse": dict.fromkeys(make_secrets.PGKEYS, "x")}
    with pytest.raises(make_secrets.KeysMissing, match="medallion-warehouse-acme/PGHOST"):
        make_secrets.complete(given, bundled=False, tenants={"acme": "medallion-warehouse-acme"})
