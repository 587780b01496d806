"""Airflow's connection `postgres_default`, for a team's own DAGs: the warehouse, as the Secret of its login has it.

The Secret `medallion-connections` is part of the environment of Airflow's pods. It may hold further connections, as
`AIRFLOW_CONN_<NAME>`: they stay as they are.
"""

import base64
import json
from collections.abc import Mapping

SECRET = "medallion-connections"
KEY = "AIRFLOW_CONN_POSTGRES_DEFAULT"


def derive(login: Mapping[str, str]) -> dict[str, str]:
    """Return what the Secret should hold, in Airflow's JSON form: it needs no quoting, whatever the password.

    Args:
        login: The Secret `medallion-warehouse`, with libpq's names.
    """
    connection = {
        "conn_type": "postgres",
        "host": login["PGHOST"],
        "port": int(login["PGPORT"]),
        "login": login["PGUSER"],
        "password": login["PGPASSWORD"],
        "schema": login["PGDATABASE"],
    }
    if "PGSSLMODE" in login:
        connection["extra"] = {"sslmode": login["PGSSLMODE"]}
    return {KEY: json.dumps(connection)}


def outdated(login: Mapping[str, str], held: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of the Secret that do not fit the login, with their new values.

    Args:
        login: The Secret `medallion-warehouse`, with libpq's names.
        held: The `data` of the Secret as it is, in base64.
    """
    wanted = derive(login)
    return {key: text for key, text in wanted.items() if held.get(key) != base64.b64encode(text.encode()).decode()}
