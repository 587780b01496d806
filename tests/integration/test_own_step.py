"""A team's own steps in a run on this machine: ledger rows, gates, retries, limits and the lock, on a real Postgres."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from medallion.config.pipeline import Pipeline
from medallion.errors import ExitCode
from medallion.orchestrators.local import StepEvent, run_plan
from medallion.orchestrators.local.report import make_report
from medallion.plan import RunContext, make_plan
from medallion.warehouse import fence, ledger
from medallion.warehouse.connection import Connection, connect
from medallion.warehouse.history import list_runs
from medallion.warehouse.lock import advisory_lock

SHELL = {"image": "not/used:here"}


class Team:
    """A pipeline of own steps, and the events of its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.events, self.run_id = folder, list[StepEvent](), "run-1"

    def plan(self, *steps: dict[str, Any], **more: Any) -> Any:
        named = [SHELL | {"name": f"s{number}"} | step for number, step in enumerate(steps)]
        pipeline = Pipeline.model_validate({"name": "own", "owner": "me", "steps": named, **more})
        return make_plan(pipeline, {}, RunContext(self.run_id, "/landing", "abc123"))

    def run(self, *steps: dict[str, Any], **more: Any) -> dict[str, int]:
        return run_plan(self.plan(*steps, **more), {}, self.events.append)

    def messages(self, kind: str) -> list[str]:
        return [str(one.fields.get("message", "")) for one in self.events if one.event_type == kind]


@pytest.fixture
def team(tmp_path: Path, warehouse: Connection) -> Team:
    ledger.ensure(warehouse)
    return Team(tmp_path)


def sh(script: str, **more: Any) -> dict[str, Any]:
    return {"command": ["sh", "-c", script], **more}


def rows(warehouse: Connection) -> list[tuple[Any, ...]]:
    query = "select step, attempt, status, (details ->> 'exit_code')::int from medallion.step_runs order by id"
    return list(warehouse.execute(query).fetchall())


def until(condition: Any, seconds: float = 60) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.05)


def test_success_is_in_the_ledger_the_log_and_the_history(team: Team, warehouse: Connection):
    codes = team.run({"command": ["sh", "-c", 'echo "$0 $A"'], "args": ["it's"], "env": {"A": "$B"}})
    assert codes == {"s0": 0}
    assert rows(warehouse) == [("s0", 1, "succeeded", 0)]
    assert team.messages("output") == ["it's $B"]
    (spent,) = warehouse.execute("select finished_at - started_at from medallion.step_runs").fetchone() or (None,)
    assert spent.total_seconds() > 0  # type: ignore[union-attr]
    (run,) = list_runs(warehouse, "own")
    assert (run.run_id, run.status, run.commit) == ("run-1", "succeeded", "abc123")


def test_command_sees_its_run_and_no_login(team: Team):
    team.run({"command": ["env"]}, {"command": ["env"], "warehouse": True})
    seen: dict[str, dict[str, str]] = {"s0": {}, "s1": {}}
    for event in team.events:
        if event.event_type == "output":
            name, _, value = str(event.fields["message"]).partition("=")
            seen[event.step.name][name] = value
    own = {name: value for name, value in seen["s0"].items() if name.startswith("MEDALLION_")}
    assert own == {
        "MEDALLION_PIPELINE": "own", "MEDALLION_RUN_ID": "run-1", "MEDALLION_STEP": "s0", "MEDALLION_COMMIT": "abc123",
        "MEDALLION_TENANT": "", "MEDALLION_SCHEMA_PREFIX": "",
    }  # fmt: skip
    assert not [name for name in seen["s0"] if name.startswith("PG")]
    assert seen["s1"]["PGDATABASE"] == os.environ["PGDATABASE"]


def test_failure_closes_the_gate_of_what_follows(team: Team, warehouse: Connection):
    plan = team.plan(sh("echo why; exit 3"), sh("echo never"))
    codes = run_plan(plan, {}, team.events.append)
    assert codes == {"s0": 3}
    assert rows(warehouse) == [("s0", 1, "failed", 3)]
    report = make_report(warehouse, plan, "run-1", frozenset(codes))
    assert [step["status"] for step in report.steps] == ["failed", "skipped"]
    assert report.steps[0]["message"] == "the command ended with exit code 3: why"
    (run,) = list_runs(warehouse, "own")
    assert run.status == "failed"


