"""Incremental models in a published layer: a build goes on from what readers see, and copies only for a change."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events import PIPELINE, Events, write_project
from layers import run_command
from medallion.errors import ExitCode
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back
from readers import polling
from warm import Warm, warm


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("incremental") / "project")


@pytest.fixture(scope="module")
def dbt(project: Path) -> Iterator[Warm]:
    with warm({"MEDALLION_DBT_PROJECT": str(project), "MEDALLION_DBT_BAKED": str(project.parent / "baked")}) as found:
        yield found


@pytest.fixture
def events(warehouse: Connection, dbt: Warm, project: Path, monkeypatch: pytest.MonkeyPatch) -> Events:
    monkeypatch.setenv("MEDALLION_DBT_PROJECT", str(project))
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(project.parent / "baked"))
    warehouse.execute("create schema silver; create table silver.events (id int, day int, amount int)")
    ledger.ensure(warehouse)
    made = Events(warehouse, dbt)
    made.deliver((1, 1, 10), (2, 1, 20))
    return made


@contextmanager
def held(events: Events, *arguments: str) -> Iterator[int]:
    """A layer's process that is certainly computing the new rows of its first model: what it reads is locked."""
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect("") as blocker:
        blocker.execute("lock table silver.events in access exclusive mode")
        process = events.dbt.start(*arguments)
        while events.warehouse.execute(waiting).fetchone() == (0,):
            os.kill(process, 0)
        yield process


def test_a_run_with_nothing_new_copies_nothing_and_says_so(events: Events):
    events.good("appended replaced merged")
    first = [events.table(model) for model in ("appended", "replaced", "merged")]
    assert events.recorded("appended")["rows"] == 2
    events.good("appended replaced merged")
    assert [events.table(model) for model in ("appended", "replaced", "merged")] == first
    assert [events.kinds(model) for model in ("appended", "replaced", "merged")] == ["rv"] * 3
    assert {(events.recorded(model)["rows"], events.recorded(model)["status"]) for model in ("appended", "merged")} == {
        (0, "success")
    }
    assert events.seen("appended") == events.seen("replaced") == events.seen("merged") == [(1, 1, 10), (2, 1, 20)]


@pytest.mark.parametrize(
    ("model", "expected", "rows"),
    [
        ("appended", [(1, 1, 10), (2, 1, 20), (3, 2, 30)], 1),
        ("replaced", [(1, 1, 10), (2, 1, 21), (3, 2, 30)], 3),
        ("merged", [(1, 1, 10), (2, 1, 21), (3, 2, 30)], 3),
    ],
)
def test_new_rows_go_into_a_copy_by_dbts_own_strategy(events: Events, model: str, expected: list[Any], rows: int):
    events.good(model)
    before = events.table(model)
    events.warehouse.execute("update silver.events set amount = 21 where id = 2")
    events.deliver((3, 2, 30))
    events.good(model)
    assert (events.seen(model), events.recorded(model)["rows"], events.kinds(model)) == (expected, rows, "rr")
    roll_back(events.warehouse, PIPELINE, "run-1", "abc")
    assert events.table(model) == before


def test_indexes_and_keys_are_copied_and_serve_the_views(events: Events):
    events.good("replaced")
    events.deliver((3, 2, 30))
    events.good("replaced")
    events.good("replaced")
    assert events.kinds("replaced") == "rrv"
    unique = "select count(*) from pg_index where indrelid = %s::regclass and indisunique"
    assert events.warehouse.execute(unique, (f"{(events.table('replaced') or ('',))[0]}.replaced",)).fetchone() == (1,)
    events.warehouse.execute("set enable_seqscan = off")
    plan = events.warehouse.execute("explain select max(id) from gold.replaced").fetchall()
    assert any("Index Only Scan Backward" in str(line) for line in plan), plan


@pytest.mark.parametrize(
    ("change", "kinds"), [("", "rv"), ("update silver.events set amount = null where id = 2", "rr")]
)
def test_rows_of_a_look_back_that_are_the_same_are_nothing_new(events: Events, change: str, kinds: str):
    events.good("replaced merged")
    events.warehouse.execute(change or "select 1")  # type: ignore[arg-type]
    events.good("replaced merged")
    assert {events.kinds("replaced"), events.kinds("merged")} == {kinds}
    assert events.seen("replaced") == events.seen("merged") == events.delivered()


def test_rows_that_failed_a_test_come_with_the_next_good_run(events: Events):
    events.good("appended")
    events.deliver((3, 2, -30))
    assert events.run("appended").returncode == ExitCode.TEST_FAILED
    assert events.seen("appended") == [(1, 1, 10), (2, 1, 20)]
    events.warehouse.execute("update silver.events set amount = 30 where id = 3")
    events.deliver((4, 2, 40))
    events.good("appended")
    assert events.seen("appended") == [(1, 1, 10), (2, 1, 20), (3, 2, 30), (4, 2, 40)]


