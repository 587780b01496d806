"""`postgres_default`: Airflow reads the warehouse's login from a Secret that follows it."""

from __future__ import annotations

import base64
from types import ModuleType

import pytest

from charts import CHART, Render, of_kind, pods, script

FILES = CHART / "files"


@pytest.fixture
def connections() -> ModuleType:
    return script(FILES / "connections.py")


def login(password: str, **more: str) -> dict[str, str]:
    return {
        "PGHOST": "db",
        "PGPORT": "5433",
        "PGUSER": "warehouse",
        "PGPASSWORD": password,
        "PGDATABASE": "gold",
        **more,
    }


def test_sslmode_of_an_external_database_is_kept(connections: ModuleType) -> None:
    sdk = pytest.importorskip("airflow.sdk.definitions.connection")
    text = connections.derive(login("x", PGSSLMODE="verify-full"))[connections.KEY]
    assert sdk.Connection.from_json(text, conn_id="c").extra_dejson == {"sslmode": "verify-full"}


def encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def test_connection_follows_a_changed_login_alone(connections: ModuleType) -> None:
    held = encoded(connections.derive(login("old")) | {"AIRFLOW_CONN_CRM": "http://crm"})
    assert connections.outdated(login("old"), held) == {}
    assert connections.outdated(login("new"), held) == connections.derive(login("new"))
    assert connections.outdated(login("new"), {}) == connections.derive(login("new"))


@pytest.mark.parametrize("values", ["default", "external database"])
def test_airflow_and_its_workers_get_the_connection(values: str, render: Render) -> None:
    optional = {"secretRef": {"name": "medallion-connections", "optional": True}}
    having = {
        name for name, pod in pods(render(values)) for one in pod["containers"] if optional in one.get("envFrom", [])
    }
    assert {"worker", "Deployment/medallion-dag-processor"} <= having
    assert not {name for name in having if "postgres" in name or "backup" in name}


def test_prepare_job_may_write_this_secret_and_no_other(render: Render) -> None:
    (role,) = of_kind(render("default"), "Role", "medallion-prepare")
    named = [rule for rule in role["rules"] if rule["resources"] == ["secrets"] and "resourceNames" in rule]
    names = ["medallion-airflow", "medallion-ui", "medallion-postgres", "medallion-warehouse", "medallion-connections"]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in named] == [(names, ["get", "patch"])]
    (scripts,) = of_kind(render("default"), "ConfigMap", "medallion-prepare")
    assert "import connections" in scripts["data"]["make_secrets.py"]
    assert "AIRFLOW_CONN_POSTGRES_DEFAULT" in scripts["data"]["connections.py"]
