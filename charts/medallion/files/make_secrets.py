"""Makes the Secrets that are missing, and the keys that a Secret lacks. What is there stays as it is."""

import base64
import json
import os
import secrets
import sys

from kubernetes import client, config

HOST, PORT = "medallion-postgres", "5432"
PGKEYS = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")


class KeysMissing(Exception):
    """Something that only the owner of an external database can know is in no Secret."""


def complete(
    found: dict[str, dict[str, str]], bundled: bool, tenants: dict[str, str] | None = None, namespace: str = ""
) -> dict[str, dict[str, str]]:
    """What every Secret should hold.

    Args:
        found: The Secrets that exist: name to key to value.
        bundled: Whether the chart brings Postgres; if not, connections must be in `found`.
        tenants: The Secret of each tenant's login, by the tenant's name.
        namespace: Where the bundled Postgres is; tenants' steps may be in another.

    Returns:
        `found`, with new values for the keys that are missing.

    Raises:
        KeysMissing: There is no bundled Postgres, and a connection is missing.
    """
    password, tenants = secrets.token_urlsafe, tenants or {}
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
        airflow = f"postgresql+psycopg2://airflow:{login['airflow-password']}@{HOST}:{PORT}/airflow"
        warehouse = (HOST, PORT, "warehouse", login["warehouse-password"], "warehouse")
        wanted["medallion-postgres"] = login
        wanted["medallion-airflow"]["connection"] = airflow
        wanted["medallion-warehouse"] = dict(zip(PGKEYS, warehouse, strict=True))
        for tenant, secret in tenants.items():
            role = f"tenant_{tenant.replace('-', '_')}"
            own = (f"{HOST}.{namespace}.svc", PORT, role, password(24), role)
            wanted[secret] = dict(zip(PGKEYS, own, strict=True))
    else:
        required = {"medallion-airflow": ("connection",), "medallion-warehouse": PGKEYS}
        required |= dict.fromkeys(tenants.values(), PGKEYS)
        missing = [f"{name}/{key}" for name, keys in required.items() for key in keys if key not in found.get(name, {})]
        if missing:
            raise KeysMissing(f"postgres.enabled is false: put the connections in Secrets first: {', '.join(missing)}")
    return found | {name: values | found.get(name, {}) for name, values in wanted.items()}


def main() -> None:
    """Reads, completes and writes the Secrets of the pod's own namespace. Two at once do no harm: one gives way."""
    config.load_incluster_config()
    api, namespace = client.CoreV1Api(), os.environ["NAMESPACE"]
    tenants = {name: tenant["secret"] for name, tenant in json.loads(os.environ["TENANTS"]).items()}
    live = {}
    for name in ("medallion-airflow", "medallion-ui", "medallion-postgres", "medallion-warehouse", *tenants.values()):
        try:
            live[name] = api.read_namespaced_secret(name, namespace)
        except client.ApiException as error:
            if error.status != 404:
                raise
    found = {
        name: {key: base64.b64decode(value).decode() for key, value in (secret.data or {}).items()}
        for name, secret in live.items()
    }
    for name, values in complete(found, os.environ["BUNDLED_POSTGRES"] == "true", tenants, namespace).items():
        new = {key: value for key, value in values.items() if key not in found.get(name, {})}
        if name not in live:
            meta = client.V1ObjectMeta(name=name, labels={"app.kubernetes.io/part-of": "medallion"})
            api.create_namespaced_secret(namespace, client.V1Secret(metadata=meta, string_data=new))
        elif new:
            version = {"resourceVersion": live[name].metadata.resource_version}
            api.patch_namespaced_secret(name, namespace, {"metadata": version, "stringData": new})
        print(f"{name}: {'made' if name not in live else 'added ' + ', '.join(new) if new else 'kept'}")


if __name__ == "__main__":
    try:
        main()
    except KeysMissing as error:
        sys.exit(str(error))
