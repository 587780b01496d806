"""Several sources in one process: each has its own end, and what failed is all that a retry loads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from medallion.cleaner.__main__ import build_job
from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.errors import ExitCode
from medallion.orchestrators.local import StepEvent, run_plan
from medallion.orchestrators.local.report import make_report
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.task import TaskSpec
from medallion.protocol.termination_message import MAX_BYTES, TerminationMessage
from medallion.runtime import step as runtime
from medallion.runtime.session import Job, Session
from medallion.warehouse.connection import Connection
from medallion.warehouse.lock import lock_key

REPO = Path(__file__).resolve().parents[2]
BROKEN = b"other\n1\n"


class Shop:
    """A pipeline of small files, `s0.csv` and so on, and what its task in this process left."""

    def __init__(self, folder: Path, warehouse: Connection, termination_log: Path) -> None:
        self.folder, self.warehouse, self._log = folder, warehouse, termination_log

    def plan(self, count: int, commit: str = "abc", run_id: str = "one", prefix: str = "s", **more: Any) -> Plan:
        names = [f"{prefix}{number}" for number in range(count)]
        contracts = {
            name: Contract.model_validate(
                {"name": name, "table": f"raw.{name}", "primaryKey": "id", "fields": [{"name": "id"}]}
            )
            for name in names
        }
        for name in names:
            if not (self.folder / f"{name}.csv").exists():
                (self.folder / f"{name}.csv").write_bytes(b"id\n1\n2\n")
        sources = [{"name": name, "path": f"{name}.csv", "contract": name} for name in names]
        settings = {"retry_config": {"initial_delay_seconds": 0}, **more}
        pipeline = Pipeline.model_validate({"name": "shop", "owner": "me", "sources": sources, **settings})
        return make_plan(pipeline, contracts, RunContext(run_id, str(self.folder), commit))

    def run(self, plan: Plan, build: Callable[[TaskSpec], Job] = build_job) -> TerminationMessage:
        code = runtime.run_step(plan.document(plan.tasks[0]), build)
        message = TerminationMessage.from_json(self._log.read_text())
        assert message is not None
        assert message.exit_code == code
        return message

    def write(self, name: str, content: bytes) -> None:
        (self.folder / f"{name}.csv").write_bytes(content)

    def attempts(self, run_id: str = "one") -> dict[str, str]:
        """The ends of every attempt of each step, in order."""
        rows = self.warehouse.execute(
            """select step, string_agg(status, ' ' order by attempt) from medallion.step_runs
               where run_id = %s group by step order by step""",
            (run_id,),
        ).fetchall()
        return {str(step).removeprefix("clean."): str(ends) for step, ends in rows}


@pytest.fixture
def shop(tmp_path: Path, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Shop:
    log = tmp_path / "termination-log"
    log.touch()
    monkeypatch.setattr(runtime, "TERMINATION_LOG", log)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "here")
    landing = tmp_path / "landing"
    landing.mkdir()
    return Shop(landing, warehouse, log)


def start(plan: Plan) -> subprocess.Popen[str]:
    """The pack as its pod would run it."""
    command = [sys.executable, "-m", "medallion.cleaner"]
    variables = {**os.environ, "PYTHONPATH": str(REPO / "src"), **wire.environment(plan.document(plan.tasks[0]))}
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


@contextmanager
def locked(table: str) -> Iterator[Callable[[], None]]:
    """Keeps a table from being loaded; yields a call that waits until a load waits for it."""
    with psycopg.connect("", autocommit=True) as holder, psycopg.connect("", autocommit=True) as looker:
        (number,) = holder.execute(*lock_key(f"table:{table}")).fetchone() or (0,)
        holder.execute("select pg_advisory_lock(%s)", (number,))

        def until_waited_for() -> None:
            deadline, pause = time.monotonic() + 60, threading.Event()
            query = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
            while looker.execute(query).fetchone() != (True,):
                assert time.monotonic() < deadline
                pause.wait(0.02)

        yield until_waited_for


def test_bad_file_fails_alone_and_a_retry_loads_only_it(shop: Shop):
    plan = shop.plan(4)
    shop.write("s1", BROKEN)
    (shop.folder / "s3.csv").unlink()
    message = shop.run(plan)
    assert shop.attempts() == {"s0": "succeeded", "s1": "failed", "s2": "succeeded", "s3": "failed"}
    assert message.message.splitlines()[0] == "2 of 4 sources failed: clean.s1, clean.s3"
    assert [(one.kind, one.name) for one in message.failed] == [("source", "clean.s1"), ("source", "clean.s3")]
    assert "there is no file" in message.message
    shop.write("s1", b"id\n5\n")
    shop.write("s3", b"id\n6\n")
    assert shop.run(plan).message == "all 4 sources are loaded"
    assert shop.attempts() == {
        "s0": "succeeded", "s1": "failed succeeded", "s2": "succeeded", "s3": "failed succeeded"
    }  # fmt: skip


def test_pack_that_succeeded_loads_all_when_started_again(shop: Shop):
    plan = shop.plan(2)
    assert not shop.run(plan).again
    shop.write("s1", b"id\n7\n")
    assert shop.run(plan).again
    assert shop.attempts() == {"s0": "succeeded unchanged", "s1": "succeeded succeeded"}


def test_success_before_what_it_needs_ran_again_does_not_count(shop: Shop):
    step = {"name": "fetch", "image": "x", "command": ["x"], "before": "sources"}
    plan = shop.plan(2, steps=[step])
    plan = replace(plan, steps=plan.steps[1:])
    shop.run(shop.plan(1, run_id="zero"))  # makes the ledger

    def fetched() -> None:
        shop.warehouse.execute(
            """insert into medallion.step_runs
                   (pipeline, run_id, step, attempt, status, started_at, commit, platform_version)
               select 'shop', 'one', 'fetch', count(*) + 1, 'succeeded', now(), 'abc', '1'
               from medallion.step_runs where step = 'fetch'"""
        )

    fetched()
    shop.write("s1", BROKEN)
    shop.run(plan)
    fetched()
    shop.write("s1", b"id\n1\n")
    shop.run(plan)
    assert shop.attempts()["s0"] == "unchanged unchanged"
    assert shop.attempts()["s1"] == "failed succeeded"


@pytest.mark.parametrize(("retryable", "code"), [([75], 75), ([65], 65), ([66], 80), ([75, 65], 65)])
def test_pack_ends_with_a_code_that_is_retried_if_any_is(shop: Shop, retryable: list[int], code: int):
    plan = shop.plan(3, retry_config={"retryable_exit_codes": retryable})
    shop.write("s0", BROKEN)  # 80
    shop.write("s1", b"id\n")  # 65
    shop.warehouse.execute("create schema raw")

    def build(task: TaskSpec) -> Job:
        job = build_job(task)

        def work(session: Session) -> None:
            if task.step == "clean.s2":
                raise psycopg.OperationalError("away for a moment")
            job.work(session)

        return Job(work, job.lock)

    assert shop.run(plan, build).exit_code == code


def test_stopped_pack_starts_no_further_source(shop: Shop):
    plan = shop.plan(3)
    with locked("raw.s1") as until_waited_for:
        process = start(plan)
        until_waited_for()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.TERMINATED, output
    assert shop.attempts() == {"s0": "succeeded"}
    last = json.loads(output.splitlines()[-1])
    message = "stopped from outside; 1 of 3 sources failed: clean.s1; not started: clean.s2"
    assert (last["event_type"], last["message"].splitlines()[0]) == ("pack_failed", message)
    assert shop.run(plan).exit_code == 0
    assert shop.attempts() == {"s0": "succeeded", "s1": "succeeded", "s2": "succeeded"}


def test_source_over_its_time_limit_stops_no_other(shop: Shop):
    plan = shop.plan(3, timeouts={"step_seconds": 1})
    with locked("raw.s1"):
        message = shop.run(plan)
    assert shop.attempts() == {"s0": "succeeded", "s1": "failed", "s2": "succeeded"}
    assert (message.exit_code, "longer than it may" in message.message) == (ExitCode.TERMINATED, True)
    assert "timeouts.step_seconds" in message.remedy


def test_killed_pack_keeps_what_it_had_loaded(shop: Shop):
    plan = shop.plan(3, retry_config={"max_retries": 0})
    events: list[StepEvent] = []

    with locked("raw.s1") as until_waited_for:
        thread_done: list[dict[str, int]] = []
        thread = threading.Thread(target=lambda: thread_done.append(run_plan(plan, {}, events.append)))
        thread.start()
        until_waited_for()
        ours = ["pgrep", "-P", str(os.getpid()), "-f", "medallion.cleaner"]
        found = subprocess.run(ours, capture_output=True, text=True, check=True)
        (pid,) = found.stdout.split()
        os.kill(int(pid), signal.SIGKILL)
        thread.join(60)
    assert thread_done == [{"clean.s0": 0, "clean.s1": ExitCode.TERMINATED}]
    report = make_report(shop.warehouse, plan, "one", frozenset(thread_done[0]))
    assert [step["status"] for step in report.steps] == ["succeeded", "lost", "skipped"]
    assert set(run_plan(plan, {}, events.append).values()) == {0}
    assert shop.attempts() == {"s0": "succeeded", "s1": "succeeded", "s2": "succeeded"}


def test_local_run_reports_and_retries_each_source(shop: Shop):
    plan = shop.plan(3, retry_config={"initial_delay_seconds": 0, "max_retries": 1, "retryable_exit_codes": [80]})
    shop.write("s1", BROKEN)
    events: list[StepEvent] = []
    codes = run_plan(plan, {}, events.append)
    assert codes == {"clean.s0": 0, "clean.s1": ExitCode.CONTRACT_VIOLATION, "clean.s2": 0}
    assert shop.attempts() == {"s0": "succeeded", "s1": "failed failed", "s2": "succeeded"}
    ended = [(one.step.name, one.fields["exit_code"]) for one in events if one.event_type == "step_ended"]
    assert ended == [("clean.s0", 0), ("clean.s2", 0), ("clean.s0", 0), ("clean.s2", 0), ("clean.s1", 80)]
    assert [one.step.name for one in events if one.event_type == "step_retried"] == ["clean.s1"]
    report = make_report(shop.warehouse, plan, "one", frozenset(codes))
    assert [(step["name"], step["rows_loaded"]) for step in report.steps] == [
        ("clean.s0", 2), ("clean.s1", None), ("clean.s2", 2)
    ]  # fmt: skip


def test_pack_of_a_newer_commit_follows_the_runs_own(shop: Shop):
    shop.write("s1", BROKEN)
    shop.run(shop.plan(2, "old"))
    shop.write("s1", b"id\n1\n")
    new = shop.plan(3, "new", sources_per_pod=3)
    message = shop.run(new)
    assert message.exit_code == 0, message
    rows = shop.warehouse.execute(
        "select step, commit, status from medallion.step_runs where attempt > 1 or step = 'clean.s2' order by step"
    ).fetchall()
    assert rows == [("clean.s1", "old", "succeeded"), ("clean.s2", "old", "unchanged")]


def test_message_of_many_failures_names_them_within_the_limit(shop: Shop):
    prefix = "a_source_with_a_name_of_most_of_the_letters_"
    plan = shop.plan(40, prefix=prefix, sources_per_pod=100)
    for number in range(40):
        shop.write(f"{prefix}{number}", BROKEN)
    message = shop.run(plan)
    assert len(message.to_json().encode()) <= MAX_BYTES
    first = message.message.splitlines()[0]
    assert first.startswith(f"40 of 40 sources failed: clean.{prefix}0, ")
    assert first.endswith(f"clean.{prefix}11 and 28 more")


def test_warehouse_that_is_away_is_reported_without_trying_each(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    plan = shop.plan(8)
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    message = shop.run(plan)
    assert message.exit_code == ExitCode.WAREHOUSE_UNAVAILABLE
    assert "1 of 8 sources failed: clean.s0; not started: clean.s1, " in message.message
