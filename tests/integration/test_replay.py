"""A replay: rejected rows of a run are loaded after all, once, and what is still invalid stays in quarantine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from command_line import good, medallion
from medallion.cleaner.kept import MAX_KEPT
from medallion.config.retention import Retention
from medallion.errors import ExitCode
from medallion.warehouse import ledger, retention
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
STRICT: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "price", "type": "number"}, {"name": "note"}],
    "rejects": {"max_share": 1},
}
ZERO: dict[str, Any] = {"clean": [{"replace": {"none": "0"}}]}
LENIENT = {**STRICT, "fields": [{"name": "id"}, {"name": "price", "type": "number", **ZERO}, {"name": "note"}]}
HEADER = b"id,price,note\n"
FILE = HEADER + b'a,1,x\nb,none,"y, ""z"""\nc,many,x\nd,1\na,none,x\n'
BY_FILE = {"connector": "csv", "path": "in/*.csv", "incremental": {"mode": "files"}}
REPLACING = {**BY_FILE, "incremental": {"mode": "files", "on_duplicate_key": "replace"}}

Replay = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def quarantine(warehouse: Connection) -> list[tuple[Any, ...]]:
    """Rejected rows that no replay has loaded."""
    return warehouse.execute(
        """select run_id, source, line, reason from medallion.rejected_rows as row
           where not exists (
               select from medallion.rejected_records as kept
               where (kept.run_id, kept.source, kept.line) = (row.run_id, row.source, row.line)
                   and replayed_by is not null)
           order by 1, 2, 3"""
    ).fetchall()


