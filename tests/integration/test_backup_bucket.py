"""Backups in a bucket, by the image's own command, on a server that speaks S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from dumps import CONTENT, run, sql
from medallion import storage
from medallion.backups.__main__ import main
from medallion.backups.bucket import BackupBucket
from medallion.errors import ExitCode
from servers import on_the_way_to, s3_server

STAMP = "2026-11-21T02-30-00Z"
FILES = {
    "airflow.dump": b"a" * 5000,
    "airflow.rows": b"",
    "roles.sql": b"create role x;",
    "warehouse.dump": b"w" * 9000,
}
URL = "s3://lake/of/backups"
NOW = datetime(2026, 11, 21, 3, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def storage_server() -> Iterator[tuple[str, Any]]:
    with s3_server() as running:
        yield running


@pytest.fixture
def lake(storage_server: tuple[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A client of an empty bucket, which the command's environment names too."""
    url, client = storage_server
    for key in keys(client):
        client.delete_object(Bucket="lake", Key=key)
    login = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}
    for name, value in {
        **login,
        "BACKUPS_URL": URL,
        "BACKUPS": str(tmp_path / "backups"),
        "RETENTION_DAYS": "14",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage, "RETRIES", {"max_retries": 0})
    return client


def keys(lake: Any) -> list[str]:
    return [found["Key"] for found in lake.list_objects_v2(Bucket="lake").get("Contents", [])]


def made(folder: Path, stamp: str = STAMP) -> Path:
    """A backup as the dump leaves it."""
    (folder / stamp).mkdir(parents=True)
    for name, content in FILES.items():
        (folder / stamp / name).write_bytes(content)
    return folder / stamp


def days_ago(days: int) -> str:
    return f"{NOW - timedelta(days=days):%Y-%m-%dT%H-%M-%SZ}"


def test_a_backup_is_uploaded_listed_and_fetched_as_it_was(lake: Any, tmp_path: Path, capsys):
    made(tmp_path / "backups")
    assert main(["push"]) == ExitCode.OK
    assert sorted(keys(lake)) == [f"of/backups/{STAMP}/{name}" for name in sorted([*FILES, "manifest.json"])]
    capsys.readouterr()
    assert main(["list"]) == ExitCode.OK
    assert capsys.readouterr().out == f"5K\t{STAMP}/airflow.dump\n9K\t{STAMP}/warehouse.dump\n"
    fetched = BackupBucket(URL).fetch(f"{STAMP}/warehouse.dump", tmp_path / "else")
    assert {path.name: path.read_bytes() for path in fetched.parent.iterdir()} == {
        name: FILES[name] for name in ("roles.sql", "warehouse.dump")
    }


def test_a_dump_of_several_parts_arrives_whole(lake: Any, tmp_path: Path):
    backup = made(tmp_path / "backups")
    (backup / "warehouse.dump").write_bytes(os.urandom(20 << 20))
    assert main(["push"]) == ExitCode.OK
    # The ETag ends with the number of parts that the storage was sent.
    assert lake.head_object(Bucket="lake", Key=f"of/backups/{STAMP}/warehouse.dump")["ETag"].strip('"').endswith("-3")


def test_a_restore_of_a_fetched_dump_gives_the_same_rows(filled: str, lake: Any, tmp_path: Path, monkeypatch):
    before = sql(filled, "warehouse", CONTENT)
    assert run("backup.sh", filled, tmp_path / "backups").returncode == 0
    assert main(["push"]) == ExitCode.OK
    sql(filled, "warehouse", "delete from sales.orders where id > 10")
    (stamp,) = BackupBucket(URL).backups()
    monkeypatch.setenv("BACKUPS", str(tmp_path / "else"))
    assert main(["fetch", f"{stamp}/warehouse.dump"]) == ExitCode.OK
    back = run("restore.sh", filled, tmp_path / "else", f"{stamp}/warehouse.dump")
    assert back.returncode == 0, back.stderr
    assert sql(filled, "warehouse", CONTENT) == before


def test_killed_upload_leaves_no_backup_and_keeps_the_others(lake: Any, storage_server, tmp_path, capsys):
    made(tmp_path / "before", days_ago(400))
    BackupBucket(URL).push(tmp_path / "before" / days_ago(400))
    made(tmp_path / "backups")
    killed: list[subprocess.Popen[bytes]] = []

    def kill(method: str, path: str, body: bytes) -> bytes:
        if method == "PUT" and path.endswith("/warehouse.dump"):
            killed[0].send_signal(signal.SIGKILL)
        return body

    with on_the_way_to(storage_server[0], kill) as url:
        environment = {**os.environ, "AWS_ENDPOINT_URL": url}
        killed.append(subprocess.Popen([sys.executable, "-m", "medallion.backups", "push"], env=environment))
        assert killed[0].wait(60) == -signal.SIGKILL
    assert f"of/backups/{STAMP}/airflow.dump" in keys(lake)
    assert main(["list"]) == ExitCode.OK
    printed = capsys.readouterr()
    assert STAMP not in printed.out
    assert days_ago(400) in printed.out
    assert f"{STAMP} is no backup" in printed.err
    assert main(["fetch", f"{STAMP}/airflow.dump"]) == ExitCode.INPUT_NOT_FOUND
    # The next one takes its place.
    assert main(["push"]) == ExitCode.OK
    assert list(BackupBucket(URL).backups()) == [STAMP]


