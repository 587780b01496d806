"""Many files by several processes: one lists them, each of some loads a pack, one publishes, and any may be run again."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from medallion.cleaner.__main__ import main
from medallion.errors import ExitCode, WarehouseUnavailable
from medallion.warehouse import file_loads, ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.file_loads import FileLoad
from medallion.warehouse.ledger import StepRun

REPO = Path(__file__).resolve().parents[2]
CONTRACT: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "amount", "type": "number"}],
    "rejects": {"max_share": 0.5},
}
ALL = {"connector": "csv", "path": "in/*.csv"}
BY_FILE = {**ALL, "incremental": {"mode": "files"}}
PACKS = 3


class Folder:
    """Files of different sizes, with rejected rows and keys that repeat in other files; and the steps that load them."""

    def __init__(self, path: Path, warehouse: Connection) -> None:
        self.path, self.warehouse, self.source = path, warehouse, dict(ALL)
        (path / "in").mkdir()
        for number in range(12):
            self.write(f"f{number:02}", number * 7 + 3)

    def write(self, name: str, rows: int) -> None:
        lines = [f"{name}-{row},{row}" for row in range(rows)]
        lines += ["shared,1", f"{name}-bad,x"]
        (self.path / "in" / f"{name}.csv").write_text("\n".join(["id,amount", *lines]) + "\n")

    def task(self, does: str, pack: int = 0, run: str = "one", **more: Any) -> list[str]:
        """The arguments of a part, or with `does` empty of the load in one process."""
        step = {"list": "clean.things.list", "load": f"clean.things.{pack}"}.get(does, "clean.things")
        needs = {"load": ["clean.things.list"], "publish": [f"clean.things.{number}" for number in range(PACKS)]}
        work: dict[str, Any] = {
            "kind": "clean", "contract": CONTRACT, "source": self.source, "landing": str(self.path)
        }  # fmt: skip
        if does:
            work["part"] = {"does": does, "of": "clean.things", "packs": PACKS, "pack": pack}
        task = {
            "protocol": 1, "pipeline": "p", "run_id": run, "step": step, "needs": needs.get(does, []), "work": work, **more
        }  # fmt: skip
        file = self.path / f"{run}-{step}.json"
        file.write_text(json.dumps(task))
        return ["--file", str(file)]

    def start(self, pack: int) -> subprocess.Popen[str]:
        """Load a pack in a process of its own."""
        command = [sys.executable, "-m", "medallion.cleaner", *self.task("load", pack)]
        variables = {**os.environ, "PYTHONPATH": str(REPO / "src")}
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)

    def run(self, does: str, pack: int = 0, run: str = "one", **more: Any) -> tuple[int, list[dict[str, Any]]]:
        """Do a part in this process. Returns its exit code and its events."""
        with redirect_stdout(io.StringIO()) as output:
            code = main(self.task(does, pack, run, **more))
        return code, [json.loads(line) for line in output.getvalue().splitlines()]

    def load_packs(self, run: str = "one", packs: Any = range(PACKS)) -> list[int]:
        """Load packs one after the other."""
        return [self.run("load", pack, run)[0] for pack in packs]

    def load_at_once(self, *packs: int) -> list[int]:
        """Load packs in parallel."""
        processes = [self.start(pack) for pack in packs]
        for process in processes:
            process.communicate(timeout=120)
        return [process.returncode for process in processes]

    def rows(self, prefix: str = "") -> list[Any]:
        query = f'select _file, _line, id, amount from {prefix}cleaned.things order by _file collate "C", _line'
        return self.warehouse.execute(query.encode()).fetchall()

    def rejects(self, step_run: str) -> list[Any]:
        query = "select source, line, reason, record from medallion.rejected_rows where run_id = %s order by 1, 2, 3"
        return self.warehouse.execute(query, (step_run,)).fetchall()

    def row(self, step: str, run: str = "one") -> dict[str, Any]:
        return next(row for row in ledger.list_steps(self.warehouse, "p", run) if row["step"] == step)

    def agrees_with_one_process(self, run: str = "one") -> None:
        assert self.run("", run="alone", schema_prefix="alone_")[0] == 0
        assert self.rows() == self.rows("alone_")
        assert self.rejects(run) == self.rejects("alone")
        ours, alone = self.row("clean.things", run), self.row("clean.things", "alone")
        for key in ("rows_in", "rows_loaded", "rows_rejected", "input_checksum"):
            assert ours[key] == alone[key]
        assert ours["details"]["reasons"] == alone["details"]["reasons"]


@pytest.fixture
def folder(tmp_path: Path, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("MEDALLION_LOG_FORMAT", "json")
    return Folder(tmp_path, warehouse)


def test_parallel_packs_give_the_table_of_one_process(folder: Folder):
    assert folder.run("list")[0] == 0
    assert folder.load_at_once(0, 1, 2) == [0] * PACKS
    assert folder.warehouse.execute("select to_regclass('cleaned.things')").fetchone() == (None,)
    assert folder.run("publish")[0] == 0
    folder.agrees_with_one_process()
    assert folder.warehouse.execute("select count(*) from medallion.builds where published_at is null").fetchone() == (
        0,
    )
    assert folder.run("list", run="two")[0] == 0
    assert folder.load_packs("two") == [0] * PACKS
    assert folder.run("publish", run="two")[0] == 0
    assert folder.row("clean.things", "two")["status"] == "unchanged"


def test_killed_pack_runs_again_and_reads_only_the_rest(folder: Folder):
    folder.source["path"] = "in/*"
    for number in range(60):
        folder.write(f"many{number:02}", 400)
    assert folder.run("list")[0] == 0
    process = folder.start(1)
    count = "select count(*) from medallion.file_loads where pack = 1 and status = 'loaded'"
    deadline, pause = time.monotonic() + 60, threading.Event()
    while (folder.warehouse.execute(count).fetchone() or (0,))[0] < 3:  # type: ignore[operator]
        assert time.monotonic() < deadline
        pause.wait(0.005)
    process.send_signal(signal.SIGKILL)  # as a drained node's pod, once its grace is over
    process.communicate(timeout=60)
    assert folder.run("publish")[0] == ExitCode.UPSTREAM_NOT_SUCCEEDED
    planned = "select file from medallion.file_loads where pack = 1 and status <> 'loaded' order by 1"
    waiting = [row[0] for row in folder.warehouse.execute(planned).fetchall()]
    assert waiting
    assert folder.load_packs(packs=[0, 2]) == [0, 0]
    code, events = folder.run("load", 1)
    assert (code, sorted(one["file"] for one in events if one["event_type"] == "file_loaded")) == (0, waiting)
    assert folder.run("publish")[0] == 0
    folder.agrees_with_one_process()


def test_every_part_may_be_run_again_at_any_time(folder: Folder):
    for _ in range(2):
        assert folder.run("list")[0] == 0
    assert folder.run("load", 0)[0] == 0
    assert folder.run("list")[0] == 0
    assert folder.load_packs() == [0] * PACKS
    assert folder.load_packs() == [0] * PACKS
    for _ in range(2):
        assert folder.run("publish")[0] == 0
    assert folder.load_packs() == [0] * PACKS
    folder.agrees_with_one_process()


def test_two_processes_of_one_pack_load_each_file_once(folder: Folder):
    assert folder.run("list")[0] == 0
    assert folder.load_at_once(0, 0) == [0, 0]
    assert folder.load_packs(packs=[1, 2]) == [0, 0]
    assert folder.run("publish")[0] == 0
    folder.agrees_with_one_process()


def test_bad_file_fails_its_pack_and_stops_publication(folder: Folder):
    (folder.path / "in" / "f03.csv").write_bytes(b"id,price\n1,1\n")
    assert folder.run("list")[0] == 0
    codes = folder.load_packs()
    assert sorted(codes) == [0, 0, ExitCode.CONTRACT_VIOLATION]
    pack = codes.index(ExitCode.CONTRACT_VIOLATION)
    assert folder.row(f"clean.things.{pack}")["details"]["message"].startswith("in/f03.csv, line 1: column 'amount'")
    code, events = folder.run("publish", needs=[])
    assert (code, "in/f03.csv" in events[-1]["message"]) == (ExitCode.CONTRACT_VIOLATION, True)
    folder.write("f03", 24)
    assert folder.run("load", pack)[0] == 0
    assert folder.run("publish")[0] == 0
    folder.agrees_with_one_process()


def test_file_that_comes_after_the_list_is_the_next_runs(folder: Folder):
    folder.source = BY_FILE
    assert folder.run("list")[0] == 0
    assert folder.load_packs() == [0] * PACKS
    assert folder.run("publish")[0] == 0
    before = folder.rows()
    for run, name in (("two", "g1"), ("three", "g2")):
        folder.write(name, 5)
        assert folder.run("list", run=run)[0] == 0
        folder.write("g2", 5)
        assert folder.load_packs(run) == [0] * PACKS
        assert folder.run("publish", run=run)[0] == 0
        assert {row[0] for row in folder.rows()} - {row[0] for row in before} >= {f"in/{name}.csv"}
        assert folder.row("clean.things", run)["details"]["files"] == {"loaded": 1}
    assert len({row[0] for row in folder.rows()}) == 14
    assert folder.run("list", run="four")[0] == 0
    assert folder.load_packs("four") == [0] * PACKS
    assert folder.run("publish", run="four")[0] == 0
    assert folder.row("clean.things", "four")["status"] == "unchanged"


def test_publication_without_every_file_is_refused(folder: Folder):
    assert folder.run("list")[0] == 0
    assert folder.load_packs(packs=[0, 1]) == [0, 0]
    code, events = folder.run("publish", needs=[])
    assert code == ExitCode.UPSTREAM_NOT_SUCCEEDED
    assert "files are not loaded yet: in/" in events[-1]["message"]


def wait_until_it_waits(warehouse: Connection) -> None:
    """Wait until a session of the database waits for a lock."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    deadline, pause = time.monotonic() + 60, threading.Event()
    while warehouse.execute(query).fetchone() == (0,):
        assert time.monotonic() < deadline
        pause.wait(0.02)


