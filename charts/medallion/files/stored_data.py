"""Whether data depends on a Secret, and whether the Secrets fit the data. Nothing is written."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from secret_values import KeysWrong, Secrets, refuse

LOGIN = {
    "PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname",
    "PGSSLMODE": "sslmode",
}  # fmt: skip
ROLES = {"postgres-password": "postgres", "airflow-password": "airflow", "warehouse-password": "warehouse"}
SECONDS = 5
ENCRYPTED = """
select password from connection where is_encrypted and password is not null
union all select extra from connection where is_extra_encrypted and extra is not null
union all select val from variable where is_encrypted and val is not null
limit 100
"""


class Unsure(Exception):
    """Whether there is data cannot be checked now; another attempt may succeed."""


def claim(namespace: str, name: str) -> str:
    """Return what shows that the bundled Postgres has data: its volume claim or its StatefulSet; else an empty text."""
    from kubernetes import client

    reads = [
        (f"StatefulSet {'medallion-postgres'}", client.AppsV1Api().read_namespaced_stateful_set, "medallion-postgres")
    ]
    if name:
        reads.insert(0, (f"volume claim {name}", client.CoreV1Api().read_namespaced_persistent_volume_claim, name))
    for title, get, wanted in reads:
        try:
            if get(wanted, namespace).metadata.deletion_timestamp is None:
                return title
        except client.ApiException as error:
            if error.status != 404:
                raise
    return ""


def bundled_data(found: Secrets, tenants: Mapping[str, str], there: str, host: str, port: str) -> dict[str, str]:
    """Return the Secrets whose data the bundled Postgres holds: name to what shows it.

    Raises:
        Unsure: A tenant's Secret is missing, and Postgres does not answer.
    """
    if not there:
        return {}
    data = dict.fromkeys(("medallion-postgres", "medallion-airflow", "medallion-ui"), there)
    lost = {name: secret for name, secret in tenants.items() if "PGPASSWORD" not in found.get(secret, {})}
    administrator = found.get("medallion-postgres", {}).get("postgres-password")
    if lost and administrator:
        login = {"host": host, "port": port, "user": "postgres", "password": administrator, "dbname": "postgres"}
        names = {name for (name,) in _rows(login, "select datname from pg_database")}
        for tenant, secret in lost.items():
            if (database := f"tenant_{tenant.replace('-', '_')}") in names:
                data[secret] = f"database {database}"
    return data


def _rows(login: dict[str, str], query: str) -> list[Any]:
    import psycopg2

    try:
        with closing(psycopg2.connect(**login, connect_timeout=SECONDS)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())
    except psycopg2.OperationalError as error:
        if refused(error):
            raise KeysWrong("error: medallion-postgres/postgres-password is not the password of the server") from None
        raise Unsure(
            "Postgres does not answer, so it cannot be seen whether a tenant whose Secret is missing has data"
        ) from None


def external_data(found: Secrets) -> dict[str, str]:
    """Return the Secrets whose data Airflow's external database holds: name to what shows it.

    Raises:
        Unsure: A key is missing, and the database does not answer.
    """
    from sqlalchemy import inspect, text
    from sqlalchemy.exc import OperationalError

    lacks_key = "fernet-key" not in found.get("medallion-airflow", {})
    lacks_user = not {"username", "password"} <= found.get("medallion-ui", {}).keys()
    if not (lacks_key or lacks_user) or "connection" not in found.get("medallion-airflow", {}):
        return {}
    data = {}
    try:
        with _engine(found).connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if {"connection", "variable"} <= tables and connection.execute(text(ENCRYPTED)).first():
                data["medallion-airflow"] = "encrypted connections or variables in Airflow's database"
            if "ab_user" in tables and connection.execute(text("select id from ab_user limit 1")).first():
                data["medallion-ui"] = "users in Airflow's database"
    except OperationalError as error:
        if refused(error.orig):
            raise KeysWrong("error: medallion-airflow/connection: the server refuses this login") from None
        raise Unsure(
            "Airflow's database does not answer, so it cannot be seen whether data depends on a missing key"
        ) from None
    return data


def _engine(found: Secrets) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    arguments = {"connect_timeout": SECONDS}
    return create_engine(found["medallion-airflow"]["connection"], poolclass=NullPool, connect_args=arguments)


def refused(error: object) -> bool:
    """Return whether a server answered that the password is wrong."""
    return "password authentication failed" in str(error) or "no password supplied" in str(error)


def fit(found: Secrets, bundled: tuple[str, str] | None) -> None:
    """Raise `KeysWrong` if the servers that answer refuse a login, or if no stored value can be decrypted.

    Args:
        found: The Secrets as text.
        bundled: Host and port of the bundled Postgres, if there is one.
    """
    wrong = [*_logins(found, bundled), *_airflow(found)]
    refuse(
        wrong,
        "put the value back that the data was made with, or give the role this password "
        "(alter role … password …), then run the same command again. See docs/operations.md, A lost Secret.",
    )


def _logins(found: Secrets, bundled: tuple[str, str] | None) -> Iterator[str]:
    import psycopg2

    tried: dict[str, dict[str, str]] = {}
    if bundled:
        for key, role in ROLES.items():
            if password := found.get("medallion-postgres", {}).get(key):
                own = {"host": bundled[0], "port": bundled[1], "user": role, "dbname": role, "password": password}
                tried[f"medallion-postgres/{key}"] = own
    warehouse = found.get("medallion-warehouse", {})
    if {"PGHOST", "PGPASSWORD"} <= warehouse.keys():
        tried["medallion-warehouse/PGPASSWORD"] = {LOGIN[key]: warehouse[key] for key in LOGIN if key in warehouse}
    for title, login in tried.items():
        try:
            psycopg2.connect(**login, connect_timeout=SECONDS).close()
        except psycopg2.OperationalError as error:
            if refused(error):
                yield f"error: {title} is not the password of the server"
            else:
                print(f"{title}: not tried, as the server does not answer")


def _airflow(found: Secrets) -> Iterator[str]:
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet
    from sqlalchemy import inspect, text
    from sqlalchemy.exc import SQLAlchemyError

    airflow = found.get("medallion-airflow", {})
    if not {"connection", "fernet-key"} <= airflow.keys():
        return
    try:
        with _engine(found).connect() as connection:
            if not {"connection", "variable"} <= set(inspect(connection).get_table_names()):
                return
            stored = [value for (value,) in connection.execute(text(ENCRYPTED))]
    except SQLAlchemyError as error:
        if refused(error):
            yield "error: medallion-airflow/connection: the server refuses this login"
        return
    keys = MultiFernet([Fernet(key) for key in airflow["fernet-key"].split(",") if key])

    def readable(value: str) -> bool:
        try:
            return bool(keys.decrypt(value.encode()) is not None)
        except InvalidToken:
            return False

    if stored and not any(readable(value) for value in stored):
        yield "error: medallion-airflow/fernet-key decrypts none of Airflow's stored connections and variables"
