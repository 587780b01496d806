"""CPU of a pod of an unchanged dbt project, from the start of its process to the SQL of its first model.

The database stops the step at that SQL, and the CPU time of its process is read. The peer is `import dbt.cli.main`, in the
same run. The goal is 0.3 CPU-s above it.

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
from pathlib import Path

import psycopg

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from command_line import good
from databases import fresh_database, running_server

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
STOPPED = "select pid from pg_locks where locktype = 'advisory' and objid = 77 and not granted"


def main() -> None:
    """Print the CPU seconds of the peer and of each project."""
    peer = statistics.median(imported() for _ in range(ROUNDS))
    print(f"{'import dbt.cli.main':40} {peer:.2f} CPU-s")
    for project in map(Path, sys.argv[1:]):
        least = statistics.median(started(project))
        print(f"{project.name:40} {least:.2f} CPU-s, {least - peer:+.2f}")


def imported() -> float:
    """Return the CPU seconds of a process that imports dbt's command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import dbt.cli.main"], check=True, timeout=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def started(project: Path) -> list[float]:
    """Return the CPU seconds of the first step with a model, of runs of a project that is parsed already."""
    with tempfile.TemporaryDirectory() as name, running_server() as server, fresh_database(server) as url:
        good(Path(name), "init", "team", "--dbt", project)
        (pipeline,) = (Path(name) / "team" / "dags" / "pipelines").iterdir()
        good(Path(name) / "team", "run", pipeline.stem, "--warehouse", url)
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(STOP)
            return [stopped(session, Path(name) / "team", pipeline.stem, url) for _ in range(ROUNDS)]


def stopped(session: psycopg.Connection, team: Path, pipeline: str, url: str) -> float:
    """Run a pipeline; return the CPU seconds that its step had used when the database stopped it."""
    session.execute("select pg_advisory_lock(77)")
    command = [sys.executable, "-m", "medallion.cli", "run", pipeline, "--warehouse", url]
    variables = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    with subprocess.Popen(command, cwd=team, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        deadline = time.monotonic() + 300
        while not session.execute(STOPPED).fetchone():
            assert run.poll() is None, run.stdout and run.stdout.read().decode()
            assert time.monotonic() < deadline, "no model began within 300 s"
            time.sleep(0.02)
        used = sum(cpu(process) for process in below(run.pid))
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
