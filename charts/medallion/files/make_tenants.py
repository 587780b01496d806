"""Makes each tenant's role and database, and puts its login and a landing claim into its own namespace.

A tenant's role owns its database and may connect to no other: what it cannot connect to it cannot read.
"""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

# Whatever the login says, a tenant's names are `tenant_…`: no Secret can make it another role.
ROLE = """
select case when exists (select from pg_roles where rolname = name)
    then format('alter role %%I login nosuperuser nocreatedb nocreaterole password %%L', name, word)
    else format('create role %%I login password %%L', name, word) end
from (select %s::text as name, %s::text as word) as wanted
"""
DATABASE = """
select format('create database %%I owner %%I', name, name)
from (select %s::text as name) as wanted where not exists (select from pg_database where datname = name)
"""
CLOSED = "select format('revoke connect, temporary on database %%I from public', %s::text)"
OPEN_TO_READER = """
select format('create role %%I nologin', reader)
from (select %s::text as reader) as wanted where not exists (select from pg_roles where rolname = reader)
"""
GRANT = "select format('grant connect on database %%I to %%I', %s::text, %s::text)"
GOLD = """
select format(
    'create schema if not exists gold authorization %%1$I; grant usage on schema gold to %%2$I; '
    'alter default privileges for role %%1$I in schema gold grant select on tables to %%2$I', %s::text, %s::text)
"""


class LoginWrong(Exception):
    """A tenant's Secret names another owner's role or database."""


def role_of(tenant: str) -> str:
    """The role of a tenant, which is its database's name too."""
    return f"tenant_{tenant.replace('-', '_')}"


def make_role(server: Any, tenant: str, login: dict[str, str]) -> None:
    """Makes a tenant's role and database, and closes it to all others.

    Args:
        server: An autocommit connection of a superuser.
        tenant: The tenant's name.
        login: Its Secret: PGUSER, PGDATABASE, PGPASSWORD.

    Raises:
        LoginWrong: The Secret is not that of this tenant.
    """
    name = role_of(tenant)
    if (login["PGUSER"], login["PGDATABASE"]) != (name, name):
        raise LoginWrong(f"medallion-warehouse-{tenant}: PGUSER and PGDATABASE must be {name}")
    _run(server, ROLE, name, login["PGPASSWORD"])
    _run(server, DATABASE, name)
    _run(server, CLOSED, name)
    _run(server, OPEN_TO_READER, f"{name}_reader")
    _run(server, GRANT, name, f"{name}_reader")


def make_schemas(database: Any, tenant: str) -> None:
    """Lets the tenant's analysts (`create role ana login in role tenant_acme_reader`) read its gold tables."""
    _run(database, GOLD, role_of(tenant), f"{role_of(tenant)}_reader")


def _run(connection: Any, query: str, *values: str) -> None:
    # The server quotes names and passwords; a statement that has nothing to do comes back as no row.
    cursor = connection.cursor()
    cursor.execute(query, values)
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)


def main() -> None:
    """Makes what is missing for every tenant in `TENANTS`; safe to run again."""
    import psycopg2
    import yaml
    from kubernetes import client, config

    config.load_incluster_config()
    api, here = client.CoreV1Api(), os.environ["NAMESPACE"]
    landing = yaml.safe_load(Path(__file__).with_name("landing.yaml").read_text())
    for name, tenant in json.loads(os.environ["TENANTS"]).items():
        secret = api.read_namespaced_secret(tenant["secret"], here).data
        login = {key: base64.b64decode(value).decode() for key, value in secret.items()}
        if os.environ["BUNDLED_POSTGRES"] == "true":
            for database, work in (
                ("postgres", lambda it, name=name, login=login: make_role(it, name, login)),
                (role_of(name), lambda it, name=name: make_schemas(it, name)),
            ):
                connection = psycopg2.connect(dbname=database, connect_timeout=10)
                connection.autocommit = True
                work(connection)
                connection.close()
        if tenant["namespace"] != here:
            hand_over(api, client, tenant["secret"], tenant["namespace"], login)
            if landing:
                make_claim(api, client, landing, tenant["namespace"])
        print(f"{name}: ready in {tenant['namespace']}")


def hand_over(api: Any, client: Any, name: str, namespace: str, login: dict[str, str]) -> None:
    """Writes a login to another namespace, or changes the one that is there."""
    meta = client.V1ObjectMeta(name=name, labels={"app.kubernetes.io/part-of": "medallion"})
    try:
        api.create_namespaced_secret(namespace, client.V1Secret(metadata=meta, string_data=login))
    except client.ApiException as error:
        if error.status != 409:
            raise
        api.patch_namespaced_secret(name, namespace, {"stringData": login})


def make_claim(api: Any, client: Any, claim: dict[str, Any], namespace: str) -> None:
    """Makes the landing claim of a namespace, as no claim can be used from another; one that is there stays."""
    try:
        api.create_namespaced_persistent_volume_claim(namespace, claim)
    except client.ApiException as error:
        if error.status != 409:
            raise


if __name__ == "__main__":
    try:
        main()
    except LoginWrong as error:
        sys.exit(str(error))
