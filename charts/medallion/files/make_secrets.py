"""Makes the Secrets that are missing, and the keys that a Secret lacks. What is there stays as it is.

A key that data depends on is made for a new database only. Over data that exists, the release is refused.
"""

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from urllib.parse import quote

from kubernetes import client, config

HOST = "medallion-postgres"
PGKEYS = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")
AGAIN, REFUSED = 75, 78
"""Exit codes: another try may do, or the release is refused and the job does not try again (`podFailurePolicy`)."""

PROTECTS = {
    "medallion-postgres": (
        ("postgres-password", "airflow-password", "warehouse-password"),
        "the database: the logins of its administrator (backups), of Airflow and of the steps",
        "k8s/bring-back.sh medallion-postgres copies it from the running pod medallion-postgres-0",
    ),
    "medallion-airflow": (
        ("fernet-key",),
        "Airflow's stored connections and variables: only this key decrypts them",
        "k8s/bring-back.sh medallion-airflow copies it from the running scheduler",
    ),
    "medallion-ui": (
        ("username", "password"),
        "the login of the first user of the UI",
        "k8s/bring-back.sh medallion-ui gives that user a new password, and writes both into the Secret",
    ),
}
"""The keys that nothing can derive, what depends on them, and how to bring them back. Sessions and running tasks alone
depend on `jwt-secret` and `api-secret-key`; `connection` and `medallion-warehouse` follow from `medallion-postgres`."""
TENANT = (
    ("PGPASSWORD",),
    "the login of a tenant's steps to its database",
    "the one in the tenant's namespace; or make the Secret with a password of your choice, which the tenants job then "
    "gives to the role",
)


class KeysMissing(Exception):
    """Something that only the owner of an external database can know is in no Secret."""


class KeysLost(Exception):
    """A key is gone, and the data that depends on it is still there."""


def complete(
    found: dict[str, dict[str, str]],
    bundled: bool,
    tenants: dict[str, str] | None = None,
    namespace: str = "",
    port: str = "5432",
    data: Mapping[str, str] | None = None,
) -> dict[str, dict[str, str]]:
    """Return what every Secret should hold.

    Args:
        found: The Secrets that exist: name to key to value.
        bundled: Whether the chart brings Postgres; if not, connections must be in `found`.
        tenants: The Secret of each tenant's login, by the tenant's name.
        namespace: Where the bundled Postgres is; tenants' steps may be in another.
        port: The port of the bundled Postgres' service.
        data: The Secrets whose data exists already: name to what shows that it does.

    Returns:
        `found`, with new values for the keys that are missing.

    Raises:
        KeysMissing: There is no bundled Postgres, and a connection is missing.
        KeysLost: A key is missing that data depends on. The message names each and says how to bring it back.
    """
    password, tenants = secrets.token_urlsafe, tenants or {}
    if not bundled:
        required = {"medallion-airflow": ("connection",), "medallion-warehouse": PGKEYS}
        required |= dict.fromkeys(tenants.values(), PGKEYS)
        missing = [f"{name}/{key}" for name, keys in required.items() for key in keys if key not in found.get(name, {})]
        if missing:
            raise KeysMissing(f"postgres.enabled is false: put the connections in Secrets first: {', '.join(missing)}")
    refuse_lost(found, data or {}, set(tenants.values()))
    wanted = {
        "medallion-airflow": {
            "fernet-key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt-secret": password(64),
            "api-secret-key": password(32),
        },
        "medallion-ui": {"username": "medallion", "password": password(18)},
    }
    if bundled:
        roles = ("postgres-password", "airflow-password", "warehouse-password")
        login = {role: password(24) for role in roles} | found.get("medallion-postgres", {})
        airflow = quote(login["airflow-password"], safe="")
        wanted["medallion-airflow"]["connection"] = f"postgresql+psycopg2://airflow:{airflow}@{HOST}:{port}/airflow"
        warehouse = (HOST, port, "warehouse", login["warehouse-password"], "warehouse")
        wanted["medallion-postgres"] = login
        wanted["medallion-warehouse"] = dict(zip(PGKEYS, warehouse, strict=True))
        for tenant, secret in tenants.items():
            role = f"tenant_{tenant.replace('-', '_')}"
            own = (f"{HOST}.{namespace}.svc", port, role, password(24), role)
            wanted[secret] = dict(zip(PGKEYS, own, strict=True))
    return found | {name: values | found.get(name, {}) for name, values in wanted.items()}


