"""The connector `s3` against a server that speaks S3."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from medallion import storage
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from servers import answer, s3_server, web_server

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "note"}],
    "rejects": {"max_share": 1},
}
HEADER = b"id,note\n"
GLOB = {"connector": "s3", "url": "s3://lake/in/*.csv"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Any]]:
    with s3_server() as running:
        yield running


@pytest.fixture
def lake(server: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of an empty bucket, which the source's environment names too."""
    url, client = server
    for key in [found["Key"] for found in client.list_objects_v2(Bucket="lake").get("Contents", [])]:
        client.delete_object(Bucket="lake", Key=key)
    for name, value in {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "hush"}.items():
        monkeypatch.setenv(f"SOURCE_AWS_{name}", value)
    return client


def put(lake: Any, key: str, body: bytes) -> None:
    lake.put_object(Bucket="lake", Key=key, Body=body)


def test_object_is_loaded_once_until_it_changes(clean, load_table, lake: Any):
    one = {"connector": "s3", "url": "s3://lake/in/a.csv.gz"}
    put(lake, "in/a.csv.gz", gzip.compress(HEADER + b"a,one\n"))
    assert clean(one, THINGS).row["details"]["message"] == "a.csv.gz: 1 rows in, 1 loaded, 0 rejected"
    assert load_table("id, note") == [("a", "one")]
    assert clean(one, THINGS).row["status"] == "unchanged"
    put(lake, "in/a.csv.gz", gzip.compress(HEADER + b"b,two\n"))
    assert clean(one, THINGS).row["status"] == "succeeded"
    assert load_table("id, note") == [("b", "two")]


def test_pattern_takes_objects_of_its_folder_in_key_order(clean, lake: Any, warehouse: Connection):
    for key in ("in/b.csv", "in/a.csv", "in/deep/c.csv", "in/d.txt", "out/e.csv"):
        put(lake, key, HEADER + f"{key},x\n".encode())
    assert clean(GLOB, THINGS).code == ExitCode.OK
    rows = warehouse.execute("select _file, id from cleaned.things order by _file").fetchall()
    assert rows == [("in/a.csv", "in/a.csv"), ("in/b.csv", "in/b.csv")]


def test_by_file_only_new_objects_are_read(clean, lake: Any, warehouse: Connection):
    growing = {**GLOB, "incremental": {"mode": "files"}}
    put(lake, "in/a.csv", HEADER + b"a,one\n")
    clean(growing, THINGS)
    put(lake, "in/b.csv", HEADER + b"b,two\n")
    done = clean(growing, THINGS)
    assert (done.row["rows_in"], done.row["details"]["increment"]["names"]) == (1, ["in/b.csv"])
    assert clean(growing, THINGS).row["status"] == "unchanged"


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("s3://lake/in/none.csv", ExitCode.INPUT_NOT_FOUND, "there is no object in/none.csv in the bucket lake"),
        ("s3://lake/in/*.csv", ExitCode.INPUT_NOT_FOUND, "no object matches s3://lake/in/*.csv"),
        ("s3://sea/in/*.csv", ExitCode.INPUT_NOT_FOUND, "there is no bucket sea"),
    ],
)
def test_what_is_not_there_is_no_input(clean, lake: Any, capsys, url: str, code: int, message: str):
    assert clean({"connector": "s3", "url": url}, THINGS).code == code
    assert message in capsys.readouterr().out


DENIED = b"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIAHUSH</AWSAccessKeyId></Error>"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(403, DENIED, ExitCode.BAD_INPUT), (503, b"<Error><Code>SlowDown</Code></Error>", ExitCode.SOURCE_UNAVAILABLE)],
)
def test_refusing_or_failing_storage_has_an_exit_code_and_no_key(
    clean, monkeypatch: pytest.MonkeyPatch, capsys, status: int, body: bytes, code: int
):
    monkeypatch.setattr(storage, "RETRIES", {"max_retries": 0})
    for name, value in {"ACCESS_KEY_ID": "AKIAHUSH", "SECRET_ACCESS_KEY": "hunter2"}.items():
        monkeypatch.setenv(f"SOURCE_AWS_{name}", value)
    with web_server() as web:
        web.default = answer(status, body)
        monkeypatch.setenv("SOURCE_AWS_ENDPOINT_URL", web.url)
        assert clean(GLOB, THINGS).code == code
    output = capsys.readouterr().out
    assert "AKIAHUSH" not in output
    assert "hunter2" not in output


def test_a_storage_that_is_not_there_is_worth_a_retry(clean, lake: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "RETRIES", {"max_retries": 0})
    monkeypatch.setenv("SOURCE_AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert clean(GLOB, THINGS).code == ExitCode.SOURCE_UNAVAILABLE
