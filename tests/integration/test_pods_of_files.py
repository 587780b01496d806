"""A folder of files that several pods load, as a run does it: the plan's steps as processes, next to each other."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.errors import ExitCode
from medallion.orchestrators.local import StepEvent, run_plan
from medallion.orchestrators.local.report import make_report
from medallion.plan import Plan, RunContext, make_plan
from medallion.warehouse.connection import Connection, environment

FIELDS = [{"name": "id"}, {"name": "amount", "type": "number"}]
FILES = 7
COUNTED = ("status", "rows_in", "rows_loaded", "rows_rejected", "reasons")


class Folder:
    def __init__(self, path: Path, warehouse: Connection, url: str) -> None:
        self.path, self.warehouse, self.environment = path, warehouse, environment(url)
        self.events: list[StepEvent] = []
        for number in range(FILES):
            self.write(number, f"{number},1\n{number}-bad,x\nshared,2\n")

    def write(self, number: int, rows: str, head: str = "id,amount\n") -> None:
        (self.path / f"f{number}.csv").write_text(head + rows)

    def plan(self, pods: int, run: str, prefix: str = "", **more: Any) -> Plan:
        contract = Contract.model_validate(
            {"name": "c", "table": "raw.c", "primaryKey": "id", "fields": FIELDS, "rejects": {"max_share": 0.9}}
        )
        source = {"name": "s", "contract": "c", "path": "*.csv", "pods": pods, **more}
        data = {"name": f"p{prefix}", "owner": "me", "sources": [source], "schema_prefix": prefix}
        pipeline = Pipeline.model_validate({**data, "retry_config": {"max_retries": 0}})
        return make_plan(pipeline, {"c": contract}, RunContext(run, str(self.path), "abc"))

    def run(self, pods: int, run: str, prefix: str = "", **more: Any) -> dict[str, int]:
        self.events = []
        return run_plan(self.plan(pods, run, prefix, **more), self.environment, self.events.append)

    def report(self, pods: int, run: str, prefix: str = "", **more: Any) -> list[dict[str, Any]]:
        return make_report(self.warehouse, self.plan(pods, run, prefix, **more), run).steps

    def table(self, prefix: str = "") -> Counter[Any]:
        return Counter(
            self.warehouse.execute(f"select _file, _line, id, amount from {prefix}raw.c".encode()).fetchall()
        )

    def loaded(self) -> list[str]:
        return sorted(str(one.fields["file"]) for one in self.events if one.event_type == "file_loaded")


@pytest.fixture
def folder(tmp_path: Path, warehouse: Connection, warehouse_url: str) -> Folder:
    return Folder(tmp_path, warehouse, warehouse_url)


@pytest.mark.parametrize("more", [{}, {"incremental": {"mode": "files"}}])
def test_three_pods_load_what_one_loads(folder: Folder, more: dict[str, Any]):
    names = ["clean.s.list", "clean.s.0", "clean.s.1", "clean.s.2", "clean.s"]
    assert folder.run(3, "one", **more) == dict.fromkeys(names, ExitCode.OK)
    assert folder.run(1, "one", "alone_", **more) == {"clean.s": ExitCode.OK}
    assert folder.table() == folder.table("alone_")
    together, alone = folder.report(3, "one", **more), folder.report(1, "one", "alone_", **more)
    assert [step["name"] for step in together] == names
    assert {key: together[-1][key] for key in COUNTED} == {key: alone[-1][key] for key in COUNTED}
    folder.write(9, "new,1\n")
    assert set(folder.run(3, "two", **more).values()) == {ExitCode.OK}
    assert len(folder.loaded()) == (1 if more else FILES + 1)
    folder.run(1, "two", "alone_", **more)
    assert folder.table() == folder.table("alone_")


def test_a_bad_file_fails_alone_and_a_rerun_loads_it_alone(folder: Folder):
    folder.write(4, "1\n", head="other\n")
    codes = folder.run(3, "one")
    assert sorted(codes.values()) == [0, 0, 0, ExitCode.CONTRACT_VIOLATION]
    assert "clean.s" not in codes
    assert len(folder.loaded()) == FILES - 1
    failed = next(one for one in folder.events if one.event_type == "step_failed")
    assert re.search(r"f4\.csv", str(failed.fields["message"]))
    assert folder.warehouse.execute("select to_regclass('raw.c')").fetchone() == (None,)
    folder.write(4, "4,1\n4-bad,x\nshared,2\n")
    assert set(folder.run(3, "one").values()) == {ExitCode.OK}
    assert folder.loaded() == ["f4.csv"]
    folder.run(1, "one", "alone_")
    assert folder.table() == folder.table("alone_")
