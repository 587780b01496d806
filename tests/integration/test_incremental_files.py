"""Incremental loads by file: what is new is added, what changed takes its own rows' place, and nothing is half done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from medallion.errors import ExitCode
from medallion.warehouse import builds, increments
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [
        {"name": "id"},
        {"name": "price", "type": "number"},
        {"name": "pieces", "type": "integer"},
        {"name": "total", "type": "number", "derive": {"multiply": ["price", "pieces"]}},
    ],
    "rejects": {"max_share": 0.5},
}
HEADER = b"id,price,pieces\n"
BY_FILE = {"connector": "csv", "path": "in/*.csv", "incremental": {"mode": "files"}}
REPLACING = {**BY_FILE, "incremental": {"mode": "files", "on_duplicate_key": "replace"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(HEADER + b"a,1,2\nb,2,2\n")
    return tmp_path / "in"


def there(warehouse: Connection) -> list[Any]:
    query = "select _file, id, trim_scale(total)::text from cleaned.things order by id, _file"
    return warehouse.execute(query).fetchall()


def counts(done: Any) -> tuple[int, int, int]:
    return done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]


def test_a_new_file_is_added_to_the_table_that_readers_see(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    builds = warehouse.execute("select build_schema from medallion.builds").fetchall()
    (folder / "b.csv").write_bytes(HEADER + b"c,3,3\n")
    done = clean(BY_FILE, THINGS)
    assert counts(done) == (1, 1, 0)
    assert there(warehouse) == [("in/a.csv", "a", "2"), ("in/a.csv", "b", "4"), ("in/b.csv", "c", "9")]
    assert warehouse.execute("select build_schema from medallion.builds").fetchall() == builds
    assert done.row["details"]["increment"]["names"] == ["in/b.csv"]


def test_run_with_nothing_new_says_so_when_old_files_are_gone(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    done = clean(BY_FILE, THINGS)
    assert (done.row["status"], counts(done)) == ("unchanged", (0, 0, 0))
    (folder / "a.csv").unlink()
    assert clean(BY_FILE, THINGS).row["status"] == "unchanged"
    assert len(there(warehouse)) == 2


def test_a_file_that_changed_takes_the_place_of_its_own_rows(clean, folder: Path, warehouse: Connection):
    (folder / "b.csv").write_bytes(HEADER + b"c,3,3\n")
    clean(BY_FILE, THINGS)
    (folder / "a.csv").write_bytes(HEADER + b"a,5,2\nd,1,1\n")
    done = clean(BY_FILE, THINGS)
    assert (counts(done), done.row["details"]["increment"]["replaced"]) == ((2, 2, 0), 2)
    assert there(warehouse) == [("in/a.csv", "a", "10"), ("in/b.csv", "c", "9"), ("in/a.csv", "d", "1")]


def test_key_of_an_earlier_load_is_rejected_and_reported(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    (folder / "b.csv").write_bytes(HEADER + b"a,1,2\nb,9,9\nc,3,3\nd,1,1\n")
    done = clean(BY_FILE, THINGS)
    assert counts(done) == (4, 2, 2)
    assert [(reject["line"], reject["reason"], reject["record"]) for reject in done.rejects] == [
        (2, "repeats a row of an earlier load", "the earlier row is line 2 of in/a.csv"),
        (3, "is the key of a row of an earlier load with other values", "the earlier row is line 3 of in/a.csv"),
    ]
    assert ("in/a.csv", "b", "4") in there(warehouse)


def test_key_of_an_earlier_load_is_replaced_if_set(clean, folder: Path, warehouse: Connection):
    clean(REPLACING, THINGS)
    (folder / "b.csv").write_bytes(HEADER + b"b,9,9\nc,1,1\nc,3,3\n")
    done = clean(REPLACING, THINGS)
    assert (counts(done), done.row["details"]["increment"]["replaced"]) == ((3, 2, 1), 1)
    assert there(warehouse) == [("in/a.csv", "a", "2"), ("in/b.csv", "b", "81"), ("in/b.csv", "c", "9")]
    assert [(reject["line"], reject["reason"]) for reject in done.rejects] == [(3, "is replaced by a later row")]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (HEADER + b"x,one,1\ny,two,1\nz,1,1\n", ExitCode.TOO_MANY_REJECTS),
        (b"id,cost\nx,1\n", ExitCode.CONTRACT_VIOLATION),
        (HEADER, ExitCode.BAD_INPUT),
        (b"\x1f\x8b cut off", ExitCode.BAD_INPUT),
    ],
)
def test_bad_file_adds_nothing_and_loads_once_corrected(
    clean, folder: Path, warehouse: Connection, bad: bytes, code: int
):
    clean(BY_FILE, THINGS)
    before = there(warehouse)
    (folder / "b.csv").write_bytes(HEADER + b"c,3,3\n")
    (folder / "c.csv").write_bytes(
        bad + (b"w,many,1\nv,many,1\nu,1,many\n" if code == ExitCode.TOO_MANY_REJECTS else b"")
    )
    assert clean(BY_FILE, THINGS).code == code
    assert there(warehouse) == before
    (folder / "c.csv").write_bytes(HEADER + b"d,1,1\n")
    assert counts(clean(BY_FILE, THINGS)) == (2, 2, 0)


def test_replacing_load_turned_incremental_loads_all_once(clean, folder: Path, warehouse: Connection):
    clean({"connector": "csv", "path": "in/*.csv"}, THINGS)
    assert counts(clean(BY_FILE, THINGS)) == (2, 2, 0)
    assert clean(BY_FILE, THINGS).row["status"] == "unchanged"


def test_readers_see_whole_loads_only_while_rows_are_added(clean, folder: Path, warehouse: Connection):
    """A reader's open transaction neither stops the load nor sees a part of it."""
    clean(BY_FILE, THINGS)
    with psycopg.connect("") as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert reader.execute("select count(*) from cleaned.things").fetchone() == (2,)
        (folder / "b.csv").write_bytes(HEADER + b"".join(b"n%d,1,1\n" % n for n in range(5000)))
        assert clean(BY_FILE, THINGS).code == ExitCode.OK
        assert reader.execute("select count(*) from cleaned.things").fetchone() == (2,)
    assert len(there(warehouse)) == 5002