def test_step_whose_need_failed_starts_nothing(team: Team, warehouse: Connection):
    mark = team.folder / "started"
    plan = team.plan(sh("exit 3"), sh(f"touch {mark}"))
    alone = team.folder / "task.json"
    alone.write_text(plan.task("s1").to_json())
    command = [sys.executable, "-m", "medallion.command", "--file", str(alone)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ExitCode.UPSTREAM_NOT_SUCCEEDED, done.stdout
    assert not mark.exists()


def test_only_listed_exit_codes_are_retried(team: Team, warehouse: Connection):
    retry = {"max_retries": 3, "initial_delay_seconds": 0, "retryable_exit_codes": [1, 2]}
    counter = team.folder / "counter"
    script = f"echo x >> {counter}; exit $((2 - $(wc -l < {counter})))"  # 1, then 0
    assert team.run(sh(script, retry_config=retry)) == {"s0": 0}
    assert rows(warehouse) == [("s0", 1, "failed", 1), ("s0", 2, "succeeded", 0)]
    team.run_id = "run-2"
    assert team.run(sh("exit 5", name="other", retry_config=retry)) == {"other": 5}
    assert [row for row in rows(warehouse) if row[0] == "other"] == [("other", 1, "failed", 5)]


def test_time_limit_stops_the_command_and_all_it_started(team: Team, warehouse: Connection):
    pids = team.folder / "pids"
    script = f"sleep 300 & echo $! $$ > {pids}; wait"
    for limit in (3, 12, 48):  # a busy machine takes its time to start the command
        codes = team.run(sh(script, timeout_seconds=limit), retry_config={"max_retries": 0})
        assert codes == {"s0": ExitCode.TERMINATED}
        assert team.messages("step_timed_out")[-1] == f"stopped after {limit} s"
        if pids.exists():
            break
    assert not [pid for pid in pids.read_text().split() if Path(f"/proc/{pid}/stat").exists() and _runs(pid)]


def _runs(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_missing_program_fails_with_127_and_a_remedy(team: Team, warehouse: Connection):
    assert team.run({"command": ["no-such-program"]}) == {"s0": 127}
    assert rows(warehouse) == [("s0", 1, "failed", 127)]
    (failed,) = [one.fields for one in team.events if one.event_type == "step_failed"]
    assert "no-such-program: No such file or directory" in str(failed["message"])
    assert "under `medallion run` on this machine" in str(failed["remedy"])


def test_command_waits_for_the_lock_of_another_run(team: Team, warehouse: Connection):
    mark = team.folder / "started"
    with connect("medallion test") as other, advisory_lock(other, "command:own.s0"):
        running = threading.Thread(target=team.run, args=(sh(f"touch {mark}"),))
        running.start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: warehouse.execute(waiting).fetchone() == (1,))
        assert not mark.exists()
    running.join(60)
    assert mark.exists()
    assert rows(warehouse) == [("s0", 1, "succeeded", 0)]
    assert team.messages("lock_waited")


def test_command_is_stopped_when_its_lock_is_lost(team: Team, warehouse: Connection):
    mark, ended = team.folder / "started", team.folder / "ended"
    script = f"trap 'touch {ended}; exit 1' TERM; touch {mark}; while :; do sleep 0.1; done"
    codes: dict[str, int] = {}
    retry = {"max_retries": 0}
    running = threading.Thread(target=lambda: codes.update(team.run(sh(script, retry_config=retry))))
    running.start()
    until(mark.exists)
    fence.acquire(warehouse, "command:own.s0", "a later attempt")  # ends the session, as a later attempt does
    running.join(60)
    assert codes == {"s0": ExitCode.WAREHOUSE_UNAVAILABLE}
    assert ended.exists()


def test_medallion_run_and_lint_take_a_pipeline_of_steps(team: Team, warehouse_url: str):
    dags = team.folder / "dags"
    (dags / "pipelines").mkdir(parents=True)
    retry = {"retryable_exit_codes": [1, 2]}
    steps = [
        {"name": "hello", "image": "team/hello:1", "command": ["echo", "hello from a step"], "retry_config": retry}
    ]
    pipeline = {"name": "own", "owner": "me", "retry_config": retry, "steps": steps}
    (dags / "pipelines" / "own.yaml").write_text(yaml.safe_dump(pipeline))
    variables = {**os.environ, "MEDALLION_HOME": str(team.folder), "COLUMNS": "100"}

    def medallion(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "medallion.cli", *arguments, "--dags", str(dags)]
        return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, check=False)

    assert "error" not in (linted := medallion("lint", "--strict")).stdout, linted.stdout
    assert linted.returncode == 0, linted.stdout
    report = team.folder / "report.json"
    done = medallion("run", "own", "--warehouse", warehouse_url, "--report", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hello from a step" in done.stdout
    (step,) = json.loads(report.read_text())["steps"]
    assert (step["name"], step["status"], step["exit_code"]) == ("hello", "succeeded", 0)
    described = medallion("describe", "own").stdout
    assert "in a pod of the image team/hello:1" in described
    assert "Runs echo 'hello from a step'" in described
