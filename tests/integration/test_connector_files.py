"""Several files of one source: loaded as one, each row and each reject with the name of its file."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from medallion.cleaner.__main__ import main
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from task_file import task_file

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "amount", "type": "number"}],
    "rejects": {"max_share": 1},
}
HEADER = b"id,amount\n"
ALL = {"connector": "csv", "path": "in/*.csv*"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def by_file(warehouse: Connection) -> list[Any]:
    query = 'select _file, _line, id, amount::text from cleaned.things order by _file collate "C", _line'
    return warehouse.execute(query).fetchall()


def test_matching_files_are_loaded_in_order_of_name(clean, folder: Path, warehouse: Connection):
    (folder / "b.csv").write_bytes(b"amount,id\n2,b\n")
    (folder / "a.csv.gz").write_bytes(gzip.compress(HEADER + b"a,1\n"))
    (folder / "other.txt").write_bytes(b"nothing\n")
    done = clean(ALL, THINGS)
    assert done.code == ExitCode.OK
    assert by_file(warehouse) == [("in/a.csv.gz", 2, "a", "1"), ("in/b.csv", 2, "b", "2")]
    assert (done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]) == (2, 2, 0)


def test_rejected_row_names_its_file_first_row_of_key_stays(clean, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1\n")
    (folder / "b.csv").write_bytes(HEADER + b"a,2\nb,many\n")
    done = clean(ALL, THINGS)
    found = warehouse.execute(
        "select source, line, reason, record from medallion.rejected_rows order by line"
    ).fetchall()
    assert found == [
        ("in/b.csv", 2, "is the key of an earlier row with other values", "the earlier row is line 2 of in/a.csv"),
        ("in/b.csv", 3, "is not a number", "b,many"),
    ]
    assert (done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]) == (3, 1, 2)


def test_same_files_change_nothing_one_more_file_does(clean, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1\n")
    assert clean(ALL, THINGS).row["status"] == "succeeded"
    assert clean(ALL, THINGS).row["status"] == "unchanged"
    (folder / "b.csv").write_bytes(HEADER + b"b,2\n")
    assert clean(ALL, THINGS).row["status"] == "succeeded"
    assert [row[2] for row in by_file(warehouse)] == ["a", "b"]


def test_one_file_of_another_shape_refuses_them_all_by_name(clean, folder: Path, capsys):
    (folder / "a.csv").write_bytes(HEADER + b"a,1\n")
    (folder / "b.csv").write_bytes(b"id,price\nb,2\n")
    done = clean(ALL, THINGS)
    assert done.code == ExitCode.CONTRACT_VIOLATION
    assert done.row["details"]["message"].startswith("in/b.csv, line 1: column 'amount' is missing")


def test_no_matching_file_is_no_input_and_lists_what_is_there(clean, folder: Path, capsys):
    (folder / "a.txt").write_bytes(b"x")
    done = clean(ALL, THINGS)
    assert done.code == ExitCode.INPUT_NOT_FOUND
    assert "the folder holds: a.txt" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["", "{}", '{"connector": "ftp"}', '{"connector": "csv", "path": "/etc/passwd"}'])
def test_a_source_that_cannot_be_used_is_a_usage_error(clean, source: str):
    settings = json.loads(source) if source else None
    step = ("--pipeline", "p", "--run-id", "r", "--step", "s")
    assert main(task_file(step, "name: x\ntable: a.b\nfields: [{name: id}]\n", settings)) == ExitCode.USAGE


def test_link_to_nothing_is_an_input_not_found(clean, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1\n")
    (folder / "b.csv").symlink_to("moved.csv")
    done = clean(ALL, THINGS)
    assert done.code == ExitCode.INPUT_NOT_FOUND
    assert clean({**ALL, "path": "in/b.csv"}, THINGS).code == ExitCode.INPUT_NOT_FOUND
    (folder / "moved.csv").write_bytes(HEADER + b"b,2\n")
    assert clean(ALL, THINGS).code == ExitCode.OK
    assert [row[0] for row in by_file(warehouse)] == ["in/a.csv", "in/b.csv"]


def test_file_name_that_is_not_utf8_is_bad_input(clean, folder: Path, capsys: pytest.CaptureFixture):
    name = os.fsdecode(b"caf\xe9.csv")
    (folder / name).write_bytes(HEADER + b"a,1\n")
    assert clean(ALL, THINGS).code == ExitCode.BAD_INPUT
    assert clean(folder / name, THINGS).code == ExitCode.BAD_INPUT
    assert "is not UTF-8" in capsys.readouterr().out
