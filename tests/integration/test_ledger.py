"""The ledger and the builds, on a real Postgres."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

import psycopg
import pytest

from medallion.config.retention import Retention
from medallion.errors import ExitCode, StepFailure, TooManyRejects, UpstreamNotSucceeded
from medallion.protocol.result import TaskResult
from medallion.protocol.task import TaskSpec
from medallion.protocol.work import LayerWork
from medallion.runtime.session import Job, Session
from medallion.runtime.step import run_step
from medallion.warehouse import builds, ledger, publication, retention
from medallion.warehouse.connection import Connection, connect
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.lock import advisory_lock

STEP = StepRun("orders", "run-1", "gold", layer="gold")
TASK = TaskSpec(
    protocol=1,
    pipeline="orders",
    run_id="run-1",
    step="gold",
    work=LayerWork(kind="layer", layer="gold", select="gold"),
)


def publish(connection: Connection, step: StepRun, select: str) -> str:
    build = builds.start(connection, "gold", step, fresh=True)
    connection.execute(f"create table {build}.sales as {select}")  # type: ignore[arg-type]
    with connection.transaction():
        publication.publish(connection, "gold", build, ["sales"], fingerprint=select)
    return build


@pytest.fixture
def ready(warehouse: Connection) -> Connection:
    ledger.ensure(warehouse)
    return warehouse


def test_the_ledger_is_made_once_however_many_ask_for_it_at_once(warehouse: Connection):
    errors: list[BaseException] = []

    def ensure() -> None:
        try:
            with connect("test") as connection:
                ledger.ensure(connection)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ensure) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors


def test_a_gate_opens_only_for_a_success_in_the_same_run(ready: Connection):
    now = datetime.now(timezone.utc)
    silver = replace(STEP, step="silver", layer="silver")
    needs = replace(STEP, needs=("silver",))
    with pytest.raises(UpstreamNotSucceeded, match="needs silver, which did not succeed in run run-1"):
        ledger.require(ready, needs)
    ledger.record(ready, silver, now, TaskResult(status="failed"))
    ledger.record(ready, replace(silver, run_id="another"), now, TaskResult())
    with pytest.raises(UpstreamNotSucceeded):
        ledger.require(ready, needs)
    ledger.record(ready, silver, now, TaskResult())
    ledger.require(ready, needs)


def test_attempts_are_counted_and_the_latest_is_reported(ready: Connection):
    now = datetime.now(timezone.utc)
    ledger.record(ready, STEP, now, TaskResult(status="failed", message="first"))
    ledger.record(ready, STEP, now, TaskResult(rows_in=3, rows_loaded=2, rows_rejected=1))
    (row,) = ledger.list_steps(ready, "orders", "run-1")
    assert (row["attempt"], row["status"], row["rows_rejected"]) == (2, "succeeded", 1)


def test_counts_that_do_not_add_up_are_refused_by_the_database(ready: Connection):
    with pytest.raises(psycopg.errors.CheckViolation):
        ledger.record(ready, STEP, datetime.now(timezone.utc), TaskResult(rows_in=3, rows_loaded=1, rows_rejected=1))


def test_views_and_grants_survive_the_next_publication(ready: Connection):
    ready.execute("drop role if exists analyst_of_test")
    ready.execute("create role analyst_of_test")
    publish(ready, STEP, "select 1 as id, 10 as amount")
    ready.execute("create view public.mine as select amount from gold.sales")
    ready.execute("grant select on gold.sales to analyst_of_test")
    publish(ready, replace(STEP, run_id="run-2"), "select 1 as id, 20 as amount")
    assert ready.execute("select amount from public.mine").fetchall() == [(20,)]
    assert ready.execute("select has_table_privilege('analyst_of_test', 'gold.sales', 'select')").fetchone() == (True,)
    ready.execute("drop owned by analyst_of_test; drop role analyst_of_test")


def test_grants_survive_a_change_of_columns(ready: Connection):
    ready.execute("drop role if exists reader_of_test")
    ready.execute("create role reader_of_test")
    publish(ready, STEP, "select 1 as id, 10 as amount")
    ready.execute("grant select on gold.sales to reader_of_test")
    publish(ready, replace(STEP, run_id="run-2"), "select 'one'::text as id")
    assert ready.execute("select * from gold.sales").fetchall() == [("one",)]
    assert ready.execute("select has_table_privilege('reader_of_test', 'gold.sales', 'select')").fetchone() == (True,)
    ready.execute("drop owned by reader_of_test; drop role reader_of_test")


def test_columns_that_others_use_are_not_taken_away(ready: Connection):
    publish(ready, STEP, "select 1 as id, 10 as amount")
    ready.execute("create view public.mine as select amount from gold.sales")
    with pytest.raises(StepFailure, match="other views use it"):
        publish(ready, replace(STEP, run_id="run-2"), "select 1 as id")
    assert ready.execute("select amount from public.mine").fetchall() == [(10,)]


def test_a_table_that_is_not_ours_is_left_alone(ready: Connection):
    ready.execute("create schema gold; create table gold.sales as select 7 as id")
    with pytest.raises(StepFailure, match="a table that Medallion did not make"):
        publish(ready, STEP, "select 1 as id")
    assert ready.execute("select id from gold.sales").fetchall() == [(7,)]


def test_old_builds_go_and_the_one_before_stays(ready: Connection):
    steps = [replace(STEP, run_id=f"run-{number}") for number in range(4)]
    made = [publish(ready, step, f"select {number} as id") for number, step in enumerate(steps)]
    assert sorted(retention.prune(ready, steps[-1], Retention(builds=2))) == sorted(made[:2])
    assert ready.execute("select id from gold.sales").fetchall() == [(3,)]
    assert builds.current_fingerprint(ready, "gold", "sales") == "select 3 as id"


def test_a_lock_is_waited_for_and_goes_with_its_session(ready: Connection):
    waited: list[bool] = []

    def second() -> None:
        with connect("second") as other, advisory_lock(other, "table:x") as had_to_wait:
            waited.append(had_to_wait)

    with connect("first") as first, advisory_lock(first, "table:x") as had_to_wait:
        assert not had_to_wait
        thread = threading.Thread(target=second)
        thread.start()
        waiting = "select count(*) from pg_stat_activity where application_name = 'second' and wait_event = 'advisory'"
        while ready.execute(waiting).fetchone() == (0,):
            pass
        ready.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'first'")
        thread.join(120)
        with pytest.raises(psycopg.OperationalError):
            first.execute("select 1")
    assert waited == [True]


def test_failed_step_leaves_reason_and_exit_code_in_ledger(warehouse: Connection, capsys: pytest.CaptureFixture[str]):
    def work(session: Session) -> None:
        counts = TaskResult(rows_in=2, rows_loaded=0, rows_rejected=2)
        raise TooManyRejects("2 of 2 rows were rejected", "correct the file", counts)

    assert run_step(TASK, lambda _: Job(work, "table:x")) == ExitCode.TOO_MANY_REJECTS
    (row,) = ledger.list_steps(warehouse, "orders", "run-1")
    assert (row["status"], row["details"]["message"]) == ("failed", "2 of 2 rows were rejected")
    assert '"remedy": "correct the file"' in capsys.readouterr().out


def test_a_bug_is_an_exit_code_and_a_log_and_nothing_is_written(
    warehouse: Connection, capsys: pytest.CaptureFixture[str]
):
    def work(session: Session) -> None:
        with session.connection.transaction():
            session.connection.execute("create table public.half (id int)")
            session.record(TaskResult())
            raise ZeroDivisionError("oops")

    assert run_step(TASK, lambda _: Job(work, "table:x")) == ExitCode.INTERNAL
    assert warehouse.execute("select to_regclass('public.half')").fetchone() == (None,)
    assert [row["status"] for row in ledger.list_steps(warehouse, "orders", "run-1")] == ["failed"]


def session_ended(session: Session, warehouse: Connection) -> None:
    warehouse.execute("select pg_terminate_backend(%s, 5000)", (session.connection.info.backend_pid,))
    session.connection.execute("select 1")


def stopped(session: Session, warehouse: Connection) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [session_ended, stopped])
def test_committed_success_stays_though_its_answer_is_lost(
    end: Callable[[Session, Connection], None], warehouse: Connection, capsys: pytest.CaptureFixture[str]
):
    def work(session: Session) -> None:
        with session.connection.transaction():
            session.record(TaskResult())
        end(session, warehouse)

    assert run_step(TASK, lambda _: Job(work, "table:x")) == ExitCode.OK
    assert [row["status"] for row in ledger.list_steps(warehouse, "orders", "run-1")] == ["succeeded"]
    assert "ended_late" in capsys.readouterr().out


def test_a_database_that_is_away_is_worth_a_retry(warehouse: Connection, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGHOST", "/nowhere")
    assert run_step(TASK, lambda _: Job(lambda session: None, "table:x")) == ExitCode.WAREHOUSE_UNAVAILABLE