def test_file_that_another_process_has_loaded_meanwhile_is_left(folder: Folder):
    assert folder.run("list")[0] == 0
    ((build, file),) = folder.warehouse.execute(
        "select build_schema, min(file) from medallion.file_loads where pack = 0 group by 1"
    ).fetchall()
    with psycopg.connect("") as other:
        other.execute("select from medallion.file_loads where file = %s for update", (file,))
        process = folder.start(0)
        wait_until_it_waits(folder.warehouse)
        with pytest.raises(psycopg.errors.LockNotAvailable), folder.warehouse.transaction():
            # A publication waits for the file that is being loaded.
            folder.warehouse.execute("set local lock_timeout = '100ms'")
            folder.warehouse.execute("update medallion.builds set published_at = now()")
        other.execute("update medallion.file_loads set status = 'loaded' where file = %s", (file,))
    process.communicate(timeout=60)
    assert process.returncode == 0
    query = f"select count(*) from {build}.things where _file = %s"
    assert folder.warehouse.execute(query.encode(), (file,)).fetchone() == (0,)


def test_late_pack_is_refused_once_the_stage_is_published(folder: Folder):
    assert folder.run("list")[0] == 0
    with psycopg.connect("") as other:
        other.execute("lock table medallion.file_loads in access exclusive mode")
        process = folder.start(0)
        wait_until_it_waits(folder.warehouse)
        other.execute("update medallion.builds set published_at = now()")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.WAREHOUSE_UNAVAILABLE
    assert "another attempt took over" in output
    ((build,),) = folder.warehouse.execute("select build_schema from medallion.builds").fetchall()
    assert folder.warehouse.execute(f"select count(*) from {build}.things".encode()).fetchone() == (0,)


