"""The connector `http` against a real web server, well and badly behaved."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from medallion.config.sources.http import reader as http
from medallion.errors import ExitCode
from servers import Web, answer, in_turn, web_server

THINGS: dict[str, Any] = {"name": "things", "table": "cleaned.things", "fields": [{"name": "id"}, {"name": "note"}]}
BODY = b"id,note\na,one\nb,two\n"
ROWS = [("a", "one"), ("b", "two")]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(http, "_RETRIES", http._RETRIES.new(backoff_factor=0))
    with web_server() as server:
        yield server


def source(web: Web, path: str = "/a.csv", **more: str) -> dict[str, str]:
    return {"connector": "http", "url": web.url + path, **more}


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)], ids=["plain", "gzip"])
def test_a_file_of_a_web_server_is_loaded(clean, load_table, web: Web, body: bytes):
    web.answers["/a.csv"] = answer(200, body)
    done = clean(source(web), THINGS)
    assert done.code == ExitCode.OK
    assert load_table("id, note") == ROWS
    assert done.row["details"]["message"] == "a.csv: 2 rows in, 2 loaded, 0 rejected"


def test_a_file_that_is_zipped_on_the_way_is_read_as_what_it_is(clean, load_table, web: Web):
    web.answers["/a.csv"] = answer(200, gzip.compress(BODY), Content_Encoding="gzip")
    assert clean(source(web), THINGS).code == ExitCode.OK
    assert load_table("id, note") == ROWS


@pytest.mark.parametrize("version", [{"ETag": '"v1"'}, {"Last_Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}, {}])
def test_same_file_changes_nothing_whatever_its_etag(clean, web: Web, version):
    web.answers["/a.csv"] = answer(200, BODY, **version)
    first, second = clean(source(web), THINGS), clean(source(web), THINGS)
    assert (first.row["status"], second.row["status"]) == ("succeeded", "unchanged")
    assert second.row["rows_loaded"] == 2
    web.answers["/a.csv"] = answer(200, BODY + b"c,three\n", **{name: value + "2" for name, value in version.items()})
    assert clean(source(web), THINGS).row["status"] == "succeeded"


def test_a_failure_that_passes_is_overcome_in_the_same_attempt(clean, load_table, web: Web):
    web.answers["/a.csv"] = in_turn(answer(503), answer(500), answer(200, BODY))
    assert clean(source(web), THINGS).code == ExitCode.OK
    assert load_table("id, note") == ROWS


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (answer(404), ExitCode.INPUT_NOT_FOUND, "has no /a.csv (404)"),
        (answer(410), ExitCode.INPUT_NOT_FOUND, "has no /a.csv (410)"),
        (answer(401), ExitCode.BAD_INPUT, "refuses /a.csv (401)"),
        (answer(403), ExitCode.BAD_INPUT, "SOURCE_HTTP_TOKEN"),
        (answer(204), ExitCode.BAD_INPUT, "answers 204"),
        (answer(503), ExitCode.SOURCE_UNAVAILABLE, "answers 503, after 3 retries too"),
        (answer(200, BODY[:-4], promised=len(BODY)), ExitCode.SOURCE_UNAVAILABLE, "was cut off while it was read"),
        (answer(200, b""), ExitCode.BAD_INPUT, "the file is empty"),
    ],
    ids=["404", "410", "401", "403", "204", "503", "cut-off", "empty"],
)
def test_server_that_does_not_deliver_has_its_exit_code(
    clean, load_table, web: Web, capsys, given, code: int, message: str
):
    web.answers["/good.csv"] = answer(200, BODY)
    clean(source(web, "/good.csv"), THINGS)
    web.answers["/a.csv"] = given
    assert clean(source(web), THINGS).code == code
    assert message in capsys.readouterr().out
    assert load_table("id, note") == ROWS


def test_a_server_that_falls_silent_is_not_waited_for(clean, web: Web, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    over = Event()
    web.answers["/a.csv"] = lambda request: (
        answer(200, BODY, promised=10_000)(request),
        request.wfile.flush(),
        over.wait(30),
    )
    assert clean(source(web), THINGS).code == ExitCode.SOURCE_UNAVAILABLE
    over.set()


def test_a_server_that_is_not_there_is_worth_a_retry(clean, web: Web):
    web.server.server_close()
    assert clean(source(web), THINGS).code == ExitCode.SOURCE_UNAVAILABLE


def test_credentials_come_from_environment_not_in_logs(clean, web: Web, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRM_HTTP_USER", "me")
    monkeypatch.setenv("CRM_HTTP_PASSWORD", "hunter2")
    web.answers["/a.csv"] = answer(200, BODY)
    refused = clean(source(web, env_prefix="CRM_"), THINGS)
    assert refused.code == ExitCode.USAGE
    assert "unencrypted" in refused.row["details"]["message"]
    monkeypatch.setenv("CRM_HTTP_INSECURE", "1")
    assert clean(source(web, env_prefix="CRM_"), THINGS).code == ExitCode.OK
    assert web.requests[-1].headers["Authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
    monkeypatch.setenv("CRM_HTTP_TOKEN", "hunter3")
    web.answers["/a.csv"] = answer(403)
    clean(source(web, env_prefix="CRM_"), THINGS)
    assert web.requests[-1].headers["Authorization"] == "Bearer hunter3"
    assert "hunter" not in capsys.readouterr().out
