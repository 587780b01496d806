"""History and rollback: whose data readers see, and an earlier run's data put back, all of it at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import psycopg
import pytest

from medallion.config.retention import Retention
from medallion.errors import ExitCode, Misconfigured, UpstreamNotSucceeded
from medallion.protocol.result import TaskResult
from medallion.warehouse import builds, ledger, publication, retention, switching
from medallion.warehouse.connection import Connection
from medallion.warehouse.history import list_runs
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.rollback import roll_back
from readers import polling

REPO = Path(__file__).resolve().parents[2]
STEPS = {"clean.things": "cleaned", "gold": "gold"}
SEEN = "select (select number from cleaned.things), (select number from gold.things)"


def publish(connection: Connection, run: str, step: str, number: int, *relations: str, keep: int = 3) -> None:
    """What a step does at its end: a build, its publication with the ledger row, and the clean-up."""
    who = StepRun("orders", run, step, None if "." in step else step)
    connection.execute(
        "insert into medallion.runs (pipeline, run_id, commit, plan) values ('orders', %s, 'abc', %s) on conflict do nothing",
        (run, json.dumps({name: {} for name in STEPS})),
    )
    build = builds.start(connection, STEPS[step], who, fresh=True)
    for relation in relations or ("things",):
        connection.execute(f"create table {build}.{relation} as select {number} as number")  # type: ignore[arg-type]
    with connection.transaction():
        publication.publish(connection, STEPS[step], build, relations or ("things",))
        ledger.record(connection, who, datetime.now(timezone.utc), TaskResult())
    retention.prune(connection, who, Retention(builds=keep))


def run_all(connection: Connection, *numbers: int, keep: int = 3) -> None:
    for number in numbers:
        for step in STEPS:
            publish(connection, f"run-{number}", step, number, keep=keep)


@pytest.fixture
def ready(warehouse: Connection) -> Connection:
    ledger.ensure(warehouse)
    return warehouse


def medallion(*arguments: str) -> subprocess.CompletedProcess[str]:
    folders = str(REPO / "src")
    command = [sys.executable, "-m", "medallion.cli", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": folders, "COLUMNS": "120"},
        timeout=300,
    )


def test_rollback_goes_back_twice_and_forward_by_name(ready: Connection):
    run_all(ready, 1, 2, 3)
    seen = []
    for to in (None, None, "run-3"):
        roll_back(ready, "orders", to, "abc")
        seen += ready.execute(SEEN).fetchall()
    assert seen == [(2, 2), (1, 1), (3, 3)]


def test_readers_see_all_tables_of_one_run_or_all_of_the_other(ready: Connection):
    run_all(ready, 1, 2)
    with polling(SEEN) as seen:
        while not seen:
            pass
        for number in range(20):
            roll_back(ready, "orders", f"run-{number % 2 + 1}", "abc")
    assert seen == {(1, 1), (2, 2)}


def test_a_rollback_is_a_row_of_the_ledger_and_of_the_history(ready: Connection):
    run_all(ready, 1, 2)
    done = roll_back(ready, "orders", None, "abc")
    newest, second, first = list_runs(ready, "orders")
    assert (newest.run_id, newest.rollback, newest.message) == (
        done.run_id,
        True,
        "readers see the data of run run-1 again",
    )
    assert (first.seen, second.seen) == (True, False)
    assert roll_back(ready, "orders", "run-1", "abc").run_id == ""
    assert len(list_runs(ready, "orders")) == 3


def test_data_that_is_no_longer_kept_is_named_with_what_is(ready: Connection):
    run_all(ready, 1, 2, 3, keep=2)
    with pytest.raises(Misconfigured, match="its data is no longer kept") as refused:
        roll_back(ready, "orders", "run-1", "abc")
    assert refused.value.remedy == "write one of: run-2"
    with pytest.raises(Misconfigured, match="no run 'run-9'"):
        roll_back(ready, "orders", "run-9", "abc")
    assert ready.execute(SEEN).fetchall() == [(3, 3)]


def test_rollback_skips_unfinished_runs(ready: Connection):
    run_all(ready, 1, 2)
    publish(ready, "half", "clean.things", 7)
    assert ready.execute(SEEN).fetchall() == [(7, 2)]
    with pytest.raises(Misconfigured, match="did not succeed as a whole"):
        roll_back(ready, "orders", "half", "abc")
    assert roll_back(ready, "orders", None, "abc").to == "run-2"
    assert ready.execute(SEEN).fetchall() == [(2, 2)]


def test_what_readers_see_outlives_every_later_clean_up(ready: Connection):
    run_all(ready, 1, 2)
    roll_back(ready, "orders", "run-1", "abc")
    ready.execute("update medallion.builds set published_at = null, created_at = now() - interval '1 year'")
    ready.execute("delete from medallion.publications")
    for step in STEPS:
        retention.prune(ready, StepRun("orders", "x", step), Retention(builds=1))
    assert ready.execute(SEEN).fetchall() == [(1, 1)]


def test_run_begun_before_a_rollback_publishes_nothing(ready: Connection):
    run_all(ready, 1, 2)
    publish(ready, "run-3", "clean.things", 3)
    roll_back(ready, "orders", "run-1", "abc")
    with pytest.raises(UpstreamNotSucceeded, match="rolled back after run run-3 began"):
        publish(ready, "run-3", "gold", 3)
    assert ready.execute(SEEN).fetchall() == [(1, 1)]
    run_all(ready, 4)
    assert ready.execute(SEEN).fetchall() == [(4, 4)]


def test_after_rollback_newer_file_loads_older_is_known(clean, load_table, warehouse):
    contract = {"name": "things", "table": "cleaned.things", "fields": [{"name": "id"}]}
    newer, older = b"id\nnew\n", b"id\nold\n"
    clean(older, contract, run_id="one")
    clean(newer, contract, run_id="two")
    roll_back(warehouse, "p", "one", "abc")
    assert load_table("id") == [("old",)]
    assert clean(older, contract).row["status"] == "unchanged"
    assert clean(newer, contract).row["status"] == "succeeded"
    assert load_table("id") == [("new",)]


def test_an_unchanged_load_belongs_to_its_run_too(clean, load_table, warehouse):
    contract = {"name": "things", "table": "cleaned.things", "fields": [{"name": "id"}]}
    for number, data in enumerate([b"id\na\n", b"id\na\n", b"id\nb\n"]):
        clean(data, contract, run_id=f"run-{number}")
    assert roll_back(warehouse, "p", None, "abc").to == "run-1"
    assert load_table("id") == [("a",)]


def test_dropped_relation_is_removed_with_a_message(ready: Connection):
    publish(ready, "run-1", "gold", 1, "things", "old", "used")
    ready.execute("create view public.of_a_reader as select number from gold.used")
    who = StepRun("orders", "run-2", "gold", "gold")
    build = builds.start(ready, "gold", who, fresh=True)
    ready.execute(f"create table {build}.things as select 2 as number")  # type: ignore[arg-type]
    with ready.transaction():
        retired = publication.publish(ready, "gold", build, ["things"])
    assert (retired.dropped, retired.kept) == (("gold.old",), ("gold.used",))
    for number in range(3, 9):
        publish(ready, f"run-{number}", "gold", number, keep=1)
    assert ready.execute("select number from public.of_a_reader").fetchall() == [(1,)]


def test_long_transaction_blocks_no_other_reader(ready: Connection, monkeypatch):
    run_all(ready, 1)
    monkeypatch.setattr(switching, "PATIENCE_SECONDS", 2.0)
    with psycopg.connect("", application_name="long report") as slow:
        slow.execute("select * from gold.things")
        failed: list[BaseException] = []

        def publication() -> None:
            try:
                with psycopg.connect("", autocommit=True) as other:
                    publish(other, "run-2", "gold", 2)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=publication)
        thread.start()
        ready.execute("set statement_timeout = '5s'")
        while thread.is_alive():
            assert ready.execute("select number from gold.things").fetchall() == [(1,)]
        thread.join(120)
    assert "long report" in str(failed[0])
    publish(ready, "run-2", "gold", 2)
    assert ready.execute("select number from gold.things").fetchall() == [(2,)]


def test_history_and_rollback_commands_show_and_switch_runs(ready: Connection):
    run_all(ready, 1, 2)
    done = medallion("rollback", "orders", "--to", "run-1")
    assert (done.returncode, "gold.things" in done.stdout) == (ExitCode.OK, True), done
    listed = medallion("history", "orders")
    line = next(
        line for line in listed.stdout.splitlines() if line.strip().startswith("run-1 ") and "succeeded" in line
    )
    assert "●" in line, listed.stdout
    found = json.loads(medallion("history", "orders", "--json").stdout)
    assert [run["run_id"] for run in found][1:] == ["run-2", "run-1"]
    refused = medallion("rollback", "orders", "--to", "nothing")
    assert (refused.returncode, "write one of: run-2" in refused.stderr) == (ExitCode.USAGE, True), refused
    assert "Traceback" not in done.stderr + listed.stderr + refused.stderr


def test_transaction_older_than_publication_sees_no_empty_table(ready: Connection):
    run_all(ready, 1)
    with psycopg.connect("") as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("select 1 from pg_class limit 1")  # takes the snapshot, and no lock on what readers see
        run_all(ready, 2)
        with pytest.raises(psycopg.errors.SerializationFailure, match=r"gold.*published after"):
            old.execute("select count(*) from gold.things")
        old.rollback()
        assert old.execute("select number from gold.things").fetchall() == [(2,)]