def test_storage_that_changes_bytes_is_detected(
    lake: Any, storage_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    made(tmp_path / "backups")

    def spoil(method: str, path: str, body: bytes) -> bytes:
        return b"x" + body[1:] if method == "PUT" and path.endswith("/warehouse.dump") else body

    with on_the_way_to(storage_server[0], spoil) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert main(["push"]) == ExitCode.SOURCE_UNAVAILABLE
        assert BackupBucket(URL).backups() == {}
    assert f"{URL}/{STAMP}/warehouse.dump is not what was sent" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [b"w" * 8999 + b"x", b"w" * 100], ids=["another byte", "cut off"])
def test_a_dump_that_was_damaged_since_is_not_fetched(lake: Any, tmp_path: Path, capsys, damage: bytes):
    made(tmp_path / "backups")
    assert main(["push"]) == ExitCode.OK
    lake.put_object(Bucket="lake", Key=f"of/backups/{STAMP}/warehouse.dump", Body=damage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKUPS", str(tmp_path / "else"))
        assert main(["fetch", f"{STAMP}/warehouse.dump"]) == ExitCode.BAD_INPUT
    assert f"{URL}/{STAMP}/warehouse.dump is damaged" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "else" / STAMP).iterdir()] == ["roles.sql"]


def test_a_backup_that_lost_a_file_is_not_listed(lake: Any, tmp_path: Path, capsys):
    made(tmp_path / "backups")
    assert main(["push"]) == ExitCode.OK
    lake.delete_object(Bucket="lake", Key=f"of/backups/{STAMP}/airflow.dump")
    assert main(["list"]) == ExitCode.INPUT_NOT_FOUND
    assert f"{STAMP} is no backup" in capsys.readouterr().err


def test_backups_go_when_they_are_too_old_and_the_newest_never(lake: Any, tmp_path: Path):
    bucket = BackupBucket(URL)
    for days in (60, 20, 14):
        bucket.push(made(tmp_path, days_ago(days)))
    lake.put_object(Bucket="lake", Key="of/backups/notes/2020-01-01T00-00-00Z", Body=b"somebody else's")
    assert bucket.tidy(14, NOW) == [days_ago(60), days_ago(20)]
    assert list(bucket.backups()) == [days_ago(14)]
    assert bucket.tidy(0, NOW + timedelta(days=400)) == []
    assert list(bucket.backups()) == [days_ago(14)]
    assert "of/backups/notes/2020-01-01T00-00-00Z" in keys(lake)


def test_upload_leftovers_expire_and_are_never_the_newest(lake: Any, tmp_path: Path):
    bucket = BackupBucket(URL)
    bucket.push(made(tmp_path, days_ago(30)))
    for stamp in (days_ago(1), days_ago(0)):
        lake.put_object(Bucket="lake", Key=f"of/backups/{stamp}/airflow.dump", Body=b"half")
    assert bucket.tidy(14, NOW) == [days_ago(1)]
    assert (list(bucket.backups()), bucket.incomplete()) == ([days_ago(30)], [days_ago(0)])


def test_old_backups_stay_when_no_new_one_arrives(lake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    BackupBucket(URL).push(made(tmp_path / "before", "2020-01-01T00-00-00Z"))
    assert main(["push"]) == ExitCode.INPUT_NOT_FOUND
    made(tmp_path / "backups")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        assert main(["push"]) == ExitCode.SOURCE_UNAVAILABLE
    assert list(BackupBucket(URL).backups()) == ["2020-01-01T00-00-00Z"]


def test_a_backup_that_is_not_there_is_named_with_those_that_are(lake: Any, tmp_path: Path, capsys):
    made(tmp_path / "backups")
    assert main(["push"]) == ExitCode.OK
    for name in (f"{STAMP}/other.dump", "2001-01-01T00-00-00Z/warehouse.dump", f"../{STAMP}/warehouse.dump"):
        assert main(["fetch", name]) == ExitCode.INPUT_NOT_FOUND
        assert f"there are: {STAMP}/airflow.dump, {STAMP}/warehouse.dump" in capsys.readouterr().err


def test_missing_bucket_is_reported_with_the_value_that_names_it(lake: Any, monkeypatch, capsys, tmp_path: Path):
    made(tmp_path / "backups")
    monkeypatch.setenv("BACKUPS_URL", "s3://sea")
    assert main(["push"]) == ExitCode.INPUT_NOT_FOUND
    assert "there is no bucket sea\nhint: check `backups.bucket.url`" in capsys.readouterr().err
    monkeypatch.setenv("BACKUPS_URL", "lake")
    assert main(["list"]) == ExitCode.USAGE


def test_the_manifest_names_every_file_with_its_sum(lake: Any, tmp_path: Path):
    made(tmp_path / "backups")
    assert main(["push"]) == ExitCode.OK
    kept = json.loads(lake.get_object(Bucket="lake", Key=f"of/backups/{STAMP}/manifest.json")["Body"].read())
    assert {file["name"]: file["size"] for file in kept["files"]} == {name: len(of) for name, of in FILES.items()}
