"""The cleaner as tests use it: its real command, on a real Postgres."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from api_server import cluster
from databases import fresh_database
from dumps import dumped_server, filled
from layers import bake, load, run_all
from medallion.cleaner.__main__ import main
from medallion.errors import ExitCode
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, environment
from task_file import task_file


@dataclass(frozen=True)
class Cleaned:
    """What a run of the cleaner left: its exit code, its ledger row, and its quarantine."""

    code: int
    run_id: str
    row: dict[str, Any]
    rejects: list[dict[str, Any]]

    @property
    def reasons(self) -> dict[int, set[str]]:
        """Reasons by line."""
        found: dict[int, set[str]] = {}
        for reject in self.rejects:
            found.setdefault(reject["line"], set()).add(reject["reason"])
        return found


Clean = Callable[..., Cleaned]


@pytest.fixture
def clean(warehouse: Connection, tmp_path: Path) -> Clean:
    """Runs the cleaner's command on bytes, a file or a connector's settings, each time as a new run unless named."""
    numbers = itertools.count(1)

    def run(
        source: bytes | Path | dict[str, Any],
        contract: dict[str, Any] | str,
        run_id: str = "",
        prefix: str = "",
        tenant: str = "",
    ) -> Cleaned:
        run_id = run_id or f"run-{next(numbers)}"
        path = source if isinstance(source, Path) else tmp_path / "input.csv"
        if isinstance(source, bytes):
            path.write_bytes(source)
        read = ["--landing", str(tmp_path)] if isinstance(source, dict) else ["--input", str(path)]
        arguments = ["--pipeline", "p", "--run-id", run_id, "--step", "clean.input", "--schema-prefix", prefix, *read]
        whose = ["--tenant", tenant] if tenant else []
        code = main(task_file([*arguments, *whose], contract, source if isinstance(source, dict) else None))
        return look(code, run_id)

    def look(code: int, run_id: str) -> Cleaned:
        known = warehouse.execute("select to_regclass('medallion.step_runs') is not null").fetchone()
        if known != (True,):
            return Cleaned(code, run_id, {}, [])
        steps = ledger.list_steps(warehouse, "p", run_id)
        cursor = warehouse.execute(
            """select line, column_name, value, reason, record from medallion.rejected_rows
               where pipeline = 'p' and run_id = %s order by line, column_name""",
            (run_id,),
        )
        names = [column.name for column in cursor.description or ()]
        rejects = [dict(zip(names, row, strict=True)) for row in cursor]
        return Cleaned(int(code), run_id, steps[0] if steps else {}, rejects)

    return run


@pytest.fixture
def replay(warehouse: Connection, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Replays a run; returns the exit code and the ledger's row."""
    numbers = itertools.count(1)

    def run(contract: dict[str, Any], of: str, rows: bytes | None = None, source: Any = None) -> tuple[int, Any]:
        run_id = f"replay-{next(numbers)}"
        work = {"kind": "clean", "contract": contract, "landing": str(tmp_path), "replay": of}
        work["source"] = source or {"connector": "csv", "path": "input.csv"}
        if rows is not None:
            (tmp_path / "corrected.csv").write_bytes(rows)
            work["input"] = str(tmp_path / "corrected.csv")
        task = {"protocol": 1, "pipeline": "p", "run_id": run_id, "step": "clean.input", "work": work}
        (tmp_path / "task.json").write_text(json.dumps(task))
        code = main(["--file", str(tmp_path / "task.json")])
        return int(code), ledger.list_steps(warehouse, "p", run_id)[0]

    return run


@pytest.fixture
def load_table(warehouse: Connection) -> Callable[..., list[tuple[Any, ...]]]:
    """Reads a published table, in the order of the file."""

    def read(columns: str = "*", table: str = "cleaned.things") -> list[tuple[Any, ...]]:
        return warehouse.execute(f"select {columns} from {table} order by _line").fetchall()  # type: ignore[arg-type]

    return read


@pytest.fixture(scope="session")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, baked as the image bakes it: with no database anywhere near."""
    folder = tmp_path_factory.mktemp("baked")
    bake(folder)
    return folder


@pytest.fixture
def loaded(warehouse: Connection, baked: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A warehouse as the cleaner leaves it, in the run `one`."""
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    load(warehouse, "", "one")
    return warehouse


@pytest.fixture(scope="session")
def after_run_one(postgres_url: str, baked: Path) -> Iterator[str]:
    """A database in which run `one` went through; tests that start from there copy it."""
    with fresh_database(postgres_url) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDALLION_DBT_BAKED", str(baked))
        for name, value in environment(url).items():
            patch.setenv(name, value)
        with psycopg.connect(url, autocommit=True) as connection:
            load(connection, "", "one")
            run_all()
        yield conninfo_to_dict(url)["dbname"]


@pytest.fixture
def published(
    postgres_url: str, after_run_one: str, baked: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connection]:
    """A warehouse in which run `one` has published gold."""
    monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
    with fresh_database(postgres_url, after_run_one) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


__all__ = ["Clean", "Cleaned", "ExitCode", "cluster", "dumped_server", "filled"]