def test_after_a_rollback_new_is_what_readers_do_not_see(events: Events):
    events.good("appended")
    events.deliver((3, 2, 30))
    events.good("appended")
    roll_back(events.warehouse, PIPELINE, "run-1", "abc")
    assert events.seen("appended", "id") == [(1,), (2,)]
    events.good("appended")
    assert (events.seen("appended", "id"), events.recorded("appended")["rows"]) == ([(1,), (2,), (3,)], 1)
    roll_back(events.warehouse, PIPELINE, "run-2", "abc")
    events.good("appended")
    assert (events.seen("appended", "id"), events.recorded("appended")["rows"]) == ([(1,), (2,), (3,)], 0)


def test_clean_up_keeps_a_table_that_a_build_continues(events: Events):
    keep = ("--retention", json.dumps({"builds": 2}))
    kept = []
    for number in range(1, 7):
        if number == 4:
            events.deliver((3, 2, 30))
        events.good("appended", *keep)
        kept.append(events.runs_kept())
        assert len(events.seen("appended")) == (2 if number < 4 else 3)
    one, two, three, four, five, six = (f"run-{number}" for number in range(1, 7))
    assert kept == [[one], [one, two], [one, two, three], [one, three, four], [four, five], [four, five, six]]
    assert roll_back(events.warehouse, PIPELINE, five, "abc").to == five
    assert events.seen("appended", "id") == [(1,), (2,), (3,)]


def test_a_reader_never_sees_an_error_or_two_runs_at_once(events: Events):
    events.good("appended total")
    with polling("select (select count(*) from gold.appended), (select rows from gold.total)") as seen:
        events.good("appended total")
        events.deliver((3, 2, 30))
        events.good("appended total")
        events.good("appended total", "--full-refresh")
    assert seen == {(2, 2), (3, 3)}


def test_killed_incremental_keeps_its_base_rerun_succeeds(events: Events):
    events.good("appended")
    before = events.table("appended")
    events.deliver((3, 2, 30))
    with polling("select count(*) from gold.appended") as seen:
        with held(events, *events.arguments("appended", run="two")) as process:
            os.kill(process, signal.SIGKILL)
            assert events.dbt.end().returncode == -signal.SIGKILL
        assert events.kinds("appended") == "rv"
        assert events.table("appended") == before
        events.good("appended", run="two")
    assert (seen, events.kinds("appended")) == ({(2,), (3,)}, "rr")
    assert events.seen("appended", "id") == [(1,), (2,), (3,)]


