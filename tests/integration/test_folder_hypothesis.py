"""However a folder changes between the attempts of a run, the last one gives what a single load of it gives."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

pytestmark = pytest.mark.fuzz
FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
ALL = {"connector": "csv", "path": "in/*.csv"}
CONTRACT: dict[str, Any] = {
    "name": "things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "amount", "type": "number"}],
    "rejects": {"max_share": 1},
}
NUMBERS = itertools.count(1)

broken = st.sampled_from([b"id,price\nx,1\n", b"id,amount\n", b"\x1f\x8b cut off"])
row = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "1.0", "2", "x", ""]))
good = st.lists(row, min_size=1, max_size=6).map(
    lambda rows: "\n".join(["id,amount", *(f"{key},{amount}" for key, amount in rows)]).encode() + b"\n"
)
names = st.sampled_from(["a", "b", "c"])
states = st.lists(st.dictionaries(names, st.one_of(good, good, broken), min_size=1), max_size=3)
last = st.dictionaries(names, good, min_size=1)


@settings(
    max_examples=20 * FUZZ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=FUZZ == 1,
)
@given(states, last, st.sampled_from(["keep_first", "keep_last", "reject_all"]))
@example(
    [{"a": b"id,amount\na,1\n", "b": b"id,amount\n"}],
    {"a": b"id,amount\na,2\n", "b": b"id,amount\na,1\n"},
    "keep_first",
)
@example([{"a": b"id,amount\na,x\n", "b": b"id,amount\n"}], {"b": b"id,amount\na,1\n"}, "keep_last")
def test_last_attempt_gives_what_a_single_load_gives(
    clean, tmp_path: Path, warehouse: Connection, before: list[dict[str, bytes]], now: dict[str, bytes], keep: str
):
    number = next(NUMBERS)
    contract = {**CONTRACT, "table": f"cleaned.t{number}", "duplicate_keys": keep}
    for state in before:
        fill(tmp_path / "in", state)
        clean(ALL, contract, f"run-{number}")
    fill(tmp_path / "in", now)
    done = clean(ALL, contract, f"run-{number}")
    alone = clean(ALL, contract, f"alone-{number}", "alone_")
    assert (done.code, alone.code) == (ExitCode.OK, ExitCode.OK)
    assert rows(warehouse, number) == rows(warehouse, number, "alone_")
    if done.row["status"] == "unchanged":
        return  # an attempt before had published it
    for key in ("rows_in", "rows_loaded", "rows_rejected", "input_checksum"):
        assert done.row[key] == alone.row[key]
    assert rejects(warehouse, f"run-{number}") == rejects(warehouse, f"alone-{number}")
    sums = "select sum(rows_in), sum(rows_loaded), sum(rows_rejected) from medallion.file_loads where run_id = %s"
    assert warehouse.execute(sums, (f"run-{number}",)).fetchone() == (
        done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]
    )  # fmt: skip


def fill(folder: Path, state: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, content in state.items():
        (folder / f"{name}.csv").write_bytes(content)


def rows(warehouse: Connection, number: int, prefix: str = "") -> list[Any]:
    query = f"select * from {prefix}cleaned.t{number} order by id"
    return warehouse.execute(query.encode()).fetchall()


def rejects(warehouse: Connection, run: str) -> list[Any]:
    query = """select source, line, column_name, value, reason, record from medallion.rejected_rows
               where run_id = %s order by 1, 2, 3, 5"""
    kept = "select source, line, record from medallion.rejected_records where run_id = %s order by 1, 2"
    return [*warehouse.execute(query, (run,)), *warehouse.execute(kept, (run,))]
