"""The one table of what another attempt can cure, and what is made of it."""

from __future__ import annotations

import pytest
from psycopg.errors import _sqlcodes

from medallion.dbt.commands import as_failure as dbt_failure_of
from medallion.errors import (
    BadInput,
    ExitCode,
    Misconfigured,
    StepFailure,
    WarehouseFull,
    WarehouseUnavailable,
)
from medallion.sqlstate import as_failure, failure_class, find_code, limit_in

OUTAGES = [
    "08000",
    "08003",
    "08006",
    "40001",
    "40P01",
    "53000",
    "53200",
    "53300",
    "55006",
    "55P03",
    "57014",
    "57P01",
    "57P02",
]
OUTAGES += ["25P03", "25P04", "57P03", "57P04", "57P05", "58000", "58030", "XX000", "25006", "HV00N", "53100"]


def test_every_code_of_postgres_has_a_meaning():
    codes = [code for code in _sqlcodes if len(code) == 5]
    assert len(codes) > 200
    assert not [code for code in codes if failure_class(code) is StepFailure]


@pytest.mark.parametrize("code", [None, *OUTAGES])
def test_what_may_pass_by_itself_is_tried_again(code: str | None):
    assert issubclass(failure_class(code), WarehouseUnavailable)
    assert as_failure(code, "x").code.retryable


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("54000", Misconfigured), ("54011", Misconfigured), ("54001", Misconfigured), ("0A000", Misconfigured),
        ("28P01", Misconfigured), ("28000", Misconfigured), ("3D000", Misconfigured), ("42P01", Misconfigured),
        ("42501", Misconfigured), ("53400", Misconfigured), ("F0000", Misconfigured), ("P0001", Misconfigured),
        ("22P02", BadInput), ("22003", BadInput), ("23505", BadInput), ("23514", BadInput),
    ],
)  # fmt: skip
def test_what_would_fail_again_fails_at_once(code: str, kind: type[StepFailure]):
    failure = as_failure(code, "its own words")
    assert isinstance(failure, kind)
    assert not failure.code.retryable
    assert "its own words" in failure.message
    assert failure.remedy


def test_everything_that_is_not_an_outage_fails_at_once():
    again = {code for code in _sqlcodes if len(code) == 5 and failure_class(code)("x").code.retryable}
    assert {code[:2] for code in again} == {"08", "25", "40", "53", "55", "57", "58", "HV", "XX"}


def test_a_full_volume_is_named():
    assert isinstance(as_failure("53100", "could not extend file"), WarehouseFull)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tables can have at most 1600 columns", "Postgres has at most 1600 columns"),
        ("target lists can have at most 1664 entries", "Postgres has at most 1664 columns"),
        (
            'index row size 6016 exceeds btree version 4 maximum 2704 for index "a_pkey"',
            "a key may have about 2704 bytes",
        ),
        ("index row requires 8200 bytes, maximum size is 8191", "a key may have about 8191 bytes"),
        ("row is too big: size 10288, maximum size 8160", "a row may have 8160 bytes"),
        ("cannot use more than 32 columns in an index", "a key may have 32 columns"),
    ],
)
def test_a_limit_is_named_in_plain_words(text: str, words: str):
    assert (limit_in(text) or "").startswith(words)
    assert words in as_failure("54000", text).message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('FATAL:  password authentication failed for user "a"', "28P01"),
        ('FATAL:  role "a" does not exist', "28000"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "28000"),
        ('FATAL:  database "b" does not exist', "3D000"),
        ('FATAL:  permission denied for database "b"', "42501"),
        ("FATAL:  sorry, too many clients already", "53300"),
        ("FATAL:  remaining connection slots are reserved", "53300"),
        ('invalid integer value "abc" for connection option "port"', "F0000"),
        ("server does not support SSL, but SSL was required", "F0000"),
        ("connection refused", None),
        ("failed to resolve host 'x': Name or service not known", None),
        ("FATAL:  the database system is starting up", None),
        ("timeout expired", None),
    ],
)
def test_failed_connection_is_classified_by_libpq_message(text: str, code: str | None):
    assert find_code(f'connection failed: connection to server at "h", port 5432 failed: {text}') == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Database Error\n  invalid input syntax for type integer: \"connection refused\"\n(SQLSTATE 22P02)", 83),
        ('Database Error\n  relation "timeout expired" does not exist\n(SQLSTATE 42P01)', 83),
        ("Database Error\n  tables can have at most 1600 columns\n(SQLSTATE 54011)", 83),
        ("Database Error\n  deadlock detected\n(SQLSTATE 40P01)", 75),
        ("Database Error\n  terminating connection due to administrator command\n(SQLSTATE 57P01)", 75),
        ("Database Error\n  could not extend file: No space left on device\n(SQLSTATE 53100)", 75),
        ("Database Error\n  x\n(SQLSTATE 57P01)\nDatabase Error\n  y\n(SQLSTATE 42601)", 83),
        ("Database Error\n  connection to server at \"h\" failed: Connection refused", 75),
        ("Compilation Error\n  model x depends on y", 83),
    ],
)  # fmt: skip
def test_a_failing_model_is_tried_again_by_the_same_table(message: str, code: int):
    failure = dbt_failure_of(message)
    assert failure.code == code
    assert failure.code.retryable == (code == ExitCode.WAREHOUSE_UNAVAILABLE)
    if "1600" in message:
        assert failure.message.startswith("Postgres has at most 1600 columns")
    if code == 75:
        assert "SQLSTATE" not in failure.message