def refuse_lost(found: dict[str, dict[str, str]], data: Mapping[str, str], tenants: set[str]) -> None:
    """Raise `KeysLost` if a key is missing whose data exists.

    Args:
        found: The Secrets that exist: name to key to value.
        data: The Secrets whose data exists already: name to what shows that it does.
        tenants: The names of tenants' Secrets.
    """
    problems = []
    for name, evidence in data.items():
        keys, protects, back = TENANT if name in tenants else PROTECTS[name]
        lost = [key for key in keys if key not in found.get(name, {})]
        if lost:
            problems.append(
                f"error: Secret {name} {'lacks ' + ', '.join(lost) if name in found else 'is missing'}, "
                f"and its data is there: {evidence}\n"
                f"  It protects {protects}. A new one would not fit, so nothing was changed.\n"
                f"hint: bring it back, then run the same command again: kubectl apply your copy, or {back}. "
                "See docs/operations.md, A lost Secret."
            )
    if problems:
        raise KeysLost("\n".join(problems))


def read(api: client.CoreV1Api, namespace: str, names: list[str]) -> dict[str, client.V1Secret]:
    """Return the Secrets that exist, by name."""
    live = {}
    for name in names:
        try:
            live[name] = api.read_namespaced_secret(name, namespace)
        except client.ApiException as error:
            if error.status != 404:
                raise
    return live


def main() -> None:
    """Read, check, complete and write the Secrets of the pod's own namespace. Two at once do no harm: one gives way."""
    import connections  # next to this file
    import secret_values
    import stored_data

    config.load_incluster_config()
    api, namespace = client.CoreV1Api(), os.environ["NAMESPACE"]
    tenants = {name: tenant["secret"] for name, tenant in json.loads(os.environ["TENANTS"]).items()}
    bundled, port = os.environ["BUNDLED_POSTGRES"] == "true", os.environ["POSTGRES_PORT"]
    names = ["medallion-airflow", "medallion-ui", "medallion-postgres", "medallion-warehouse", *tenants.values()]
    live = read(api, namespace, [*names, connections.SECRET])
    derived = live.pop(connections.SECRET, None)
    try:
        found = secret_values.decoded({name: secret.data or {} for name, secret in live.items()})
        secret_values.well_formed(found, HOST, port if bundled else "")
        if bundled:
            claim = stored_data.claim(namespace, os.environ["POSTGRES_CLAIM"])
            data = stored_data.bundled_data(found, tenants, claim, HOST, port)
        else:
            data = stored_data.external_data(found)
        wanted = complete(found, bundled, tenants, namespace, port, data)
        stored_data.fit(found, (HOST, port) if bundled else None)
    except (KeysMissing, KeysLost, secret_values.KeysWrong) as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    except stored_data.Unsure as error:
        print(f"error: {error}\nhint: this is tried again; make Postgres answer", file=sys.stderr)
        sys.exit(AGAIN)
    for name, values in wanted.items():
        new = {key: value for key, value in values.items() if key not in found.get(name, {})}
        write(api, namespace, name, live.get(name), new)
    # What is derived follows its origin at each install and upgrade.
    held = (derived.data or {}) if derived else {}
    write(api, namespace, connections.SECRET, derived, connections.outdated(wanted["medallion-warehouse"], held))


def write(api: client.CoreV1Api, namespace: str, name: str, live: client.V1Secret | None, new: dict[str, str]) -> None:
    """Make a Secret, or add keys to the one that is there."""
    if live is None:
        meta = client.V1ObjectMeta(name=name, labels={"app.kubernetes.io/part-of": "medallion"})
        api.create_namespaced_secret(namespace, client.V1Secret(metadata=meta, string_data=new))
    elif new:
        version = {"resourceVersion": live.metadata.resource_version}
        api.patch_namespaced_secret(name, namespace, {"metadata": version, "stringData": new})
    print(f"{name}: {'made' if live is None else 'set ' + ', '.join(new) if new else 'kept'}")
