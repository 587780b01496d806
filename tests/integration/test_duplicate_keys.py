"""What becomes of rows that share a key in one load: each is loaded or in the quarantine, as the contract says."""

from __future__ import annotations

import os
import random
import string
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medallion.cleaner import repeats
from medallion.warehouse.connection import Connection

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": ["id", "size"],
    "fields": [{"name": "id"}, {"name": "size", "type": "integer"}, {"name": "note"}],
    "rejects": {"max_share": 1},
}
FILE = b"id,size,note\na,1,x\nb,1,x\na,01,bad\na,1,x\na,1,y\n"
FIRST, OTHER = "repeats an earlier row", "is the key of an earlier row with other values"


@pytest.mark.parametrize(
    ("keep", "kept", "reasons"),
    [
        (None, [("b", 3), ("a", 2)], {5: FIRST, 6: OTHER}),
        ("keep_first", [("b", 3), ("a", 2)], {5: FIRST, 6: OTHER}),
        ("keep_last", [("b", 3), ("a", 6)], {2: "is replaced by a later row", 5: "is replaced by a later row"}),
        ("reject_all", [("b", 3)], {2: "is the key of a later row too", 5: FIRST, 6: OTHER}),
    ],
)
def test_rows_of_a_key_are_kept_as_the_contract_says(
    clean, load_table, keep: str | None, kept: list[tuple[str, int]], reasons: dict[int, str]
):
    done = clean(FILE, {**THINGS, "duplicate_keys": keep} if keep else THINGS)
    assert sorted(load_table("id, _line")) == sorted(kept)
    assert {line: found for line, found in done.reasons.items() if line != 4} == {
        line: {reason} for line, reason in reasons.items()
    }
    assert (done.row["rows_in"], done.row["rows_loaded"]) == (5, len(kept))
    assert sum(done.row["details"]["reasons"].values()) == 1 + len(reasons)


def test_rejected_row_names_the_line_of_its_other_row(clean):
    done = clean(FILE, {**THINGS, "duplicate_keys": "reject_all"})
    assert {reject["line"]: reject["record"] for reject in done.rejects if reject["line"] != 4} == {
        2: "the later row is line 5", 5: "the earlier row is line 2", 6: "the earlier row is line 2"
    }  # fmt: skip
    assert {reject["value"] for reject in done.rejects if reject["line"] != 4} == {"a, 1"}


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize(("keep", "line"), [("keep_first", 2), ("keep_last", 4), ("reject_all", None)])
def test_keys_that_only_postgres_finds_equal_repeat(clean, load_table, keep: str, line: int | None):
    fields = [{"name": "id", "type": "number"}, {"name": "note"}]
    contract = {**THINGS, "primaryKey": "id", "fields": fields, "duplicate_keys": keep}
    clean(b"id,note\n1.0,x\n2,x\n1.00,y\n", contract)
    assert sorted(load_table("_line")) == sorted((one,) for one in (line, 3) if one)


@pytest.mark.usefixtures("cells")
def test_a_long_key_that_is_held_back_is_rejected(clean, load_table):
    long = "".join(random.Random(1).choices(string.ascii_letters, k=9000))
    contract = {**THINGS, "primaryKey": "id", "fields": [{"name": "id"}]}
    done = clean("\n".join(["id", "a", long, "b", long, "a", ""]).encode(), contract)
    assert sorted(load_table("_line")) == [(2,), (4,)]
    assert done.row["rows_rejected"] == 3


def test_another_choice_loads_an_unchanged_file_again(clean, load_table):
    clean(FILE, THINGS)
    assert clean(FILE, THINGS).row["status"] == "unchanged"
    assert clean(FILE, {**THINGS, "duplicate_keys": "reject_all"}).row["status"] == "succeeded"
    assert load_table("id") == [("b",)]


