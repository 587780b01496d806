"""Many files into one table: each has its own end, a bad one fails alone, and another attempt reads what is missing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "amount", "type": "number"}],
    "rejects": {"max_share": 0.5},
}
HEADER = b"id,amount\n"
ALL = {"connector": "csv", "path": "in/*.csv"}
BY_FILE = {**ALL, "incremental": {"mode": "files"}}
BROKEN = b"id,price\nx,1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files of two rows each, of which `b` and `d` are broken."""
    (tmp_path / "in").mkdir()
    for name in "abcde":
        write(tmp_path / "in", name)
    for name in "bd":
        (tmp_path / "in" / f"{name}.csv").write_bytes(BROKEN)
    return tmp_path / "in"


def write(folder: Path, name: str) -> None:
    (folder / f"{name}.csv").write_bytes(HEADER + f"{name}1,1\n{name}2,2\n".encode())


def ids(warehouse: Connection, table: str = "cleaned.things") -> list[str]:
    if warehouse.execute("select to_regclass(%s)", (table,)).fetchone() == (None,):
        return []
    return [str(row[0]) for row in warehouse.execute(f"select id from {table} order by id".encode())]


def loads(warehouse: Connection, run_id: str) -> dict[str, tuple[Any, ...]]:
    rows = warehouse.execute(
        "select file, status, rows_in, rows_loaded, rows_rejected from medallion.file_loads where run_id = %s",
        (run_id,),
    ).fetchall()
    return {str(file).removeprefix("in/").removesuffix(".csv"): tuple(rest) for file, *rest in rows}


def events(output: str, kind: str) -> list[str]:
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [str(one.get("file", one["message"])) for one in found if one["event_type"] == kind]


def stages(warehouse: Connection) -> int:
    row = warehouse.execute("select count(*) from medallion.builds where published_at is null").fetchone()
    return int(row[0]) if row else 0  # type: ignore[call-overload]


@pytest.mark.parametrize("source", [ALL, BY_FILE])
def test_bad_files_fail_alone_and_each_is_named(clean, folder: Path, warehouse: Connection, source: dict[str, Any]):
    done = clean(source, THINGS, "one")
    assert done.code == ExitCode.CONTRACT_VIOLATION
    head, *lines = done.row["details"]["message"].splitlines()
    assert head == "2 of 5 files failed, and nothing was published: in/b.csv, in/d.csv"
    assert [line.partition(",")[0] for line in lines] == ["in/b.csv", "in/d.csv"]
    assert done.row["details"]["files"] == {"loaded": 3, "failed": 2}
    assert ids(warehouse) == []
    good = ("loaded", 2, 2, 0)
    bad = ("failed", None, None, None)
    assert loads(warehouse, "one") == {"a": good, "b": bad, "c": good, "d": bad, "e": good}


@pytest.mark.parametrize("source", [ALL, BY_FILE])
def test_another_attempt_reads_only_what_is_missing(
    clean, folder: Path, warehouse: Connection, capsys: pytest.CaptureFixture[str], source: dict[str, Any]
):
    clean(source, THINGS, "one")
    write(folder, "b")
    write(folder, "d")
    capsys.readouterr()
    done = clean(source, THINGS, "one")
    output = capsys.readouterr().out
    assert done.code == 0
    assert events(output, "file_loaded") == ["in/b.csv", "in/d.csv"]
    assert events(output, "files_kept") == ["3 of 5 files are staged already, by an earlier attempt"]
    assert (done.row["rows_in"], done.row["rows_loaded"]) == (10, 10)
    assert ids(warehouse) == [f"{name}{number}" for name in "abcde" for number in (1, 2)]
    assert stages(warehouse) == 0
    assert clean(source, THINGS).row["status"] == "unchanged"


@pytest.mark.parametrize("source", [ALL, BY_FILE])
def test_new_rows_into_a_table_that_readers_see(clean, folder: Path, warehouse: Connection, source: dict[str, Any]):
    write(folder, "b")
    write(folder, "d")
    clean(source, THINGS, "zero")
    before = ids(warehouse)
    write(folder, "f")
    (folder / "g.csv").write_bytes(BROKEN)
    assert clean(source, THINGS, "one").code == ExitCode.CONTRACT_VIOLATION
    assert ids(warehouse) == before
    (folder / "g.csv").unlink()
    assert clean(source, THINGS, "one").code == 0
    assert ids(warehouse) == [*before, "f1", "f2"]
    assert stages(warehouse) == 0


def test_staged_file_that_changed_or_went_away_is_not_loaded(clean, folder: Path, warehouse: Connection):
    clean(ALL, THINGS, "one")
    (folder / "a.csv").write_bytes(HEADER + b"a9,9\nbad,x\n")
    (folder / "c.csv").unlink()
    write(folder, "b")
    write(folder, "d")
    done = clean(ALL, THINGS, "one")
    assert ids(warehouse) == ["a9", "b1", "b2", "d1", "d2", "e1", "e2"]
    assert (done.row["rows_in"], done.row["rows_rejected"], len(done.rejects)) == (8, 1, 1)
    assert set(loads(warehouse, "one")) == set("abde")


