"""A folder of files by the command line: the run's table and report, and the run's files in the history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import good, medallion
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

CONTRACT = "name: orders\ntable: raw.orders\nprimaryKey: id\nfields: [{name: id}, {name: pieces, type: integer}]\n"
PIPELINE = "name: orders\nowner: me\nsources: [{name: orders, path: 'orders/*.csv', contract: orders}]\n"


@pytest.fixture
def team(tmp_path: Path, warehouse: Connection) -> Path:
    files = {
        "dags/pipelines/orders.yaml": PIPELINE,
        "dags/contracts/orders.yaml": CONTRACT,
        "landing/orders/a.csv": "id,pieces\n1,2\n2,3\n",
        "landing/orders/b.csv": "id,price\n3,4\n",
        "landing/orders/[c].csv": "id,pieces\n4,5\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_history_shows_files_of_packs_before_publication(team: Path):
    file = team / "dags/pipelines/orders.yaml"
    file.write_text(PIPELINE.replace("contract:", "pods: 2, contract:"))
    assert medallion(team, "run", "orders", "--run-id", "one").returncode == ExitCode.CONTRACT_VIOLATION
    *packs, step = json.loads(good(team, "history", "orders", "--run", "one", "--json"))
    assert {one["step"] for one in packs} == {"clean.orders.list", "clean.orders.0", "clean.orders.1"}
    assert (step["step"], step["status"]) == ("clean.orders", "waiting")
    assert [one["status"] for one in step["files"]] == ["loaded", "loaded", "failed"]
    assert "clean.orders        waiting" in good(team, "history", "orders", "--run", "one")


def test_run_and_history_show_each_file(team: Path):
    done = medallion(team, "run", "orders", "--run-id", "one", "--report", "report.json")
    assert done.returncode == ExitCode.CONTRACT_VIOLATION
    assert "orders/b.csv, line 1: column 'pieces' is missing" in done.stdout
    report = json.loads((team / "report.json").read_text())
    files = {file["file"]: (file["status"], file["rows_loaded"]) for file in report["steps"][0]["files"]}
    assert files == {
        "orders/a.csv": ("loaded", 2), "orders/b.csv": ("failed", None), "orders/[c].csv": ("loaded", 1)
    }  # fmt: skip
    assert "files loaded" in done.stdout
    shown = good(team, "history", "orders", "--run", "one")
    assert "  orders/[c].csv" in shown
    assert "orders/b.csv: orders/b.csv, line 1: column 'pieces' is missing" in shown
    (step,) = json.loads(good(team, "history", "orders", "--run", "one", "--json"))
    assert (step["step"], step["status"], len(step["files"])) == ("clean.orders", "failed", 3)
    assert step["files"][2]["message"].startswith("orders/b.csv, line 1:")
    (team / "landing/orders/b.csv").write_text("id,pieces\n3,4\n")
    done = medallion(team, "run", "orders", "--run-id", "one")
    assert done.returncode == 0, done.stdout
    refused = medallion(team, "history", "orders", "--run", "two")
    assert (refused.returncode, "has no run two" in refused.stderr) == (ExitCode.USAGE, True)
