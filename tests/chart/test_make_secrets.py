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


EVERYTHING = dict.fromkeys(("medallion-postgres", "medallion-airflow", "medallion-ui"), "volume claim data")


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_lost_secret_over_data_is_refused(name: str, make_secrets: ModuleType) -> None:
    found = make_secrets.complete({}, bundled=True)
    del found[name]
    with pytest.raises(make_secrets.KeysLost) as refusal:
        make_secrets.complete(found, bundled=True, data=EVERYTHING)
    message = str(refusal.value)
    assert f"error: Secret {name} is missing" in message
    assert "volume claim data" in message
    assert f"k8s/bring-back.sh {name}" in message
    assert not any(value in message for secret in found.values() for value in secret.values() if len(value) > 20)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("medallion-postgres", "postgres-password"),
        ("medallion-postgres", "warehouse-password"),
        ("medallion-airflow", "fernet-key"),
        ("medallion-ui", "password"),
    ],
)
def test_a_lost_key_over_data_is_refused(name: str, key: str, make_secrets: ModuleType) -> None:
    found = make_secrets.complete({}, bundled=True)
    del found[name][key]
    with pytest.raises(make_secrets.KeysLost, match=f"Secret {name} lacks {key}"):
        make_secrets.complete(found, bundled=True, data=EVERYTHING)


def test_all_lost_secrets_are_named_at_once(make_secrets: ModuleType) -> None:
    with pytest.raises(make_secrets.KeysLost) as refusal:
        make_secrets.complete({}, bundled=True, data=EVERYTHING)
    assert [name for name in EVERYTHING if f"Secret {name} is missing" in str(refusal.value)] == list(EVERYTHING)


def test_what_follows_from_others_is_made_over_data(make_secrets: ModuleType) -> None:
    first = make_secrets.complete({}, bundled=True)
    lost = {name: dict(values) for name, values in first.items()}
    del lost["medallion-warehouse"], lost["medallion-airflow"]["connection"], lost["medallion-airflow"]["jwt-secret"]
    again = make_secrets.complete(lost, bundled=True, data=EVERYTHING)
    assert again["medallion-warehouse"] == first["medallion-warehouse"]
    assert again["medallion-airflow"]["connection"] == first["medallion-airflow"]["connection"]


def test_lost_login_of_an_existing_tenant_is_refused(make_secrets: ModuleType) -> None:
    tenants = {"acme": "medallion-warehouse-acme", "new": "medallion-warehouse-new"}
    first = make_secrets.complete({}, bundled=True)
    with pytest.raises(make_secrets.KeysLost, match=r"medallion-warehouse-acme is missing.*database tenant_acme"):
        data = EVERYTHING | {"medallion-warehouse-acme": "database tenant_acme"}
        make_secrets.complete(first, bundled=True, tenants=tenants, data=data)
    made = make_secrets.complete(first, bundled=True, tenants=tenants, data=EVERYTHING)
    assert made["medallion-warehouse-new"]["PGPASSWORD"]


def test_an_external_database_keeps_its_fernet_key(make_secrets: ModuleType) -> None:
    login = dict.fromkeys(make_secrets.PGKEYS, "given")
    given = {"medallion-airflow": {"connection": "postgresql://db"}, "medallion-warehouse": login}
    with pytest.raises(make_secrets.KeysLost, match="medallion-airflow lacks fernet-key"):
        make_secrets.complete(given, bundled=False, data={"medallion-airflow": "encrypted connections"})