def test_contract_without_the_key_keeps_its_fingerprint(clean, tmp_path: Path, warehouse: Connection):
    """An upgrade from 0.1.0 reloads no table: files of earlier incremental loads may be gone."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(FILE)
    query = "select fingerprint from medallion.builds order by created_at desc limit 1"
    clean(FILE, THINGS)
    assert warehouse.execute(query).fetchone() == ("a566c9876ec74592848291984932991d8050c4b60238868eb5b0439d452e3a7b",)
    clean({"connector": "csv", "path": "in/*.csv", "incremental": {"mode": "files"}}, THINGS)
    assert warehouse.execute(query).fetchone() == ("a2077acb0014559115b086c741f5a3980ad68f7447c7c3c4131a77d5b62c2062",)


def test_first_load_of_a_replacing_source_keeps_the_last_row(clean, tmp_path: Path, load_table):
    (tmp_path / "in").mkdir()
    for name, note in (("a", b"old"), ("b", b"new")):
        (tmp_path / "in" / f"{name}.csv").write_bytes(b"id,size,note\na,1," + note + b"\n")
    replacing = {"connector": "csv", "path": "in/*.csv"}
    clean({**replacing, "incremental": {"mode": "files", "on_duplicate_key": "replace"}}, THINGS)
    assert load_table("_file, note") == [("in/b.csv", "new")]


class Row(NamedTuple):
    """A row in plain Python, in the order in which rows are read."""

    file: str
    line: int
    key: tuple[str, int]
    note: str


def expected(
    table: list[Row], files: dict[str, list[Row]], keep: str, on_duplicate_key: str
) -> tuple[list[Row], list[Row]]:
    """What a load leaves in the table, and what it rejects."""
    table = [row for row in table if row.file not in files]
    by_key: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for name in sorted(files):
        for row in files[name]:
            by_key[row.key].append(row)
    there = {row.key for row in table}
    rejected: list[Row] = []
    for key, rows in by_key.items():
        kept = {"keep_first": rows[:1], "keep_last": rows[-1:], "reject_all": rows if len(rows) == 1 else []}[keep]
        if on_duplicate_key == "reject" and key in there:
            kept = []
        if kept:
            table = [row for row in table if row.key != key] + kept
        rejected += [row for row in rows if row not in kept]
    return sorted(table), sorted(rejected)


rows = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 2), st.sampled_from("xy")), min_size=1, max_size=6)
deliveries = st.dictionaries(st.sampled_from(["a", "b", "c"]), rows, min_size=1, max_size=3)
choices = st.sampled_from(
    [("keep_first", None), ("keep_last", None), ("reject_all", None), ("keep_first", "reject"),
     ("keep_last", "replace"), ("reject_all", "reject"), ("reject_all", "replace")]
)  # fmt: skip


@pytest.fixture(params=[4, repeats._CELLS], ids=["most rows held back", "repeats held back"])
def cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_CELLS", request.param)


@pytest.mark.fuzz
@pytest.mark.usefixtures("cells")
@settings(
    max_examples=25 * FUZZ, deadline=None, derandomize=FUZZ == 1,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(choices, st.lists(deliveries, min_size=1, max_size=3))
@example(("reject_all", "replace"), [{"a": [("a", 1, "x")]}, {"b": [("a", 1, "x"), ("a", 1, "y")]}])
@example(("keep_last", "replace"), [{"a": [("a", 1, "x"), ("b", 1, "x")]}, {"a": [("a", 1, "y"), ("a", 1, "x")]}])
def test_loads_leave_what_plain_python_computes(
    clean, tmp_path: Path, warehouse: Connection, choice: tuple[str, str | None], loads: list[Any]
):
    keep, on_duplicate_key = choice
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    source: dict[str, Any] = {"connector": "csv", "path": "in/*.csv"}
    if on_duplicate_key:
        source["incremental"] = {"mode": "files", "on_duplicate_key": on_duplicate_key}
    # Another table each time, as a contract's table that grows begins with the rows that are there.
    ((number,),) = warehouse.execute("select count(*) from pg_namespace").fetchall()
    contract = {**THINGS, "table": f"cleaned_{number}.things", "duplicate_keys": keep}
    table: list[Row] = []
    there: dict[str, list[Row]] = {}
    for delivery in loads:
        fresh = {f"in/{name}.csv": _rows(f"in/{name}.csv", written) for name, written in delivery.items()}
        for name, written in fresh.items():
            (tmp_path / name).write_text(
                "id,size,note\n" + "".join(f"{r.key[0]},{r.key[1]},{r.note}\n" for r in written)
            )
        there |= fresh
        done = clean(source, contract)
        if done.row["status"] == "unchanged":
            continue
        table, rejected = expected(*((table, fresh) if on_duplicate_key else ([], there)), keep, str(on_duplicate_key))
        query = f"select _file, _line::int, id, size::int, note from cleaned_{number}.things"
        loaded = [Row(file, line, (id, size), note) for file, line, id, size, note in warehouse.execute(query)]  # type: ignore[arg-type]
        quarantined = warehouse.execute(
            "select source, line from medallion.rejected_rows where run_id = %s order by 1, 2", (done.run_id,)
        ).fetchall()
        assert sorted(loaded) == table
        assert quarantined == [(row.file, row.line) for row in rejected]
        assert done.row["rows_rejected"] == len(rejected)
        assert done.row["rows_in"] == sum(map(len, (fresh if on_duplicate_key else there).values()))


def _rows(file: str, written: list[tuple[str, int, str]]) -> list[Row]:
    return [Row(file, line, (id, size), note) for line, (id, size, note) in enumerate(written, 2)]
