"""A contract of orders, the cleaner's own command on it, and what it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from task_file import task_file

REPO = Path(__file__).resolve().parents[2]

CONTRACT = {
    "name": "orders",
    "table": "cleaned_data.orders",
    "missingValues": ["", "N/A"],
    "primaryKey": "id",
    "fields": [
        {"name": "id", "type": "integer", "constraints": {"required": True}},
        {"name": "who", "source": "Who?", "clean": ["trim", {"case": "upper"}], "constraints": {"maxLength": 10}},
        {"name": "day", "type": "date", "format": ["%Y-%m-%d", "%d/%m/%Y"]},
        {
            "name": "price",
            "type": "number",
            "decimals": 2,
            "groupChar": ",",
            "clean": ["currency"],
            "constraints": {"minimum": 0},
        },
        {"name": "pieces", "type": "integer"},
        {"name": "total", "type": "number", "derive": {"multiply": ["price", "pieces"]}},
        {"name": "paid", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
    ],
    "rejects": {"max_share": 1},
}
HEADER = "id,Who?,day,price,pieces,paid\n"


def command(path: Path, run: str, contract: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments(path, run, contract), env=environment(), capture_output=True, text=True, timeout=300
    )


def arguments(path: Path, run: str, contract: dict[str, Any] = CONTRACT) -> list[str]:
    step = ("--pipeline", "p", "--run-id", run, "--step", "clean", "--input", str(path))
    return [sys.executable, "-m", "medallion.cleaner", *task_file(step, contract)]


def environment() -> dict[str, str]:
    folders = str(REPO / "src")
    return {**os.environ, "PYTHONPATH": folders}


def rows(warehouse: Connection, columns: str = "*") -> list[Any]:
    return warehouse.execute(f"select {columns} from cleaned_data.orders order by _line").fetchall()  # type: ignore[arg-type]


def quarantine(warehouse: Connection, run: str = "one") -> list[Any]:
    query = "select line, column_name, value, reason from medallion.rejected_rows where run_id = %s order by 1, 2"
    return warehouse.execute(query, (run,)).fetchall()


def entry(warehouse: Connection, run: str = "one") -> dict[str, Any]:
    (row,) = ledger.list_steps(warehouse, "p", run)
    return row