def test_file_of_same_size_and_other_time_is_read_again(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    os.utime(folder / "a.csv", (1, 1))
    done = clean(BY_FILE, THINGS)
    assert (done.row["status"], counts(done)) == ("succeeded", (2, 2, 0))
    assert len(there(warehouse)) == 2


def test_a_build_that_is_put_back_brings_its_state_along(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    (folder / "b.csv").write_bytes(HEADER + b"c,3,3\n")
    renamed = {**THINGS, "description": "Another contract, so everything is loaded again."}
    assert counts(clean(BY_FILE, renamed)) == (3, 3, 0)
    roll_back(warehouse, "p", "run-1", "abc")
    assert [id for _, id, _ in there(warehouse)] == ["a", "b"]
    assert counts(clean(BY_FILE, THINGS)) == (1, 1, 0)
    assert [id for _, id, _ in there(warehouse)] == ["a", "b", "c"]


def test_the_state_goes_with_its_build(clean, folder: Path, warehouse: Connection):
    clean(BY_FILE, THINGS)
    ((build,),) = warehouse.execute("select build_schema from medallion.builds").fetchall()
    assert increments.load_state(warehouse, str(build)).keys() == {"in/a.csv"}
    warehouse.execute("drop view cleaned.things")
    builds.drop(warehouse, str(build))
    assert increments.load_state(warehouse, str(build)) == {}
    assert counts(clean(BY_FILE, THINGS)) == (2, 2, 0)