def counts(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["rows_in"], row["rows_loaded"], row["rows_rejected"]


def test_rows_that_the_contract_accepts_now_are_added(clean, replay: Replay, load_table, warehouse: Connection):
    done = clean(FILE, STRICT)
    code, row = replay(LENIENT, "run-1")
    assert (code, counts(row), row["details"]["replay_of"]) == (ExitCode.OK, (3, 1, 2), "run-1")
    assert load_table("id, price::int, note, _line") == [("a", 1, "x", 2), ("b", 0, 'y, "z"', 3)]
    assert quarantine(warehouse) == [
        ("run-1", "input.csv", 4, "is not a number"),
        ("run-1", "input.csv", 5, "has 2 values, the header has 3"),
        ("run-1", "input.csv", 6, "is the key of a row of an earlier load with other values"),
    ]
    assert counts(ledger.list_steps(warehouse, "p", "run-1")[0]) == counts(done.row)


def test_second_replay_finds_only_what_is_still_rejected(clean, replay: Replay, load_table):
    clean(FILE, STRICT)
    replay(LENIENT, "run-1")
    assert counts(replay(LENIENT, "run-1")[1]) == (2, 0, 2)
    assert len(load_table()) == 2
    clean(HEADER + b"z,none,\n", STRICT, "run-2")
    replay(LENIENT, "run-2")
    code, row = replay(LENIENT, "run-2")
    assert code == ExitCode.USAGE
    assert "no rejected rows of run run-2 can be loaded again" in row["details"]["message"]


def test_corrected_rows_of_a_file_are_added(clean, replay: Replay, load_table, warehouse: Connection):
    clean(FILE, STRICT)
    code, row = replay(STRICT, "run-1", HEADER + b"c,2,x\nd,3,x\na,9,x\ne,none,x\n")
    assert (code, counts(row)) == (ExitCode.OK, (4, 2, 2))
    assert sorted(load_table("id, price::int")) == [("a", 1), ("c", 2), ("d", 3)]
    assert [(run, line) for run, _, line, _ in quarantine(warehouse) if run != "run-1"] == [
        ("replay-1", 4), ("replay-1", 5)
    ]  # fmt: skip
    assert counts(replay(LENIENT, "replay-1")[1]) == (1, 1, 0)
    assert sorted(load_table("id, price::int")) == [("a", 1), ("c", 2), ("d", 3), ("e", 0)]
    assert counts(replay(LENIENT, "run-1")[1]) == (3, 1, 2), "the rows of the run are there, and b is not loaded yet"


def test_earlier_build_stays_and_can_be_rolled_back_to(clean, replay: Replay, load_table, warehouse: Connection):
    """Views of later layers read the build that their tests have passed."""
    clean(FILE, STRICT)
    ((build,),) = warehouse.execute("select build_schema from medallion.builds").fetchall()
    replay(LENIENT, "run-1")
    assert warehouse.execute(f"select count(*) from {build}.things").fetchone() == (1,)  # type: ignore[arg-type]
    roll_back(warehouse, "p", "run-1", "abc")
    assert load_table("id") == [("a",)]


def test_unchanged_file_is_not_loaded_again_after_a_replay(clean, replay: Replay, load_table):
    clean(FILE, STRICT)
    replay(STRICT, "run-1", HEADER + b"c,2,x\n")
    assert clean(FILE, STRICT).row["status"] == "unchanged"
    assert load_table("id") == [("a",), ("c",)]
    assert clean(FILE, LENIENT).row["status"] == "succeeded"
    assert load_table("id") == [("a",), ("b",)]


def test_replay_that_loads_nothing_publishes_nothing(clean, replay: Replay, warehouse: Connection):
    clean(FILE, STRICT)
    before = quarantine(warehouse)
    code, row = replay(STRICT, "run-1")
    assert (code, counts(row)) == (ExitCode.OK, (3, 0, 3))
    assert [line for _, _, line, _ in quarantine(warehouse)] == [line for _, _, line, _ in before]
    assert warehouse.execute("select count(*) from medallion.builds").fetchone() == (1,)


def test_rows_of_several_files_keep_file_and_line(clean, replay: Replay, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1,x\nb,none,x\nc,many,x\n")
    (folder / "b.csv").write_bytes(b'"note\nof the sender",price,id\n' + b"x,none,d\n\nx,none,e\nx,many,f\n")
    source = {"connector": "csv", "path": "in/*.csv"}
    fields = [*STRICT["fields"][:2], {"name": "note", "source": "note\nof the sender"}]
    loose = {"unknown_columns": "ignore", "missing_columns": "null"}
    clean(source, {**STRICT, **loose, "fields": fields})
    new = [LENIENT["fields"][0], LENIENT["fields"][1], fields[2]]
    code, row = replay({**STRICT, **loose, "fields": new}, "run-1", source=source)
    assert (code, counts(row)) == (ExitCode.OK, (5, 3, 2))
    assert warehouse.execute("select _file, _line, id from cleaned.things order by id").fetchall() == [
        ("in/a.csv", 2, "a"), ("in/a.csv", 3, "b"), ("in/b.csv", 3, "d"), ("in/b.csv", 5, "e")
    ]  # fmt: skip
    assert [(file, line) for _, file, line, _ in quarantine(warehouse)] == [("in/a.csv", 4), ("in/b.csv", 6)]


def test_replay_into_a_table_that_grows_keeps_its_state(clean, replay: Replay, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1,x\nb,none,x\n")
    clean(BY_FILE, STRICT)
    (folder / "b.csv").write_bytes(HEADER + b"c,1,x\nd,none,x\n")
    clean(BY_FILE, STRICT)
    assert counts(replay(LENIENT, "run-1", source=BY_FILE)[1]) == (1, 1, 0)
    assert counts(replay(LENIENT, "run-2", source=BY_FILE)[1]) == (1, 1, 0)
    assert warehouse.execute("select count(*) from medallion.builds").fetchone() == (1,)
    assert clean(BY_FILE, STRICT).row["status"] == "unchanged"
    (folder / "a.csv").write_bytes(HEADER + b"a,5,x\n")
    clean(BY_FILE, STRICT)
    query = "select _file, id, price::int from cleaned.things order by id"
    assert warehouse.execute(query).fetchall() == [("in/a.csv", "a", 5), ("in/b.csv", "c", 1), ("in/b.csv", "d", 0)]


def test_rows_of_a_file_that_was_loaded_again_stay_out(clean, replay: Replay, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,1,x\nb,none,x\n")
    (folder / "b.csv").write_bytes(HEADER + b"c,none,x\n")
    clean(BY_FILE, STRICT)
    (folder / "a.csv").write_bytes(HEADER + b"a,1,x\n")
    clean(BY_FILE, STRICT)
    assert counts(replay(LENIENT, "run-1", source=BY_FILE)[1]) == (1, 1, 0)
    assert warehouse.execute("select id from cleaned.things order by id").fetchall() == [("a",), ("c",)]


def test_replayed_row_never_replaces_a_later_one(clean, replay: Replay, folder: Path, warehouse: Connection):
    (folder / "a.csv").write_bytes(HEADER + b"a,none,old\n")
    clean(REPLACING, STRICT)
    (folder / "b.csv").write_bytes(HEADER + b"a,5,new\n")
    clean(REPLACING, STRICT)
    assert counts(replay(LENIENT, "run-1", source=REPLACING)[1]) == (1, 0, 1)
    assert warehouse.execute("select note from cleaned.things").fetchall() == [("new",)]


@pytest.mark.parametrize(
    ("change", "of", "source", "message"),
    [
        ({"primaryKey": []}, "run-1", None, "has no `primaryKey`"),
        ({"primaryKey": ["id", "note"]}, "run-1", None, "has other columns, or another key"),
        ({"fields": [*LENIENT["fields"], {"name": "more"}], "missing_columns": "null"}, "run-1", None, "has other columns"),
        ({}, "run-0", None, "do not see the data of run run-0"),
        ({"table": "cleaned.others"}, "run-1", None, "cleaned.others has no data yet"),
        ({}, "run-1", {"connector": "postgres", "table": "t", "incremental": {"cursor": "c"}}, "may have later versions"),
    ],
)  # fmt: skip
def test_replay_that_could_harm_the_table_is_refused(
    clean, replay: Replay, load_table, warehouse: Connection, change: Any, of: str, source: Any, message: str
):
    clean(HEADER + b"z,none,x\n", STRICT, "run-0")
    clean(FILE, STRICT, "run-1")
    before = quarantine(warehouse)
    code, row = replay({**LENIENT, **change}, of, source=source)
    assert code == ExitCode.USAGE
    assert message in row["details"]["message"]
    assert (quarantine(warehouse), load_table("id")) == (before, [("a",)])


def test_replay_of_a_refused_load_is_refused(clean, replay: Replay, warehouse: Connection):
    clean(HEADER + b"a,1,x\n", STRICT)
    assert clean(FILE, {**STRICT, "rejects": {"max_share": 0}}).code == ExitCode.TOO_MANY_REJECTS
    assert "do not see the data of run run-2" in replay(LENIENT, "run-2")[1]["details"]["message"]
    kept = "select count(*) from medallion.rejected_records"
    assert warehouse.execute(kept).fetchone() == (0,), "records that are never replayed take no space"


def test_contract_with_another_product_is_refused(clean, replay: Replay, load_table):
    def priced(by: str) -> dict[str, Any]:
        numbers = [{"name": name, "type": "number", **ZERO} for name in ("price", "pieces", "weight")]
        numbers[0] = {"name": "price", "type": "number"}
        total = {"name": "total", "type": "number", "derive": {"multiply": ["pieces", by]}}
        return {**STRICT, "fields": [{"name": "id"}, *numbers, total]}

    clean(b"id,price,pieces,weight\na,1,2,3\nb,none,2,3\n", priced("weight"))
    code, row = replay(priced("price"), "run-1")
    assert (code, "has other columns" in row["details"]["message"]) == (ExitCode.USAGE, True)
    assert load_table("id, total::int") == [("a", 6)]


@pytest.mark.parametrize("source", [None, BY_FILE])
def test_replay_that_fails_at_its_end_leaves_nothing(
    clean, replay: Replay, folder: Path, warehouse: Connection, source: Any
):
    (folder / "a.csv").write_bytes(FILE)
    clean(source or FILE, STRICT)
    before = quarantine(warehouse)
    warehouse.execute(
        """create function pg_temp.refuse() returns trigger language plpgsql as
           $$ begin raise exception using errcode = 'disk_full'; end $$"""
    )
    warehouse.execute(
        """create trigger refuse before insert on medallion.step_runs for each row
           when (new.status <> 'failed') execute function pg_temp.refuse()"""
    )
    query = "select id from cleaned.things order by id"
    assert replay(LENIENT, "run-1", source=source)[0] != ExitCode.OK
    assert (quarantine(warehouse), warehouse.execute(query).fetchall()) == (before, [("a",)])
    assert warehouse.execute("select count(*) from medallion.builds").fetchone() == (1,)
    warehouse.execute("drop trigger refuse on medallion.step_runs")
    assert counts(replay(LENIENT, "run-1", source=source)[1]) == (3, 1, 2)
    assert warehouse.execute(query).fetchall() == [("a",), ("b",)]


def test_failed_replay_leaves_table_and_quarantine(clean, replay: Replay, load_table, warehouse: Connection):
    clean(FILE, STRICT)
    before = quarantine(warehouse)
    assert replay({**STRICT, "fields": [{"name": "nr"}], "primaryKey": "nr"}, "run-1")[0] == ExitCode.CONTRACT_VIOLATION
    assert replay(STRICT, "run-1", b"id,cost\n1,2\n")[0] == ExitCode.CONTRACT_VIOLATION
    assert (quarantine(warehouse), load_table("id")) == (before, [("a",)])


@pytest.mark.parametrize(
    ("record", "replayed"),
    [
        (b"b,none," + b"x" * (MAX_KEPT - 7), True),
        (b"b,none," + b"x" * (MAX_KEPT - 6), False),
        (b'b,none,"two\r\nlines"', False),
        (b"b,none,\xff", False),
    ],
)
def test_records_are_replayed_whole_or_not_at_all(clean, replay: Replay, load_table, record: bytes, replayed: bool):
    clean(HEADER + b"a,1,x\n" + record + b"\n", STRICT)
    code, _ = replay(LENIENT, "run-1")
    assert code == (ExitCode.OK if replayed else ExitCode.USAGE)
    notes = [record[7:].decode()] if replayed else []
    assert load_table("note") == [("x",), *((note,) for note in notes)]


def test_dialect_and_encoding_of_the_file_are_kept(clean, replay: Replay, load_table):
    written = {"dialect": {"delimiter": ";", "headerRows": [2]}, "encoding": "cp1252"}
    clean("sent today\nid;price;note\na;none;M\xfcller, \x80\n".encode("latin-1"), {**STRICT, **written})
    assert replay({**LENIENT, **written}, "run-1")[0] == ExitCode.OK
    assert load_table("note, _line") == [("Müller, €", 3)]


@pytest.mark.parametrize(
    ("dialect", "text", "line"),
    [
        ({"quoteChar": "'", "escapeChar": "!"}, "id,price,'no!'te'\na,none,'x, !'y!''\n", 2),
        ({"quoteChar": None, "escapeChar": "\\"}, "id,price,no'te\na,none,x\\, 'y'\n", 2),
        ({"delimiter": "||", "header": False}, "a||none||x, 'y'\n", 1),
        (
            {"lineTerminator": "\r", "footerRows": 1, "commentRows": [2]},
            "id,price,no'te\r-\ra,none,\"x, 'y'\"\rend\r",
            3,
        ),
        ({"findHeader": True, "skipLines": "^s"}, "top\nid,price,no'te\nskip\na,none,\"x, 'y'\"\n", 4),
        ({"strayQuotes": "keep", "shortRows": "pad"}, "id,no'te,price\na,\"x, 'y'\",none\n", 2),
    ],
)
def test_any_dialect_is_replayed(clean, replay: Replay, load_table, dialect: dict[str, Any], text: str, line: int):
    def of(contract: dict[str, Any]) -> dict[str, Any]:
        fields = [{**one, "source": "no'te"} if one["name"] == "note" else one for one in contract["fields"]]
        return {**contract, "fields": fields, "dialect": dialect}

    done = clean(text.encode(), of(STRICT))
    assert (done.code, done.row["rows_rejected"]) == (ExitCode.OK, 1)
    code, row = replay(of(LENIENT), "run-1")
    assert (code, row["rows_loaded"], row["details"].get("dialect")) == (ExitCode.OK, 1, None)
    assert load_table("id, price::text, note, _line") == [("a", "0", "x, 'y'", line)]


def test_whole_records_are_deleted_with_the_rejected_rows(clean, warehouse: Connection):
    clean(FILE, STRICT)
    for table in ("rejected_rows", "rejected_records", "rejected_headers"):
        warehouse.execute(f"update medallion.{table} set rejected_at = now() - interval '91 days'")  # type: ignore[arg-type]
    retention.prune_records(warehouse, "p", Retention())
    for table in ("rejected_rows", "rejected_records", "rejected_headers"):
        assert warehouse.execute(f"select count(*) from medallion.{table}").fetchone() == (0,)  # type: ignore[arg-type]


notes = st.text(st.sampled_from('a ,"\r\n;€'), max_size=4)
things = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), notes), min_size=1, max_size=9)


@pytest.mark.fuzz
@settings(
    max_examples=25 * FUZZ, deadline=None, derandomize=FUZZ == 1,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(things, st.booleans())
@example([("a", 6, '"'), ("a", 1, "x"), ("b", 7, "\r"), ("b", 6, " ")], False)
def test_replay_adds_what_plain_python_computes(
    clean, replay: Replay, warehouse: Connection, rows: list[tuple[str, int, str]], windows: bool
):
    ((number,),) = warehouse.execute("select count(*) from pg_namespace").fetchall()
    end = "\r\n" if windows else "\n"
    lines, text = [], "id,price,note" + end
    for id, price, note in rows:
        lines.append(text.count("\n") + 1)
        text += f'{id},{price},"{note.replace(chr(34), chr(34) * 2)}"{end}'
    done = clean(text.encode(), limited(5, number))
    loaded: dict[str, tuple[int, int, str]] = {}
    for line, (id, price, note) in zip(lines, rows, strict=True):
        if price <= 5 and id not in loaded:
            loaded[id] = (line, price, note)
    candidates = [(line, *row) for line, row in zip(lines, rows, strict=True) if row[1] > 5 and "\n" not in row[2]]
    if candidates:
        code, row = replay(limited(7, number), done.run_id)
        assert (code, row["rows_in"]) == (ExitCode.OK, len(candidates))
    for line, id, price, note in candidates:
        if price <= 7 and id not in loaded:
            loaded[id] = (line, price, note)
    query = f"select id, _line, price::int, note from cleaned_{number}.things"
    assert {id: tuple(rest) for id, *rest in warehouse.execute(query)} == {  # type: ignore[arg-type]
        id: (line, price, note or None) for id, (line, price, note) in loaded.items()
    }
    left = [line for run, _, line, _ in quarantine(warehouse) if run == done.run_id]
    assert left == sorted({*lines} - {line for line, *_ in loaded.values()})


def limited(maximum: int, number: object) -> dict[str, Any]:
    price = {"name": "price", "type": "integer", "constraints": {"maximum": maximum}}
    return {
        **STRICT,
        "table": f"cleaned_{number}.things",
        "fields": [{"name": "id"}, price, {"name": "note", "clean": []}],
    }


PIPELINE = "name: shop\nowner: team\nsources: [{name: things, path: things.csv, contract: things}]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("pipelines", "contracts"):
        (tmp_path / "dags" / name).mkdir(parents=True)
    (tmp_path / "landing").mkdir()
    (tmp_path / "dags" / "pipelines" / "shop.yaml").write_text(PIPELINE)
    (tmp_path / "dags" / "contracts" / "things.yaml").write_text(json.dumps(STRICT))
    (tmp_path / "landing" / "things.csv").write_bytes(FILE)
    return tmp_path


def test_command_replays_the_last_run_and_a_file(shop: Path, warehouse: Connection, warehouse_url: str):
    where = ("--warehouse", warehouse_url)
    good(shop, "run", "shop", *where)
    (shop / "dags" / "contracts" / "things.yaml").write_text(json.dumps(LENIENT))
    assert "3 rows in, 1 loaded, 2 rejected" in good(shop, "replay", "shop", *where)
    assert "1 rows were loaded after all, by replay__" in good(shop, "rejects", "shop", *where)
    (shop / "corrected.csv").write_bytes(HEADER + b"c,2,x\n")
    good(shop, "replay", "shop", "--source", "things", "--input", "corrected.csv", *where)
    assert warehouse.execute("select id from cleaned.things order by id").fetchall() == [("a",), ("b",), ("c",)]
    runs = json.loads(good(shop, "history", "shop", "--json", *where))
    assert [run["status"] for run in runs] == ["succeeded"] * 3
    wrong = medallion(shop, "replay", "shop", "--source", "x", *where)
    assert (wrong.returncode, "name one with --source: things" in wrong.stderr) == (ExitCode.USAGE, True)
