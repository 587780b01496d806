"""The Secrets of a release against the Postgres that they belong to: no key is replaced over data, nothing misfits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from charts import CHART, script
from databases import running_server
from dumps import SCRIPTS, variables_of

pytest.importorskip("kubernetes")
pytest.importorskip("sqlalchemy")
PASSWORD = "p@ss/w:rd%#"
KEYS = ("postgres-password", "airflow-password", "warehouse-password")
Found = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def scripts() -> Iterator[Callable[[str], ModuleType]]:
    """The scripts of the prepare job, as they find each other in its pod."""
    sys.path.insert(0, str(CHART / "files"))
    yield lambda name: script(CHART / "files" / f"{name}.py")
    sys.path.remove(str(CHART / "files"))


@pytest.fixture(scope="module")
def stored(scripts: Callable[[str], ModuleType]) -> ModuleType:
    return scripts("stored_data")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The folder of the socket of a Postgres as the chart makes it, with an awkward password for every role."""
    with running_server() as url:
        variables = {**variables_of(url), "AIRFLOW_PASSWORD": PASSWORD, "WAREHOUSE_PASSWORD": PASSWORD}
        subprocess.run(
            ["sh", SCRIPTS / "postgres-init.sh"], env=variables, check=True, capture_output=True, timeout=300
        )
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(f"alter role postgres password '{PASSWORD}'")  # type: ignore[arg-type]
            (file,) = session.execute("show hba_file").fetchone() or ("",)
            Path(file).write_text("local all all scram-sha-256\n")
            session.execute("select pg_reload_conf()")
            host = session.info.host
        yield host


@pytest.fixture
def found(server: str, scripts: Callable[[str], ModuleType]) -> Found:
    """The Secrets that an install makes for that server. Its address is the socket's."""
    made: Found = scripts("make_secrets").complete({"medallion-postgres": dict.fromkeys(KEYS, PASSWORD)}, bundled=True)
    connection = made["medallion-airflow"]["connection"]
    made["medallion-airflow"]["connection"] = connection.replace("medallion-postgres:5432", "") + f"?host={server}"
    made["medallion-warehouse"]["PGHOST"] = server
    return made


def administer(server: str, database: str, *statements: str) -> None:
    with psycopg.connect(host=server, user="postgres", dbname=database, password=PASSWORD, autocommit=True) as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[arg-type]


def test_awkward_passwords_log_in_everywhere(stored: ModuleType, found: Found, server: str) -> None:
    stored.fit(found, (server, "5432"))


@pytest.mark.parametrize("key", KEYS)
def test_a_password_replaced_is_refused(key: str, stored: ModuleType, found: Found, server: str) -> None:
    found["medallion-postgres"][key] = "other-one"
    with pytest.raises(
        stored.KeysWrong, match=f"medallion-postgres/{key} is not the password of the server"
    ) as refusal:
        stored.fit(found, (server, "5432"))
    assert "other-one" not in str(refusal.value)


def test_each_login_that_misfits_is_named(stored: ModuleType, found: Found, server: str) -> None:
    found["medallion-warehouse"]["PGPASSWORD"] = "other-one"
    found["medallion-airflow"]["connection"] = f"postgresql+psycopg2://airflow:other-one@:5432/airflow?host={server}"
    with pytest.raises(stored.KeysWrong) as refusal:
        stored.fit(found, (server, "5432"))
    for words in (
        "medallion-warehouse/PGPASSWORD is not the password",
        "medallion-airflow/connection: the server refuses",
    ):
        assert words in str(refusal.value)


def test_a_server_that_is_away_refuses_nothing(
    stored: ModuleType, found: Found, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found["medallion-airflow"]["connection"] = f"postgresql+psycopg2://airflow:x@:5432/airflow?host={tmp_path}"
    found["medallion-warehouse"]["PGHOST"] = str(tmp_path)
    stored.fit(found, (str(tmp_path), "5432"))
    assert capsys.readouterr().out.count("not tried, as the server does not answer") == 4


@pytest.fixture
def encrypted(server: str, found: Found) -> Iterator[None]:
    """A connection that Airflow stored, encrypted with the release's key."""
    from cryptography.fernet import Fernet

    token = Fernet(found["medallion-airflow"]["fernet-key"]).encrypt(b"hush").decode()
    administer(
        server, "airflow",
        "create table connection (password text, extra text, is_encrypted boolean, is_extra_encrypted boolean)",
        "create table variable (val text, is_encrypted boolean)",
        "create table ab_user (id int)",
        f"insert into connection values ('{token}', null, true, false)",
        "insert into ab_user values (1)",
        "grant select on connection, variable, ab_user to airflow",
    )  # fmt: skip
    yield
    administer(server, "airflow", "drop table connection, variable, ab_user")


@pytest.mark.usefixtures("encrypted")
def test_a_fernet_key_that_decrypts_nothing_is_refused(stored: ModuleType, found: Found, server: str) -> None:
    from cryptography.fernet import Fernet

    stored.fit(found, (server, "5432"))
    kept = found["medallion-airflow"]["fernet-key"]
    found["medallion-airflow"]["fernet-key"] = f"{Fernet.generate_key().decode()},{kept}"
    stored.fit(found, (server, "5432"))
    found["medallion-airflow"]["fernet-key"] = Fernet.generate_key().decode()
    with pytest.raises(stored.KeysWrong, match="medallion-airflow/fernet-key decrypts none"):
        stored.fit(found, (server, "5432"))


@pytest.mark.usefixtures("encrypted")
def test_an_external_database_says_what_depends_on_a_lost_key(stored: ModuleType, found: Found) -> None:
    assert stored.external_data(found) == {}
    del found["medallion-airflow"]["fernet-key"], found["medallion-ui"]
    assert set(stored.external_data(found)) == {"medallion-airflow", "medallion-ui"}


def test_an_empty_external_database_lets_keys_be_made(stored: ModuleType, found: Found) -> None:
    del found["medallion-airflow"]["fernet-key"], found["medallion-ui"]
    assert stored.external_data(found) == {}


def test_an_external_database_that_is_away_leaves_it_open(stored: ModuleType, found: Found, tmp_path: Path) -> None:
    found["medallion-airflow"]["connection"] = f"postgresql+psycopg2://airflow:x@:5432/airflow?host={tmp_path}"
    del found["medallion-ui"]
    with pytest.raises(stored.Unsure, match="does not answer"):
        stored.external_data(found)


def test_a_tenants_database_says_that_its_login_was_lost(stored: ModuleType, found: Found, server: str) -> None:
    administer(server, "postgres", "create database tenant_old_one")
    tenants = {"old-one": "medallion-warehouse-old-one", "new": "medallion-warehouse-new"}
    data: dict[str, Any] = stored.bundled_data(found, tenants, "volume claim data", server, "5432")
    administer(server, "postgres", "drop database tenant_old_one")
    assert data == {
        "medallion-postgres": "volume claim data",
        "medallion-airflow": "volume claim data",
        "medallion-ui": "volume claim data",
        "medallion-warehouse-old-one": "database tenant_old_one",
    }
    assert stored.bundled_data({}, tenants, "", server, "5432") == {}
