"""The connector `postgres`: a table of another database, as a whole and by a watermark."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from databases import fresh_database
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection, environment
from task_file import task_file

ORDERS: dict[str, Any] = {
    "name": "orders",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [
        {"name": "id", "type": "integer"},
        {"name": "note", "clean": []},
        {"name": "changed", "type": "datetime", "format": "%Y-%m-%d %H:%M:%S%.f"},
    ],
    "rejects": {"max_share": 0.5},
}
TABLE = {"connector": "postgres", "table": "shop.orders"}
GROWING = {**TABLE, "incremental": {"cursor": "changed"}}


@pytest.fixture
def source(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Another database than the warehouse, which the source's own environment names."""
    with fresh_database(postgres_url) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(f"SOURCE_{name}", value)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create schema shop")
            connection.execute("create table shop.orders (id int, note text, changed timestamp)")
            yield connection


def put(source: Connection, *rows: tuple[int, str | None, str | None]) -> None:
    for row in rows:
        source.execute("delete from shop.orders where id = %s", row[:1])
        source.execute("insert into shop.orders values (%s, %s, %s)", row)


def there(warehouse: Connection) -> list[Any]:
    return warehouse.execute("select id, note from cleaned.things order by id").fetchall()


def counts(done: Any) -> tuple[int, int, int]:
    return done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]


def test_table_with_quotes_line_breaks_and_nulls_is_loaded(clean, source: Connection, warehouse: Connection):
    put(source, (1, 'say "hi",\nthere', "2026-01-02 03:04:05.678"), (2, None, "2026-01-01"))
    done = clean(TABLE, ORDERS)
    assert done.code == ExitCode.OK
    assert there(warehouse) == [(1, 'say "hi",\nthere'), (2, None)]
    row = warehouse.execute("select changed::text from cleaned.things where id = 1").fetchone()
    assert row == ("2026-01-02 03:04:05.678",)


def test_the_same_table_again_leaves_readers_with_what_they_have(clean, source: Connection, warehouse: Connection):
    put(source, (1, "a", "2026-01-01"))
    assert clean(TABLE, ORDERS).row["status"] == "succeeded"
    again = clean(TABLE, ORDERS)
    assert (again.row["status"], counts(again)) == ("unchanged", (1, 1, 0))
    put(source, (2, "b", "2026-01-01"))
    assert clean(TABLE, ORDERS).row["status"] == "succeeded"
    assert there(warehouse) == [(1, "a"), (2, "b")]


def test_only_the_columns_that_are_named_are_read(clean, source: Connection):
    source.execute('alter table shop.orders add column "Salary" int')
    put_one = "insert into shop.orders values (1, 'a', '2026-01-01', 10)"
    source.execute(put_one)
    assert clean(TABLE, ORDERS).code == ExitCode.CONTRACT_VIOLATION
    assert clean({**TABLE, "columns": ["changed", "id", "note"]}, ORDERS).code == ExitCode.OK


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ({"table": "shop.returns"}, ExitCode.INPUT_NOT_FOUND, "has no shop.returns"),
        ({"table": "away.orders"}, ExitCode.INPUT_NOT_FOUND, "has no away.orders"),
        ({"columns": ["id", "price"]}, ExitCode.CONTRACT_VIOLATION, '"price" does not exist'),
        ({"env_prefix": "OTHER_"}, ExitCode.USAGE, "OTHER_PGHOST is not set"),
    ],
)
def test_unreadable_table_is_reported(clean, source: Connection, capsys, settings, code: int, message: str):
    assert clean({**TABLE, **settings}, ORDERS).code == code
    assert message in capsys.readouterr().out.replace('\\"', '"')


