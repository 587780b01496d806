"""Names and passwords of any kind reach a real server, and no error shows any of them."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from medallion.errors import StepFailure
from medallion.warehouse.connection import connect, environment

pytestmark = pytest.mark.fuzz
SEED = int(os.environ.get("MEDALLION_SEED", "20261125"))
TRIES = 25 * int(os.environ.get("MEDALLION_FUZZ", "1"))
NASTY = [
    "p@ss/w:rd%#",
    "' or '1'='1",
    'say "hi"',
    "back\\slash",
    "a b  c",
    "?x=1&y=2",
    "$(HOME) $$",
    "{{ x }}",
    "pässwörd€😀",
]
NASTY += [
    "=",
    "host=elsewhere",
    "%41",
    "%",
    "\ttab",
    "a'",
    "\\'",
    ":",
    "@",
    "#",
    "-",
    "[::1]",
    "`id`",
    "ключ",
    "{}",
    "postgresql://a:b@c/d",
]
SIGNS = string.printable.replace("\r", "").replace("\n", "") + "äß€ключ字😀"


def texts() -> list[str]:
    chance = random.Random(SEED)
    print(f"seed {SEED}, {TRIES} generated")
    made = ["".join(chance.choices(SIGNS, k=chance.randint(1, 30))) for _ in range(TRIES)]
    return [*NASTY, *(text for text in made if text.strip())]


@pytest.fixture
def role(warehouse: psycopg.Connection[tuple[object, ...]]) -> Iterator[Any]:
    """Gives a login a name and a password, and takes it away again."""
    names: list[str] = []

    def give(name: str, password: str) -> None:
        words = sql.SQL("create role {} login superuser password {}").format(
            sql.Identifier(name), sql.Literal(password)
        )
        warehouse.execute(words)
        names.append(name)

    yield give
    for name in names:
        warehouse.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_every_login_reaches_the_server_by_a_url_and_by_a_string(
    warehouse: psycopg.Connection[tuple[object, ...]], role: Any, monkeypatch: pytest.MonkeyPatch
):
    host, database = quote(warehouse.info.host, safe=""), warehouse.info.dbname
    for number, text in enumerate(texts()):
        user = f"{text[:12]}{number}"
        role(user, text)
        url = f"postgresql://{quote(user, safe='')}:{quote(text, safe='')}@{host}/{database}"
        string = make_conninfo(host=warehouse.info.host, user=user, password=text, dbname=database)
        for given in (url, string):
            variables = environment(given)
            assert (variables["PGUSER"], variables["PGPASSWORD"]) == (user, text)
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            with connect("test") as connection:
                assert connection.execute("select current_user").fetchone() == (user,)


def test_no_error_shows_a_password_however_it_is_written(capsys: pytest.CaptureFixture[str]):
    refused: list[StepFailure] = []
    for text in texts():
        secret = f"KEEP{text}KEPT"
        for given in (
            f"postgresql://me:{secret}@localhost:1/db",
            f"postgres://me:{secret}@localhost:1/db?sslmode=require",
            f"host=localhost port=1 password={secret}",
            f"password='{secret}' host=localhost",
            secret,
        ):
            try:
                variables = environment(given)
            except StepFailure as failure:
                refused.append(failure)
            else:  # libpq understands it: no part of the password is anything else
                others = {name: value for name, value in variables.items() if name != "PGPASSWORD"}
                assert not any("KEPT" in value or "KEEP" in value for value in others.values()), given
    assert len(refused) > 50
    assert {failure.code for failure in refused} == {64}
    assert not any("KE" in f"{failure.message}{failure.remedy}" for failure in refused)
    assert "KE" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "\n", "a\0b"])
def test_password_with_line_break_or_nul_is_refused_unshown(text: str):
    with pytest.raises(StepFailure) as caught:
        environment(f"postgresql://me:{quote('hidden' + text)}@h/d")
    assert caught.value.code == 64
    assert "hidden" not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize("user", ["a b", "ключ", "p@ss/w:rd%#", "'", '"', "\\", "€"])
def test_a_source_over_http_gets_any_user_and_password(monkeypatch: pytest.MonkeyPatch, user: str):
    import base64

    from medallion.config.sources.http import HttpSettings
    from medallion.config.sources.http.reader import _headers

    settings = HttpSettings(connector="http", url="https://example.com/a.csv")
    user = user.replace(":", "")  # HTTP's own rule
    for password in texts():
        if any(ord(sign) < 32 for sign in password):
            continue
        monkeypatch.setenv("SOURCE_HTTP_USER", user)
        monkeypatch.setenv("SOURCE_HTTP_PASSWORD", password)
        _, _, encoded = _headers(settings)["Authorization"].partition(" ")
        assert base64.b64decode(encoded).decode() == f"{user}:{password}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_TOKEN", "hidden\n"), ("HTTP_TOKEN", "hidden€"), ("HTTP_PASSWORD", "hidden\n"), ("HTTP_USER", "hid:den")],
)
def test_value_no_header_can_carry_is_refused_by_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    from medallion.config.sources.http import HttpSettings
    from medallion.config.sources.http.reader import _headers

    monkeypatch.setenv("SOURCE_HTTP_USER", "me")
    monkeypatch.setenv(f"SOURCE_{name}", value)
    with pytest.raises(StepFailure) as caught:
        _headers(HttpSettings(connector="http", url="https://example.com/a.csv"))
    assert f"SOURCE_{name}" in caught.value.message
    assert "hid" not in f"{caught.value.message}{caught.value.remedy}"


@pytest.mark.parametrize(
    "url",
    ["https//me:hidden@h/x", "me:hidden@h/x", "https://me:hidden@h/x", "ftp://me:hidden@h/x", "https://me@hidden/@x:y"],
)
def test_lint_shows_no_credential_of_a_sources_url(url: str):
    from pydantic import ValidationError

    from medallion.config.sources.http import HttpSettings

    with pytest.raises(ValidationError) as caught:
        HttpSettings(connector="http", url=url)
    assert all("hidden" not in str(item["msg"]) for item in caught.value.errors())


def test_a_bucket_of_backups_shows_no_credential():
    from medallion.backups.bucket import BackupBucket

    with pytest.raises(StepFailure) as caught:
        BackupBucket("s3://key:hidden@bucket/x")
    assert "hidden" not in f"{caught.value.message}{caught.value.remedy}"
