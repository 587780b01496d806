"""What Postgres' error codes mean for a step: the one table of what another attempt can cure.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import re

from medallion.errors import BadInput, Misconfigured, StepFailure, WarehouseFull, WarehouseUnavailable

_AWAY, _FULL, _SETTING, _DATA = WarehouseUnavailable, WarehouseFull, Misconfigured, BadInput

MEANINGS: dict[str, type[StepFailure]] = {
    "08": _AWAY,  # connection exception
    "40": _AWAY,  # serialization failure, deadlock
    "53": _AWAY,  # out of memory, too many connections
    "53100": _FULL,
    "53400": _SETTING,  # a configured limit, such as temp_file_limit
    "55": _SETTING,  # a database that takes no connections
    "55006": _AWAY,  # object in use
    "55P03": _AWAY,  # lock not available
    "57": _AWAY,  # cancelled, shut down, starting up
    "58": _AWAY,  # an error of the server's machine
    "XX": _AWAY,
    "25P03": _AWAY,  # idle for too long in a transaction
    "25P04": _AWAY,  # a transaction for too long
    "25006": _AWAY,  # read-only: after a failover the old address leads to a standby for a while
    "HV00N": _AWAY,  # a foreign server cannot be reached
    "21": _DATA,
    "22": _DATA,  # a value out of range or of another type
    "23": _DATA,  # a constraint
    "44": _DATA,
    "0A": _SETTING,  # not supported
    "28": _SETTING,  # the login is refused
    "3D": _SETTING,  # no such database
    "3F": _SETTING,  # no such schema
    "42": _SETTING,  # no such relation or column, no privilege
    "54": _SETTING,  # a limit of Postgres
    "01": _SETTING, "02": _SETTING, "03": _SETTING, "09": _SETTING, "0B": _SETTING, "0F": _SETTING, "0L": _SETTING,
    "0P": _SETTING, "0Z": _SETTING, "10": _SETTING, "20": _SETTING, "24": _SETTING, "25": _SETTING, "26": _SETTING,
    "27": _SETTING, "2B": _SETTING, "2D": _SETTING, "2F": _SETTING, "34": _SETTING, "38": _SETTING, "39": _SETTING,
    "3B": _SETTING, "72": _SETTING, "F0": _SETTING, "HV": _SETTING, "P0": _SETTING,
}  # fmt: skip
"""By error code, or by its class, the first two characters."""

_TEXTS = (
    ("28P01", r"password authentication failed|no password supplied"),
    ("28000", r"authentication failed|no pg_hba\.conf entry|role \".*\" (does not exist|is not permitted to log in)"),
    ("3D000", r"database \".*\" does not exist"),
    ("42501", r"permission denied for database"),
    ("53300", r"too many (clients|connections)|remaining connection slots"),
    ("55000", r"is not currently accepting connections"),
    ("F0000", r"invalid (integer )?(value|port number|sslmode|channel_binding|connection option)"),
    ("F0000", r"does not support SSL|Servname not supported"),
    ("F0000", r"certificate verify failed|root certificate file .* does not exist|private key file|invalid URI"),
)
"""What libpq says of a connection that it could not open: it gives no code."""

LIMITS = (
    (r"tables can have at most (\d+) columns|target lists can have at most (\d+)", "Postgres has at most {} columns"),
    (r"cannot use more than (\d+) columns in an index", "a key may have {} columns"),
    (r"index row size .*maximum (\d+)|index row requires .*maximum size is (\d+)", "a key may have about {} bytes"),
    (r"row is too big: size \d+, maximum size (\d+)", "a row may have {} bytes besides what Postgres moves out of it"),
)
"""The limits of Postgres that files and contracts meet, in its words and in ours."""


def failure_class(code: str | None) -> type[StepFailure]:
    """Return the kind of failure that an error code stands for.

    Args:
        code: Five characters; None for a connection that broke, which has no code.
    """
    if not code:
        return WarehouseUnavailable
    return MEANINGS.get(code) or MEANINGS.get(code[:2]) or StepFailure


def find_code(text: str) -> str | None:
    """Return the code for what libpq says of a connection that it could not open, or None: it may open later."""
    return next((code for code, pattern in _TEXTS if re.search(pattern, text)), None)


def limit_in(text: str) -> str | None:
    """Return the limit of Postgres that a message is about, in plain words."""
    for pattern, words in LIMITS:
        if found := re.search(pattern, text):
            return words.format(next(group for group in found.groups() if group))
    return None


def as_failure(code: str | None, text: str, doing: str = "the warehouse") -> StepFailure:
    """Return the failure for an error of Postgres.

    Args:
        code: Its code, or None.
        text: Its message, one line.
        doing: What failed or refused, for the message.
    """
    kind = failure_class(code)
    if kind is WarehouseFull:
        return WarehouseFull(text)
    if kind is WarehouseUnavailable:
        return WarehouseUnavailable(f"{doing} failed: {text}", _TRY_AGAIN)
    limit = f"{limit}: " if (limit := limit_in(text)) else ""
    return kind(f"{doing} refused: {limit}{text}", _REMEDIES.get((code or "")[:2], "correct what the message names"))


_TRY_AGAIN = "check that the database is up and that PGHOST, PGPORT, PGUSER and PGDATABASE point at it; then run again"
_REMEDIES = {
    "28": "correct PGUSER and PGPASSWORD, or the Secret that they come from",
    "3D": "correct PGDATABASE, or create the database",
    "42": "see the message; where a privilege is missing, use the Secret of the database's own tenant, or grant it",
    "54": "have fewer columns, or shorter values, as the message says",
    "F0": "correct PGPORT, PGSSLMODE or the certificates, as the message says",
}
