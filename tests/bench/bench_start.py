"""CPU of a pod of an unchanged dbt project, from the start of its process to the SQL of its first model.

The database stops the step at that SQL, and the CPU time of its process is read. The peers are `import dbt.cli.main` and a
plain `dbt build` that finds its own earlier parse, in alternating rounds. The goal is 0.3 CPU-s above the import.

    python tests/bench/bench_start.py PROJECT…
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from command_line import good
from databases import fresh_database, running_server
from plain_dbt import flags

ROUNDS = 5
STOP = """
    create function stop_at_model() returns event_trigger language plpgsql as $$
    begin
        if current_query() like '%"node_id": "model.%' then
            perform pg_advisory_lock_shared(77);
            perform pg_advisory_unlock_shared(77);
        end if;
    end $$;
    create event trigger stop_at_model on ddl_command_start execute function stop_at_model();
"""
BUILD = (
    "import sys; from dbt.cli.main import dbtRunner; sys.exit(not dbtRunner().invoke(['build', *sys.argv[1:]]).success)"
)
VARIABLES = {**os.environ, "PYTHONPATH": str(REPO / "src")}
STOPPED = "select pid from pg_locks where locktype = 'advisory' and objid = 77 and not granted"


def main() -> None:
    """Print the CPU seconds of each project and of its peers, as medians of alternating rounds."""
    for project in map(Path, sys.argv[1:]):
        rounds = list(measure(project))
        imported, plain, ours = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(
            f"{project.name}: import dbt.cli.main {imported:.2f}, dbt build {plain:.2f} ({plain - imported:+.2f}), ",
            end="",
        )
        print(f"a pod {ours:.2f} ({ours - imported:+.2f}) CPU-s")


def measure(project: Path) -> Iterator[tuple[float, float, float]]:
    """Yield the CPU seconds of dbt's import, of a `dbt build` and of a step, until the SQL of the first model."""
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        folder = Path(name)
        with fresh_database(server) as url, fresh_database(server) as other:
            good(folder, "init", "team", "--dbt", project)
            (pipeline,) = (folder / "team" / "dags" / "pipelines").iterdir()
            run = [sys.executable, "-m", "medallion.cli", "run", pipeline.stem, "--warehouse", url]
            build = [sys.executable, "-c", BUILD, *flags(project, other, folder / "plain")]
            for command in (run, build):
                subprocess.run(
                    command, cwd=folder / "team", env=VARIABLES, capture_output=True, check=True, timeout=600
                )
            for database in (url, other):
                with psycopg.connect(database) as session:
                    session.execute(STOP)
            for _ in range(ROUNDS):
                yield imported(), stopped(other, build, folder), stopped(url, run, folder / "team", children_only=True)


def imported() -> float:
    """Return the CPU seconds of a process that imports dbt's command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import dbt.cli.main"], check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stopped(url: str, command: list[str], folder: Path, *, children_only: bool = False) -> float:
    """Run a command; return the CPU seconds that it, or only its children, had used when the database stopped it."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("select pg_advisory_lock(77)")
        with subprocess.Popen(
            command, cwd=folder, env=VARIABLES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as run:
            deadline = time.monotonic() + 300
            while not session.execute(STOPPED).fetchone():
                assert run.poll() is None, run.stdout and run.stdout.read().decode()
                assert time.monotonic() < deadline, "no model began within 300 s"
                time.sleep(0.02)
            used = sum(cpu(process) for process in (*([] if children_only else [run.pid]), *below(run.pid)))
            session.execute("select pg_advisory_unlock(77)")
            run.communicate(timeout=600)
    return used


def below(parent: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    threads = Path(f"/proc/{parent}/task").glob("*/children")
    children = [int(word) for thread in threads for word in thread.read_text().split()]
    return [*children, *(one for child in children for one in below(child))]


def cpu(process: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended."""
    fields = re.sub(r".*\) ", "", Path(f"/proc/{process}/stat").read_text()).split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
