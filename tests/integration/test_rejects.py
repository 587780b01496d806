"""`medallion rejects`: what a run rejected and why, on a terminal and as CSV."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from command_line import good, medallion
from medallion.cleaner.lines import MAX_SHOWN
from medallion.errors import ExitCode
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.rejects import MAX_RECORD, group_rejects, iter_csv, list_sources

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "price", "type": "number"}, {"name": "pieces", "type": "integer"}],
    "rejects": {"max_share": 1},
}
HEADER = b"id,price,pieces\n"
BAD = HEADER + b'a,1,1\nb,one,1\nc,[/two],x\nd,1\na,2,2\n"e",three,1\n"f, ""g""\n",four,1\n'


def reject(folder: Path, url: str, *words: str) -> str:
    return good(folder, "rejects", "p", "--warehouse", url, *words)


def test_rejects_groups_the_last_run_by_column_and_reason(clean, tmp_path: Path, warehouse_url: str):
    clean(BAD, THINGS)
    clean(HEADER + b"z,1,1\n", THINGS)
    output = reject(tmp_path, warehouse_url)
    assert "run run-1 of p" in output
    assert "clean.input: 6 of 7 rows rejected" in output
    lines = [line.split() for line in output.splitlines()]
    assert any("price" in line and "4" in line and "'one'" in line for line in lines)
    assert any("'[/two]'" in line for line in lines)
    assert any("(line)" in line and "'d,1'" in line for line in lines)


def test_groups_have_counts_and_the_first_lines(clean, warehouse: Connection):
    clean(BAD, THINGS)
    found = {(group.column, group.rows, group.samples) for group in group_rejects(warehouse, "p", "run-1")}
    assert found == {
        ("price", 4, ((3, "one"), (4, "[/two]"), (7, "three"))),
        ("pieces", 1, ((4, "x"),)),
        ("id", 1, ((6, "a"),)),
        (None, 1, ((5, "d,1"),)),
    }


def test_named_run_and_source_are_shown_alone(clean, tmp_path: Path, warehouse_url: str):
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        (tmp_path / "in" / f"{name}.csv").write_bytes(HEADER + name.encode() + b",x,1\n")
    clean({"connector": "csv", "path": "in/*.csv"}, THINGS)
    clean(BAD, THINGS)
    both = reject(tmp_path, warehouse_url, "--run", "run-1", "--source", "input")
    assert ("in/one.csv" in both, "in/two.csv" in both) == (True, True)
    one = reject(tmp_path, warehouse_url, "--run", "run-1", "--source", "in/two.csv")
    assert ("in/one.csv" in one, "in/two.csv" in one) == (False, True)
    done = medallion(tmp_path, "rejects", "p", "--run", "run-1", "--source", "x", "--warehouse", warehouse_url)
    assert done.returncode == ExitCode.USAGE
    assert "hint: name one of: in/one.csv, in/two.csv" in done.stderr


def test_csv_has_every_rejected_value_and_marks_cut_records(clean, tmp_path: Path, warehouse_url: str):
    long = b"long,many," + b"9" * MAX_SHOWN + b"\n"
    clean(BAD + long, THINGS)
    file = tmp_path / "rejects.csv"
    output = reject(tmp_path, warehouse_url, "--csv", str(file))
    assert f"9 rejected values and lines are in {file}" in " ".join(output.split())
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0]) == ["source", "line", "column", "value", "reason", "record", "record_is_cut"]
    assert [(row["line"], row["column"], row["value"]) for row in rows[:-2]] == [
        ("3", "price", "one"), ("4", "pieces", "x"), ("4", "price", "[/two]"), ("5", "", ""), ("6", "id", "a"),
        ("7", "price", "three"), ("8", "price", "four"),
    ]  # fmt: skip
    assert rows[6]["record"] == '"f, ""g""\n",four,1'
    assert [row["record_is_cut"] for row in rows] == ["false"] * 7 + ["true"] * 2
    assert len(rows[-1]["record"]) == MAX_RECORD
    assert sorted(path.name for path in tmp_path.glob("rejects*")) == ["rejects.csv"]


def test_record_limit_is_that_of_the_cleaner():
    assert MAX_RECORD == MAX_SHOWN


def test_csv_that_cannot_be_written_is_refused(clean, tmp_path: Path, warehouse_url: str):
    clean(BAD, THINGS)
    file = tmp_path / "missing" / "rejects.csv"
    done = medallion(tmp_path, "rejects", "p", "--csv", file, "--warehouse", warehouse_url)
    assert done.returncode == ExitCode.USAGE
    assert f"{file} cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("q",), "the warehouse has no runs of a pipeline 'q'"),
        (("p", "--run", "run-9"), "the ledger has no run run-9 of p"),
    ],
)
def test_unknown_pipeline_or_run_is_refused(clean, tmp_path: Path, warehouse_url: str, words: Any, message: str):
    clean(BAD, THINGS)
    done = medallion(tmp_path, "rejects", *words, "--warehouse", warehouse_url)
    assert done.returncode == ExitCode.USAGE
    assert message in done.stderr


def test_run_without_rejected_rows_is_explained(clean, tmp_path: Path, warehouse: Connection, warehouse_url: str):
    clean(HEADER + b"z,1,1\n", THINGS)
    assert "no rejected rows of p are kept" in reject(tmp_path, warehouse_url)
    clean(BAD, THINGS)
    clean(BAD, THINGS)
    unchanged = " ".join(reject(tmp_path, warehouse_url, "--run", "run-3").split())
    assert "is the same as in the load of run run-2" in unchanged
    warehouse.execute("delete from medallion.rejected_rows")
    assert "6 rows were rejected, longer ago" in reject(tmp_path, warehouse_url, "--run", "run-2")


def test_many_rejects_are_read_without_statistics_of_them(warehouse: Connection):
    """A join of each with each would take minutes; the statistics come only with autovacuum."""
    ledger.ensure(warehouse)
    for table in ("rejected_rows", "rejected_records"):
        warehouse.execute(f"alter table medallion.{table} set (autovacuum_enabled = off)".encode())
    warehouse.execute(
        """insert into medallion.rejected_records (pipeline, run_id, step, source, line, record)
           select 'p', 'run-1', 'clean.input', 'orders.csv', line, repeat('x', 60) from generate_series(1, 60000) as line;
           insert into medallion.rejected_rows (pipeline, run_id, step, source, line, column_name, value, reason, record)
           select pipeline, run_id, step, source, line, 'price', 'x', 'is not a number', record
           from medallion.rejected_records;
           update medallion.rejected_records set replayed_by = 'replay' where line % 4 = 0"""
    )
    with warehouse.transaction():
        warehouse.execute("set local statement_timeout = '10s'")
        (group,) = group_rejects(warehouse, "p", "run-1")
        assert list_sources(warehouse, "p", "run-1") == ["orders.csv"]
        assert b"".join(iter_csv(warehouse, "p", "run-1")).count(b"\n") == 45_001
        assert warehouse.execute("show enable_nestloop").fetchone() == ("on",)
    assert (group.rows, [line for line, _ in group.samples]) == (45_000, [1, 2, 3])
