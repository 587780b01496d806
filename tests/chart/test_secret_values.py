"""Passwords of every kind in the Secrets of a release: quoted where a URL holds them, or refused by name (case 26)."""

from __future__ import annotations

import base64
import os
import random
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from charts import CHART, script

sqlalchemy_url = pytest.importorskip("sqlalchemy.engine.url")
FILES = CHART / "files"
CASE = "p@ss/w:rd%#"
LETTERS = string.ascii_letters + string.digits + string.punctuation + " äß€漢😀"
SEED = 20261125


@pytest.fixture
def values() -> ModuleType:
    pytest.importorskip("cryptography")
    return script(FILES / "secret_values.py")


@pytest.fixture
def make_secrets() -> ModuleType:
    pytest.importorskip("kubernetes")
    return script(FILES / "make_secrets.py")


def generated() -> Iterator[str]:
    """Passwords of printable characters, and the ones that have broken URLs, shells and configuration files."""
    dice = random.Random(SEED)
    yield from (
        CASE,
        "%",
        "%%41",
        "$HOME",
        "${PATH}",
        "a b",
        "'",
        '"',
        "\\",
        "0123",
        "true",
        "-",
        "@",
        "://",
        "?x=y#z",
        "é",
    )
    for _ in range(300 * int(os.environ.get("MEDALLION_FUZZ", "1"))):
        yield "".join(dice.choices(LETTERS, k=dice.randint(1, 24)))


def encoded(found: dict[str, dict[str, bytes]]) -> dict[str, dict[str, str]]:
    return {
        name: {key: base64.b64encode(value).decode() for key, value in data.items()} for name, data in found.items()
    }


@pytest.mark.fuzz
def test_fuzz_a_password_comes_out_of_the_url_as_it_went_in(make_secrets: ModuleType, values: ModuleType) -> None:
    print(f"seed {SEED}")
    for password in generated():
        keys = ("postgres-password", "airflow-password", "warehouse-password")
        made = make_secrets.complete({"medallion-postgres": dict.fromkeys(keys, password)}, bundled=True)
        url = sqlalchemy_url.make_url(made["medallion-airflow"]["connection"])
        assert (url.username, url.password, url.host, url.port, url.database) == (
            "airflow", password, "medallion-postgres", 5432, "airflow",
        )  # fmt: skip
        assert os.path.expandvars(made["medallion-airflow"]["connection"]) == made["medallion-airflow"]["connection"]
        assert made["medallion-warehouse"]["PGPASSWORD"] == password
        values.well_formed(made, "medallion-postgres", "5432")


@pytest.mark.parametrize(
    "value", [b"", b"hush-hush\n", b"\r\nhush-hush", b"hush\0-hush", b"hush-\xffhush", b"hush\thush", b"hush\x7fhush"]
)
def test_a_password_that_no_login_takes_is_refused_by_name(value: bytes, values: ModuleType) -> None:
    with pytest.raises(values.KeysWrong) as refusal:
        values.decoded(encoded({"medallion-postgres": {"airflow-password": value, "postgres-password": b"fine"}}))
    message = str(refusal.value)
    assert "medallion-postgres/airflow-password" in message
    assert "postgres-password" not in message.replace("airflow-password", "")
    assert "hush" not in message


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg2://airflow:{CASE}@db:5432/airflow",
        "postgresql+psycopg2://airflow:p@ss@db:5432/airflow",
        "postgresql+psycopg2://airflow:hush@db:port/airflow",
        "postgresql+psycopg2://airflow:hush@db:5432",
        "postgresql+psycopg2://airflow:hush@/airflow",
        "airflow:hush@db/airflow",
        "hush",
    ],
)
def test_a_connection_that_airflow_would_misread_is_refused(url: str, values: ModuleType) -> None:
    with pytest.raises(values.KeysWrong) as refusal:
        values.well_formed({"medallion-airflow": {"connection": url}}, "medallion-postgres", "")
    assert "medallion-airflow/connection is not a database URL" in str(refusal.value)
    assert "hush" not in str(refusal.value)
    assert "ss/w" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://airflow:p%40ss@db:5432/airflow",
        "postgresql+psycopg2://airflow:pa:ss#word@db:5432/airflow",
        "postgresql+psycopg2://airflow:x@[::1]:5432/airflow?sslmode=require",
        "postgresql+psycopg2:///airflow?host=/var/run/postgresql",
        "postgresql+psycopg2://airflow@db/airflow",
    ],
)
def test_a_connection_that_airflow_reads_is_taken(url: str, values: ModuleType) -> None:
    values.well_formed({"medallion-airflow": {"connection": url}}, "medallion-postgres", "")


@pytest.mark.parametrize(
    ("secret", "key", "value", "words"),
    [
        ("medallion-airflow", "fernet-key", "hush", "medallion-airflow/fernet-key is not a Fernet key"),
        ("medallion-warehouse", "PGPORT", "hush", "medallion-warehouse/PGPORT is not a number"),
        ("medallion-warehouse-acme", "PGPORT", "", "medallion-warehouse-acme/PGPORT is not a number"),
    ],
)
def test_other_keys_are_read_before_they_are_used(
    secret: str, key: str, value: str, words: str, values: ModuleType
) -> None:
    with pytest.raises(values.KeysWrong) as refusal:
        values.well_formed({secret: {key: value}}, "medallion-postgres", "5432")
    assert words in str(refusal.value)
    assert "hush" not in str(refusal.value)


def test_a_port_that_postgres_has_no_more_is_refused(values: ModuleType) -> None:
    connection = "postgresql+psycopg2://airflow:x@medallion-postgres:5432/airflow"
    found = {
        "medallion-airflow": {"connection": connection},
        "medallion-warehouse": {"PGHOST": "medallion-postgres", "PGPORT": "5432"},
        "medallion-warehouse-acme": {"PGHOST": "medallion-postgres.data.svc", "PGPORT": "5432"},
        "medallion-warehouse-far": {"PGHOST": "elsewhere", "PGPORT": "5432"},
    }
    with pytest.raises(values.KeysWrong) as refusal:
        values.well_formed(found, "medallion-postgres", "6432")
    named = [name for name in found if f"error: {name}/" in str(refusal.value)]
    assert named == ["medallion-airflow", "medallion-warehouse", "medallion-warehouse-acme"]


def test_the_scripts_stand_in_the_config_map(render) -> None:  # type: ignore[no-untyped-def]
    (scripts,) = [one for one in render("default") if one["metadata"]["name"] == "medallion-prepare" and "data" in one]
    for name in ("prepare.py", "make_secrets.py", "secret_values.py", "stored_data.py", "clear_jobs.py"):
        assert scripts["data"][name].strip() == Path(FILES / name).read_text().strip()


def test_postgres_default_is_read_with_any_password() -> None:
    sdk = pytest.importorskip("airflow.sdk.definitions.connection")
    connections = script(FILES / "connections.py")
    for password in generated():
        values = ("db", "5433", "warehouse", password, "gold")
        login = dict(zip(("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"), values, strict=True))
        read = sdk.Connection.from_json(connections.derive(login)[connections.KEY], conn_id="postgres_default")
        found = (read.conn_type, read.host, read.port, read.login, read.password, read.schema)
        assert found == ("postgres", "db", 5433, "warehouse", password, "gold")