def test_an_attempt_that_lost_its_lock_takes_nothing_in(events: Events, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDALLION_DBT_THREADS", "1")
    events.good("appended replaced")
    events.deliver((3, 2, 30))

    def count_on() -> None:
        with psycopg.connect("", autocommit=True) as later:
            later.execute("update medallion.locks set fence = fence + 1 where name like 'layer:%'")

    with held(events, *events.arguments("appended replaced")):
        later = threading.Thread(target=count_on)
        later.start()
        held_up = "select count(*) from pg_locks where locktype = 'transactionid' and not granted"
        while later.is_alive() and events.warehouse.execute(held_up).fetchone() == (0,):
            pass
    done = events.dbt.end()
    later.join(120)
    assert (done.returncode, "lost its lock" in done.stdout) == (ExitCode.WAREHOUSE_UNAVAILABLE, True), done.stdout
    assert (events.kinds("appended"), events.kinds("replaced")) == ("rr", "rv")
    assert events.seen("appended") == events.seen("replaced") == [(1, 1, 10), (2, 1, 20)]


def test_run_and_test_can_be_two_processes(events: Events):
    for run, expected in (("one", [(1,), (2,)]), ("two", [(1,), (2,), (3,)]), ("three", [(1,), (2,), (3,)])):
        before = events.warehouse.execute("select to_regclass('gold.appended') is not null").fetchone() == (True,)
        seen = events.seen("appended", "id") if before else None
        events.good("appended", run=run, phase="run")
        assert seen is None or events.seen("appended", "id") == seen
        events.good("appended", run=run, phase="test")
        assert events.seen("appended", "id") == expected
        events.deliver(*[(3, 2, 30)] if run == "one" else [])
    assert events.kinds("appended") == "rrv"


def test_full_refresh_starts_empty_by_argument_or_variable(events: Events, monkeypatch: pytest.MonkeyPatch):
    events.good("appended")
    events.warehouse.execute("delete from silver.events where id = 1")
    events.good("appended")
    assert events.seen("appended", "id") == [(1,), (2,)]
    events.good("appended", "--full-refresh")
    assert (events.seen("appended", "id"), events.kinds("appended")) == ([(2,)], "rvr")
    events.warehouse.execute("update silver.events set id = 1")
    monkeypatch.setenv("DBT_FULL_REFRESH", "1")
    events.good("appended")
    assert events.seen("appended", "id") == [(1,)]


ADDED = "alter table silver.events add column note text"
GONE = "alter table silver.events drop column amount"


@pytest.mark.parametrize(
    ("model", "change", "columns", "kinds"),
    [
        ("wide_ignore", ADDED, "id, day, amount", "rv"),
        ("wide_append_new_columns", ADDED, "id, day, amount, note", "rr"),
        ("wide_append_new_columns", GONE, "id, day, amount", "rv"),
        ("wide_sync_all_columns", GONE, "id, day", "rr"),
        ("wide_fail", ADDED, None, "rv"),
        ("wide_ignore", GONE, None, "rv"),
    ],
)
def test_changed_columns_are_treated_as_dbt_treats_them(
    events: Events, model: str, change: str, columns: str | None, kinds: str
):
    events.good(model)
    before = events.table(model)
    events.warehouse.execute(f"grant select on gold.{model} to public")  # type: ignore[arg-type]
    events.warehouse.execute(change)  # type: ignore[arg-type]
    done = events.run(model)
    assert done.returncode == (ExitCode.OK if columns else ExitCode.MODEL_FAILED), done.stdout
    if columns is None:
        assert events.table(model) == before
    found = events.warehouse.execute(
        """select string_agg(attname, ', ' order by attnum), has_table_privilege('public', attrelid, 'select')
           from pg_attribute where attrelid = %s::regclass and attnum > 0 group by attrelid""",
        (f"gold.{model}",),
    ).fetchone()
    assert found == (columns or "id, day, amount", True)
    assert events.kinds(model) == kinds


@pytest.mark.parametrize(("model", "change"), [("hooked", "update silver.events set amount = 31 where id = 3"), ("batched", "update silver.events set amount = 31 where id = 3"), ("swept", "delete from silver.events where id = 2")])  # fmt: skip
def test_a_model_that_may_write_by_itself_works_on_a_copy(events: Events, model: str, change: str):
    events.deliver((3, 2, 30))
    events.good(model)
    before = events.table(model)
    events.warehouse.execute(change)  # type: ignore[arg-type]
    events.good(model)
    assert events.kinds(model) == "rr"
    assert events.seen(model) == events.delivered()
    roll_back(events.warehouse, PIPELINE, "run-1", "abc")
    assert events.table(model) == before


def test_a_table_with_foreign_keys_to_it_is_copied(events: Events):
    for _ in range(2):
        events.good("dimension facts joined")
        keys = "select count(*) from pg_constraint where contype = 'f' and confrelid = %s::regclass"
        assert events.warehouse.execute(keys, (f"{(events.table('dimension') or ('',))[0]}.dimension",)).fetchone() == (
            2,
        )


def test_sql_header_of_an_incremental_model_runs_once(events: Events):
    events.good("headed")
    events.warehouse.execute("update silver.events set amount = 21 where id = 2")
    events.good("headed")
    assert events.seen("headed") == events.delivered()


def test_a_table_that_reads_itself_keeps_its_rows(events: Events):
    for expected in ([(2,)], [(2,), (2,)], [(2,), (2,), (2,)]):
        events.good("logged")
        assert events.seen("logged", "id") == expected
    roll_back(events.warehouse, PIPELINE, "run-2", "abc")
    events.good("logged")
    assert events.seen("logged", "id") == [(2,), (2,), (2,)]


def test_a_relation_that_a_hook_makes_is_warned_of(events: Events):
    done = events.run("noted appended")
    assert done.returncode == ExitCode.OK
    assert "a hook or macro made gold.notes, which is not a model: readers do not see it" in done.stdout
    assert done.stdout.count('"not_published"') == 1


def test_projects_own_is_incremental_macro_is_kept(
    events: Events, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    events.good("appended")
    own = shutil.copytree(project, tmp_path / "project")
    word = "{% macro is_incremental() %}{{ return((load_relation(this) or {}).type == 'table') }}{% endmacro %}"
    (own / "macros" / "own.sql").write_text(word)
    monkeypatch.setenv("MEDALLION_DBT_PROJECT", str(own))
    events.deliver((3, 2, 30))
    done = run_command(*events.arguments("appended"))
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert (events.seen("appended", "id"), events.recorded("appended")["rows"]) == ([(1,), (2,), (3,)], 1)


def test_view_in_place_of_a_table_accepts_no_writes(events: Events):
    events.good("appended")
    events.good("appended")
    for statement in ("delete from gold.appended", "insert into gold.appended values (9, 9, 9)"):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            events.warehouse.execute(statement)  # type: ignore[arg-type]
    assert events.kinds("appended") == "rv"
