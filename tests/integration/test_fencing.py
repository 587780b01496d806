"""An attempt that lost its lock, and comes back to life: it writes nothing more, and says so by its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest

from layers import EXPECTED, arguments_of, entry, load, monthly, run_layer, stuck_in_a_model
from medallion.errors import ExitCode, LockLost
from medallion.protocol.result import TaskResult
from medallion.warehouse import fence, ledger
from medallion.warehouse.connection import Connection, connect
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.lock import advisory_lock
from task_file import task_file

STEP = StepRun("orders", "run-1", "gold", layer="gold")
CONTRACT = {"name": "things", "table": "cleaned.things", "fields": [{"name": "id"}, {"name": "note"}]}
SESSIONS = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'medallion%'"
)


@pytest.fixture
def ready(warehouse: Connection) -> Connection:
    ledger.ensure(warehouse)
    return warehouse


def wait_for(connection: Connection, query: str, wanted: object, seconds: float = 60) -> None:
    """Asks again until the query says so; the database sets the pace."""
    deadline = time.monotonic() + seconds
    while connection.execute(query).fetchone() != wanted:  # type: ignore[arg-type]
        assert time.monotonic() < deadline, query
        connection.execute("select pg_sleep(0.05)")


def cut_off(warehouse: Connection, process: subprocess.Popen[Any]) -> None:
    """Freezes a step and ends the session that holds its lock, as a paused node or a cut network does."""
    process.send_signal(signal.SIGSTOP)
    locks = "locktype = 'advisory' and objsubid = 1 and granted and database = (select oid from pg_database where datname = current_database())"
    holders = f"from (select distinct pid from pg_locks where {locks}) as holder"
    assert warehouse.execute(f"select count(pg_terminate_backend(pid)) {holders}").fetchone() == (1,)  # type: ignore[arg-type]
    wait_for(warehouse, f"select count(*) {holders}", (0,))


def wake(process: subprocess.Popen[Any]) -> int:
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    return process.returncode


def tables(warehouse: Connection, schema: str) -> list[tuple[Any, ...]]:
    """Which tables there are, by identity: one that is created again is another."""
    query = "select relname, oid, relfilenode from pg_class where relnamespace = to_regnamespace(%s) order by 1"
    return warehouse.execute(query, (schema,)).fetchall()


@pytest.mark.slow
def test_layer_that_lost_its_lock_builds_nothing_more(published: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDALLION_DBT_THREADS", "1")  # so that models are left to build when it wakes
    load(published, "", "two")
    assert run_layer("bronze", "two").returncode == ExitCode.OK
    with stuck_in_a_model(published, "bronze.stg_customer_transactions", *arguments_of("silver", "two")) as process:
        cut_off(published, process)
    assert run_layer("silver", "two").returncode == ExitCode.OK
    before = tables(published, "silver")
    assert wake(process) == ExitCode.WAREHOUSE_UNAVAILABLE
    assert tables(published, "silver") == before
    assert entry(published, "silver", "two")["status"] == "succeeded"
    wait_for(published, SESSIONS, (0,))


def test_published_layer_that_lost_its_lock_changes_nothing(published: Connection):
    load(published, "", "two", months=2)
    for layer in ("bronze", "silver"):
        assert run_layer(layer, "two").returncode == ExitCode.OK
    with stuck_in_a_model(published, "silver.fact_transactions", *arguments_of("gold", "two")) as process:
        cut_off(published, process)
        assert monthly(published) == EXPECTED
    assert run_layer("gold", "two").returncode == ExitCode.OK
    assert monthly(published) == EXPECTED[:2]
    assert wake(process) == ExitCode.WAREHOUSE_UNAVAILABLE
    assert monthly(published) == EXPECTED[:2]
    assert entry(published, "gold", "two")["status"] == "succeeded"
    left = "select count(*) from medallion.builds where run_id = 'two' and published_at is null"
    assert published.execute(left).fetchone() == (0,)


def clean(path: Path, run_id: str = "one") -> subprocess.Popen[bytes]:
    arguments = task_file(
        ["--pipeline", "p", "--run-id", run_id, "--step", "clean.input", "--input", str(path)], CONTRACT
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "medallion.cleaner", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)


def test_cleaner_that_lost_its_lock_loads_nothing_more(ready: Connection, tmp_path: Path):
    path = tmp_path / "big.csv"
    path.write_bytes(b"id,note\n" + b"".join(b"%d,note number %d\n" % (n, n) for n in range(400_000)))
    process = clean(path)
    wait_for(ready, "select count(*) > 0 from pg_stat_progress_copy where tuples_processed > 0", (True,))
    cut_off(ready, process)
    second = clean(path)
    second.communicate(timeout=120)
    assert second.returncode == ExitCode.OK
    content = "select count(*), md5(string_agg(t::text, '' order by _line)) from cleaned.things as t"
    before = ready.execute(content).fetchone()
    assert wake(process) == ExitCode.WAREHOUSE_UNAVAILABLE
    assert ready.execute(content).fetchone() == before
    (row,) = ledger.list_steps(ready, "p", "one")
    assert (row["status"], row["rows_loaded"]) == ("succeeded", 400_000)


def test_killed_step_leaves_no_session_in_mid_query(loaded: Connection):
    with stuck_in_a_model(loaded, "cleaned_data.customer_transactions", *arguments_of("bronze")) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(120)
        wait_for(loaded, SESSIONS, (0,), seconds=30)


def test_earlier_lock_holder_cannot_write_or_keep_sessions(ready: Connection):
    with connect("medallion one") as connection:
        one = fence.acquire(connection, "table:x", "one")
    left = psycopg.connect("", autocommit=True, application_name=fence.application_name(one, "dbt"))
    with connect("medallion two") as connection:
        two = fence.acquire(connection, "table:x", "two")
    assert two.number == one.number + 1
    with pytest.raises(LockLost, match=f"holder {one.number} of table:x lost its lock"):
        fence.assert_held(ready, one)
    fence.assert_held(ready, two)
    with pytest.raises(psycopg.OperationalError):
        left.execute("select 1")


def test_step_has_succeeded_though_the_next_one_ends_its_session(ready: Connection):
    with connect("medallion one") as one, advisory_lock(one, "table:x"):
        fence.acquire(one, "table:x", "one")
        # As the next holder does, between the server's unlock and its answer.
        fence.acquire(ready, "table:x", "two")
    assert one.closed


def test_sessions_are_named_after_their_step_in_at_most_63_bytes():
    name = fence.application_name(fence.Fence("layer:path:models/x/gold", 7), "p" * 63 + " gold")
    assert (len(name), name.startswith("medallion ")) == (63, True)


def test_an_attempt_that_ends_late_does_not_have_the_last_word(ready: Connection):
    now = datetime.now(timezone.utc)
    assert ledger.record(ready, STEP, now, TaskResult(), fence=2)
    assert not ledger.record(ready, STEP, now, TaskResult(status="failed"), fence=1)
    assert ledger.record(ready, STEP, now, TaskResult(status="failed"), fence=3)
    assert [row["fence"] for row in ledger.list_steps(ready, "orders", "run-1")] == [3]


def test_lock_passes_on_only_after_the_writer_has_ended(ready: Connection):
    with psycopg.connect("") as writer:
        with connect("medallion one") as one:
            first = fence.acquire(one, "table:x", "one")
        fence.assert_held(writer, first)
        writer.execute(f"set application_name = '{fence.application_name(first, 'dbt')}'")  # type: ignore[arg-type]
        writer.execute("create table public.late (id int)")
        with connect("medallion two") as two:
            fence.acquire(two, "table:x", "two")
            assert two.execute("select to_regclass('public.late')").fetchone() == (None,)
        with pytest.raises(psycopg.OperationalError):
            writer.execute("select 1")
