"""Files of each format, plain and packed, loaded: the same rows and the same rejects; another format is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from format_files import PACKERS, WRITERS, as_csv, as_xlsx, dialect, workbook
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

Replay = Callable[..., tuple[int, dict[str, Any]]]
HEADER = ["id", "price", "note"]
ROWS = [["1", "1.10", "x"], ["2", "many", "a, b"], ["3", "2", 'say "y"'], ["4", "none", "z"], ["5", "0.5", "é"]]
STRICT: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id", "type": "integer"}, {"name": "price", "type": "number"}, {"name": "note"}],
    "rejects": {"max_share": 1},
}
LENIENT = {**STRICT, "fields": [*STRICT["fields"][::2], {**STRICT["fields"][1], "missingValues": ["none"]}]}
LENIENT["fields"] = [LENIENT["fields"][0], LENIENT["fields"][2], LENIENT["fields"][1]]
FIRST_ROW = {"csv": 2, "fixed-width": 2, "jsonl": 1, "parquet": 1, "xlsx": 2}


def contract(name: str, base: dict[str, Any] = STRICT) -> dict[str, Any]:
    return {**base, "dialect": dialect(name, len(HEADER))}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("packer", PACKERS)
def test_file_is_loaded_with_the_same_rejects(clean, warehouse: Connection, name: str, packer: str):
    data = PACKERS[packer](WRITERS[name](HEADER, ROWS))
    done = clean(data, contract(name))
    assert done.code == ExitCode.OK, done
    first = FIRST_ROW[name]
    assert warehouse.execute("select id, price::text, note, _line from cleaned.things order by id").fetchall() == [
        (1, "1.10", "x", first), (3, "2", 'say "y"', first + 2), (5, "0.5", "é", first + 4)
    ]  # fmt: skip
    found = [(one["line"], one["column_name"], one["value"], one["reason"]) for one in done.rejects]
    assert found == [(first + 1, "price", "many", "is not a number"), (first + 3, "price", "none", "is not a number")]
    assert clean(data, contract(name)).row["status"] == "unchanged"


@pytest.mark.parametrize("name", WRITERS)
def test_rejected_rows_of_a_file_are_replayed(clean, replay: Replay, warehouse: Connection, name: str):
    assert clean(WRITERS[name](HEADER, ROWS), contract(name)).code == ExitCode.OK
    code, row = replay(contract(name, LENIENT), "run-1")
    assert (code, row["rows_loaded"], row["rows_rejected"]) == (ExitCode.OK, 1, 1)
    found = warehouse.execute("select id, price::text, note, _line from cleaned.things order by id").fetchall()
    assert [one for one in found if one[0] == 4] == [(4, None, "z", FIRST_ROW[name] + 3)]
    assert len(found) == 4
    left = warehouse.execute(
        """select line, reason from medallion.rejected_rows where (run_id, line) not in (
               select run_id, line from medallion.rejected_records where replayed_by is not null)"""
    ).fetchall()
    assert left == [(FIRST_ROW[name] + 1, "is not a number")]


def test_typed_cells_are_replayed_as_they_were_read(clean, replay: Replay, warehouse: Connection):
    days = [datetime(2024, 1, 31), datetime(2024, 2, 1, 12, 30), datetime(2024, 2, 2)]
    rows = [["id", "day", "n"], [1, days[0], "x"], [2, days[1], "y"], [3, days[2], None]]
    data = workbook({"S": rows}, default_date_format="yyyy-mm-dd hh:mm")
    fields = [{"name": "id"}, {"name": "day", "type": "datetime"}, {"name": "n", "type": "integer"}]
    strict = {**STRICT, "fields": fields, "dialect": {"format": "xlsx"}}
    assert clean(data, strict).code == ExitCode.OK
    lenient = {**strict, "fields": [*fields[:2], {**fields[2], "missingValues": ["x", ""]}]}
    code, row = replay(lenient, "run-1")
    assert (code, row["rows_loaded"], row["rows_rejected"]) == (ExitCode.OK, 1, 1)
    assert warehouse.execute("select id, day::text, n from cleaned.things order by id").fetchall() == [
        ("1", "2024-01-31 00:00:00", None), ("3", "2024-02-02 00:00:00", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        (given, declared)
        for given, declared in itertools.permutations(WRITERS, 2)
        if {given, declared} != {"csv", "fixed-width"}
    ],
)
def test_file_of_another_format_is_refused(clean, given: str, declared: str, capsys: pytest.CaptureFixture[str]):
    done = clean(WRITERS[given](HEADER, ROWS), contract(declared))
    assert done.code == ExitCode.BAD_INPUT, done
    remedy = f"declare `dialect: {{format: {'csv' if given == 'fixed-width' else given}}}`"
    assert remedy in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000), "Excel 97 to 2003 (.xls)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999) + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b'[{"id": 1}]', "is one JSON array"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("declared", WRITERS)
def test_file_of_no_known_format_is_refused(clean, data: bytes, words: str, declared: str, capsys):
    assert clean(data, contract(declared)).code == ExitCode.BAD_INPUT
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("name", WRITERS)
def test_columns_that_differ_break_the_contract(clean, name: str, capsys: pytest.CaptureFixture[str]):
    fields = [*STRICT["fields"], {"name": "more"}]
    terms = dialect(name, 3)
    done = clean(WRITERS[name](HEADER, ROWS), {**STRICT, "fields": fields, "dialect": terms})
    assert done.code == ExitCode.CONTRACT_VIOLATION
    assert "more" in capsys.readouterr().out


@pytest.mark.parametrize("name", WRITERS)
def test_many_columns_are_loaded(clean, warehouse: Connection, name: str):
    names = [f"c{number}" for number in range(1598)]
    fields = [{"name": one} for one in names]
    data = WRITERS[name](names, [["x"] * len(names)])
    done = clean(
        data, {"name": "wide", "table": "cleaned.wide", "fields": fields, "dialect": dialect(name, len(names))}
    )
    assert done.code == ExitCode.OK, done
    assert warehouse.execute("select c0, c1597 from cleaned.wide").fetchall() == [("x", "x")]


def test_error_cell_is_rejected_or_named_as_missing(clean, warehouse: Connection):
    rows = as_xlsx(HEADER, [["1", "#N/A", "x"], ["2", "1", "y"]])
    assert list(clean(rows, contract("xlsx")).reasons) == [2]
    named = {**contract("xlsx"), "missingValues": ["", "#N/A"]}
    assert clean(rows, named).code == ExitCode.OK
    assert warehouse.execute("select id, price from cleaned.things order by id").fetchall() == [(1, None), (2, 1)]


def test_log_names_the_sheet_that_is_read(clean, capsys: pytest.CaptureFixture[str]):
    data = workbook({"Old": [HEADER], "Orders": [HEADER, ["1", "2", "x"]]}, hidden=["Old"])
    assert clean(data, contract("xlsx")).code == ExitCode.OK
    assert "the sheet 'Orders' is read, and not 'Old' (hidden)" in capsys.readouterr().out


def test_files_of_a_folder_may_be_packed_in_any_way(clean, warehouse: Connection, tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number, (packer, pack) in enumerate(PACKERS.items()):
        (tmp_path / "in" / f"{number}.{packer}").write_bytes(pack(as_csv(HEADER, [[str(number), "1", "x"]])))
    assert clean({"connector": "csv", "path": "in/*"}, STRICT).code == ExitCode.OK
    assert warehouse.execute("select count(*), count(distinct _file) from cleaned.things").fetchone() == (4, 4)