def test_rejects_of_a_staged_file_are_not_doubled(clean, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a1,1\na2,x\n")
    clean(ALL, THINGS, "one")
    write(folder, "b")
    (folder / "d.csv").write_bytes(HEADER + b"a1,1\nd2,2\n")
    done = clean(ALL, THINGS, "one")
    assert [(reject["line"], reject["reason"]) for reject in done.rejects] == [
        (2, "repeats an earlier row"), (3, "is not a number")
    ]  # fmt: skip
    assert done.row["details"]["reasons"] == {"amount is not a number": 1, "id repeats an earlier row": 1}
    assert loads(warehouse, "one")["a"] == ("loaded", 2, 1, 1)
    assert loads(warehouse, "one")["d"] == ("loaded", 2, 1, 1)
    (total,) = warehouse.execute("select sum(rows_loaded) from medallion.file_loads").fetchone() or (0,)
    assert total == done.row["rows_loaded"] == 8


def test_too_many_rejects_keep_the_stage_for_a_corrected_file(
    clean, folder: Path, warehouse: Connection, capsys: pytest.CaptureFixture[str]
):
    write(folder, "b")
    (folder / "d.csv").write_bytes(HEADER + b"".join(b"d%d,x\n" % n for n in range(20)))
    assert clean(ALL, THINGS, "one").code == ExitCode.TOO_MANY_REJECTS
    write(folder, "d")
    capsys.readouterr()
    assert clean(ALL, THINGS, "one").code == 0
    assert events(capsys.readouterr().out, "file_loaded") == ["in/d.csv"]
    assert len(ids(warehouse)) == 10
    assert warehouse.execute("select count(*) from medallion.rejected_rows").fetchone() == (0,)


def test_files_of_old_runs_are_forgotten_with_the_ledger(clean, folder: Path, warehouse: Connection):
    write(folder, "b")
    write(folder, "d")
    clean(ALL, THINGS, "old")
    warehouse.execute("update medallion.file_loads set recorded_at = now() - interval '401 days'")
    write(folder, "f")
    clean(ALL, THINGS, "new")
    assert (loads(warehouse, "old"), len(loads(warehouse, "new"))) == ({}, 6)


def test_next_run_drops_what_a_failed_run_had_staged(clean, folder: Path, warehouse: Connection):
    clean(ALL, THINGS, "one")
    assert stages(warehouse) == 1
    clean(ALL, THINGS, "two")
    assert stages(warehouse) == 1
    write(folder, "b")
    write(folder, "d")
    assert clean(ALL, THINGS, "three").code == 0
    assert stages(warehouse) == 0


def test_other_contract_stages_all_files_again(
    clean, folder: Path, warehouse: Connection, capsys: pytest.CaptureFixture[str]
):
    clean(ALL, THINGS, "one")
    write(folder, "b")
    write(folder, "d")
    capsys.readouterr()
    other = {**THINGS, "fields": [{"name": "id"}, {"name": "amount"}]}
    assert clean(ALL, other, "one").code == 0
    assert len(events(capsys.readouterr().out, "file_loaded")) == 5
    assert warehouse.execute("select pg_typeof(amount)::text from cleaned.things limit 1").fetchone() == ("text",)


def test_a_run_that_adds_twice_lists_all_of_its_files(clean, folder: Path, warehouse: Connection):
    write(folder, "b")
    write(folder, "d")
    clean(BY_FILE, THINGS, "zero")
    write(folder, "f")
    clean(BY_FILE, THINGS, "one")
    write(folder, "g")
    clean(BY_FILE, THINGS, "one")
    assert set(loads(warehouse, "one")) == {"f", "g"}
    assert len(ids(warehouse)) == 14


def test_rejected_records_of_a_staged_file_stay_for_a_replay(clean, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a1,1\na2,x\n")
    clean(ALL, THINGS, "one")
    write(folder, "b")
    write(folder, "d")
    clean(ALL, THINGS, "one")
    rows = warehouse.execute("select source, line, record from medallion.rejected_records").fetchall()
    assert rows == [("in/a.csv", 3, "a2,x")]
    assert warehouse.execute("select source, header from medallion.rejected_headers").fetchall() == [
        ("in/a.csv", ["id", "amount"])
    ]


def test_any_order_of_failures_ends_as_one_load_of_all(clean, tmp_path: Path, warehouse: Connection):
    """Every subset of three files is bad first: two attempts give the table that one gives."""
    (tmp_path / "in").mkdir()
    names = "abc"
    for number, bad in enumerate(itertools.product((False, True), repeat=3)):
        contract = {**THINGS, "table": f"cleaned.t{number}"}
        for name, broken in zip(names, bad, strict=True):
            write(tmp_path / "in", name)
            if broken:
                (tmp_path / "in" / f"{name}.csv").write_bytes(BROKEN)
        run = f"run-of-{number}"
        assert (clean(ALL, contract, run).code == 0) == (not any(bad))
        for name in names:
            write(tmp_path / "in", name)
        assert clean(ALL, contract, run).code == 0
        assert ids(warehouse, f"cleaned.t{number}") == ["a1", "a2", "b1", "b2", "c1", "c2"]