def test_missing_database_is_retried_and_no_password_is_shown(
    clean, source: Connection, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setenv("SOURCE_PGHOST", "127.0.0.1")
    monkeypatch.setenv("SOURCE_PGPORT", "1")
    monkeypatch.setenv("SOURCE_PGPASSWORD", "hunter2")
    assert clean(TABLE, ORDERS).code == ExitCode.SOURCE_UNAVAILABLE
    assert "hunter2" not in capsys.readouterr().out


def test_the_source_cannot_be_written_to(clean, source: Connection):
    source.execute(
        """create function shop.sneak() returns int language sql as $$
               insert into shop.orders values (9, 'x', null) returning 1 $$"""
    )
    source.execute("create view shop.trap as select shop.sneak() as id, '' as note, null::timestamp as changed")
    assert clean({**TABLE, "table": "shop.trap"}, ORDERS).code == ExitCode.BAD_INPUT
    assert source.execute("select count(*) from shop.orders").fetchone() == (0,)


def test_watermark_reads_only_changed_rows_and_replaces_them(clean, source: Connection, warehouse: Connection):
    put(source, (1, "a", "2026-01-01"), (2, "b", "2026-01-02"))
    assert counts(clean(GROWING, ORDERS)) == (2, 2, 0)
    view = warehouse.execute("select 'cleaned.things'::regclass::oid").fetchone()
    put(source, (1, "a2", "2026-01-03"), (3, "c", "2026-01-04"))
    done = clean(GROWING, ORDERS)
    # The row at the watermark is read again, because rows with the same value may have arrived since.
    assert counts(done) == (3, 3, 0)
    assert done.row["details"]["increment"]["replaced"] == 2
    assert there(warehouse) == [(1, "a2"), (2, "b"), (3, "c")]
    assert warehouse.execute("select 'cleaned.things'::regclass::oid").fetchone() == view


def test_a_run_with_nothing_new_says_so(clean, source: Connection):
    put(source, (1, "a", "2026-01-01"))
    clean(GROWING, ORDERS)
    done = clean(GROWING, ORDERS)
    assert (done.row["status"], counts(done)) == ("unchanged", (0, 0, 0))
    assert "nothing new" in done.row["details"]["message"]


def test_a_row_that_comes_with_the_same_watermark_is_not_missed(clean, source: Connection, warehouse: Connection):
    put(source, (1, "a", "2026-01-01"))
    clean(GROWING, ORDERS)
    put(source, (2, "b", "2026-01-01"), (3, "without", None))
    assert clean(GROWING, ORDERS).row["status"] == "succeeded"
    assert [row[0] for row in there(warehouse)] == [1, 2, 3]
    assert clean(GROWING, ORDERS).row["status"] == "unchanged"


def test_another_contract_loads_everything_again(clean, source: Connection, warehouse: Connection):
    put(source, (1, "a", "2026-01-01"))
    clean(GROWING, ORDERS)
    put(source, (2, "b", "2026-01-02"))
    upper = {
        **ORDERS,
        "fields": [ORDERS["fields"][0], {"name": "note", "clean": [{"case": "upper"}]}, ORDERS["fields"][2]],
    }
    assert counts(clean(GROWING, upper)) == (2, 2, 0)
    assert there(warehouse) == [(1, "A"), (2, "B")]


def test_too_many_rejects_add_nothing_next_run_rereads(clean, source: Connection, warehouse: Connection):
    put(source, (1, "a", "2026-01-01"))
    clean(GROWING, ORDERS)
    source.execute("insert into shop.orders values (null, 'x', '2026-01-03'), (null, 'y', '2026-01-03')")
    put(source, (2, "b", "2026-01-04"))
    strict = {**GROWING}
    refused = clean(strict, {**ORDERS, "rejects": {"max_share": 0.5}})
    assert refused.code == ExitCode.OK  # the row at the watermark counts too: 2 of 4
    source.execute("insert into shop.orders values (null, 'z', '2026-01-05'), (null, 'z', '2026-01-06')")
    refused = clean(strict, ORDERS)
    assert refused.code == ExitCode.TOO_MANY_REJECTS
    assert len(refused.rejects) == 2
    assert there(warehouse) == [(1, "a"), (2, "b")]
    source.execute("update shop.orders set id = 5 where note = 'z' and changed = '2026-01-05'")
    source.execute("update shop.orders set id = 6 where note = 'z' and changed = '2026-01-06'")
    assert clean(strict, ORDERS).code == ExitCode.OK
    assert [row[0] for row in there(warehouse)] == [1, 2, 5, 6]


def test_stopped_cleaner_keeps_old_state_next_takes_all(clean, source: Connection, warehouse: Connection):
    """It is killed when all of its rows are in, and it waits for a lock to write the state."""
    put(source, (0, "a", "2026-01-01"))
    clean(GROWING, ORDERS)
    source.execute(
        """insert into shop.orders select n, 'note ' || n, timestamp '2026-02-01' + n * interval '1 second'
           from generate_series(1, 400000) as n"""
    )
    arguments = task_file(["--pipeline", "p", "--run-id", "stopped", "--step", "clean.input"], ORDERS, GROWING)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "medallion.cleaner", *arguments], env=environment, stdout=subprocess.PIPE
    )
    with warehouse.transaction():
        warehouse.execute("lock table medallion.load_state in share mode")
        blocked = "select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
        while warehouse.execute(blocked).fetchone() is None:
            assert process.poll() is None, process.communicate(timeout=120)[0].decode()[-2000:]
            warehouse.execute("select pg_sleep(0.01), pg_stat_clear_snapshot()")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
    assert there(warehouse) == [(0, "a")]
    assert clean(GROWING, ORDERS).row["rows_loaded"] == 400_001
    assert warehouse.execute("select count(*) from cleaned.things").fetchone() == (400_001,)
    assert clean(GROWING, ORDERS).row["status"] == "unchanged"
