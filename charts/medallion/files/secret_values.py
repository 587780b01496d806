"""Whether the Secrets are well formed. A message names the Secret and the key, never a part of a value."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

Secrets = dict[str, dict[str, str]]


class KeysWrong(Exception):
    """A key of a Secret that nothing can work with."""


def decoded(raw: Mapping[str, Mapping[str, str]]) -> Secrets:
    """Return Secrets as text, given their `data` in base64.

    Raises:
        KeysWrong: A value is empty, is not UTF-8 or holds a control character, such as a line break at its end.
    """
    found: Secrets = {}
    wrong = []
    for name, data in raw.items():
        found[name] = {}
        for key, value in data.items():
            octets = base64.b64decode(value)
            text = octets.decode("utf-8", errors="replace")
            fault = (
                "is empty" if not octets
                else "is not UTF-8" if text.encode() != octets
                else "holds a line break or another control character (was it made from a file?)"
                if any(ord(letter) < 32 or ord(letter) == 127 for letter in text)
                else ""
            )  # fmt: skip
            if fault:
                wrong.append(f"error: {name}/{key} {fault}")
            found[name][key] = text
    refuse(wrong, "write the Secret again: kubectl create secret generic … --from-literal=KEY=VALUE")
    return found


def well_formed(found: Secrets, host: str, port: str) -> None:
    """Raise `KeysWrong` if a URL, a port or the Fernet key of the Secrets cannot be read.

    Args:
        found: The Secrets as text.
        host: The service of the bundled Postgres.
        port: Its port, or an empty text if it has no port.
    """
    wrong = [*_ports(found, host, port), *_connection(found), *_fernet(found)]
    refuse(wrong, "correct these keys, then run the same command again")


def _ports(found: Secrets, host: str, port: str) -> Iterator[str]:
    for name, values in found.items():
        given = values.get("PGPORT")
        if given is None:
            continue
        if not (given.isascii() and given.isdigit()):
            yield f"error: {name}/PGPORT is not a number"
        elif port and given != port and values.get("PGHOST", "").split(".")[0] == host:
            yield f"error: {name}/PGPORT is {given}, and postgres.service.port is {port}"
    if port and (url := url_of(found)) and url.host == host and (url.port or 5432) != int(port):
        yield f"error: medallion-airflow/connection has port {url.port or 5432}, and postgres.service.port is {port}"


def _connection(found: Secrets) -> Iterator[str]:
    if "connection" not in found.get("medallion-airflow", {}):
        return
    url = url_of(found)
    if url is None or not url.database or "@" in f"{url.host}{url.database}" or not (url.host or "host" in url.query):
        yield (
            "error: medallion-airflow/connection is not a database URL: write "
            "postgresql+psycopg2://USER:PASSWORD@HOST:PORT/DATABASE, with the special characters of the password "
            "percent-encoded (@ is %40, : is %3A, / is %2F, # is %23, % is %25)"
        )


def _fernet(found: Secrets) -> Iterator[str]:
    from cryptography.fernet import Fernet

    try:
        for key in found.get("medallion-airflow", {}).get("fernet-key", "").split(","):
            if key:
                Fernet(key)
    except ValueError:
        yield "error: medallion-airflow/fernet-key is not a Fernet key (32 bytes in URL-safe base64)"


def url_of(found: Secrets) -> Any:
    """Return Airflow's connection as SQLAlchemy reads it, or `None` if it cannot."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(found.get("medallion-airflow", {}).get("connection", ""))
    except (ArgumentError, ValueError):
        return None


def refuse(wrong: list[str], hint: str) -> None:
    """Raise `KeysWrong` with all that is wrong, if there is something."""
    if wrong:
        raise KeysWrong("\n".join([*wrong, f"hint: {hint}"]))