def test_stage_that_is_published_or_dropped_takes_no_more_rows(folder: Folder):
    assert folder.run("list")[0] == 0
    ((build,),) = folder.warehouse.execute("select build_schema from medallion.builds").fetchall()
    with folder.warehouse.transaction():
        file_loads.hold_stage(folder.warehouse, str(build))
    assert folder.load_packs() == [0] * PACKS
    assert folder.run("publish")[0] == 0
    for name in (str(build), "cleaned__dropped"):
        with pytest.raises(WarehouseUnavailable, match="another attempt took over"), folder.warehouse.transaction():
            file_loads.hold_stage(folder.warehouse, name)


def test_files_are_divided_by_size_and_stay_in_their_pack(folder: Folder):
    ledger.ensure(folder.warehouse)
    step = StepRun("p", "one", "clean.big")
    sizes = [900, 10, 500, 400, 30, 20, 880]
    files = [FileLoad(f"f{number}", version="1", bytes=size * 1_000_000) for number, size in enumerate(sizes)]
    assert file_loads.pin(folder.warehouse, step, "stage", files, 3, adds=False) == []
    place = {one.file: one.pack for one in file_loads.read(folder.warehouse, step, "stage")}
    totals = [sum(sizes[int(name[1:])] for name, pack in place.items() if pack == number) for number in range(3)]
    assert sorted(totals) == [910, 910, 920]
    for one in files[:3]:
        file_loads.record(folder.warehouse, step, "stage", replace(one, status="loaded"))
    changed = [replace(files[0], version="2"), *files[1:6], FileLoad("new", version="1", bytes=1)]
    assert file_loads.pin(folder.warehouse, step, "stage", changed, 3, adds=False) == ["f0"]
    after = {one.file: (one.pack, one.status) for one in file_loads.read(folder.warehouse, step, "stage")}
    assert {name: pack for name, (pack, _) in after.items() if name != "new"} == {
        name: pack for name, pack in place.items() if name != "f6"
    }
    assert {name for name, (_, status) in after.items() if status == "loaded"} == {"f1", "f2"}
    assert after["new"][0] == place["f6"]
