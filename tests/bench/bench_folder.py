"""Many small files into one table: what a file costs in one process, and what several processes gain.

    python tests/bench/bench_folder.py [--files 1000] [--rows 100] [--rounds 3] [--packs 2]

Each round begins with an empty database. Postgres runs on the same machine, and its CPU is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO / folder) for folder in ("src", "tests/helpers")]

from databases import fresh_database, running_server
from medallion.warehouse.connection import environment

CONTRACT: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [{"name": "id"}, {"name": "amount", "type": "number"}, {"name": "day", "type": "date"}],
}
SOURCE = {"connector": "csv", "path": "in/*.csv"}


def write(folder: Path, files: int, rows: int) -> None:
    """Write the files."""
    (folder / "in").mkdir()
    for number in range(files):
        lines = (f"{number}-{row},{row}.5,2026-01-{row % 28 + 1:02}" for row in range(rows))
        (folder / "in" / f"{number:06}.csv").write_text("\n".join(["id,amount,day", *lines]) + "\n")


class Run:
    """One load of the folder into a database of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url, self.cpu, self.wall = folder, url, 0.0, 0.0

    def do(self, *parts: dict[str, Any] | None) -> None:
        """Run parts in parallel processes; None is the whole load."""
        began, processes = time.monotonic(), [self._start(part) for part in parts]
        for process in processes:
            _, status, usage = os.wait4(process.pid, 0)
            assert status == 0
            self.cpu += usage.ru_utime + usage.ru_stime
        self.wall += time.monotonic() - began

    def _start(self, part: dict[str, Any] | None) -> subprocess.Popen[bytes]:
        work: dict[str, Any] = {"kind": "clean", "contract": CONTRACT, "source": SOURCE, "landing": str(self._folder)}
        step = "clean.things"
        if part is not None:
            work["part"] = {"of": step, **part}
            step += {"list": ".list", "load": f".{part.get('pack')}"}.get(part["does"], "")
        file = self._folder / f"{step}.json"
        file.write_text(json.dumps({"protocol": 1, "pipeline": "p", "run_id": "r", "step": step, "work": work}))
        command = [sys.executable, "-m", "medallion.cleaner", "--file", str(file)]
        variables = {
            **os.environ,
            **environment(self._url),
            "PYTHONPATH": os.environ.get("BENCH_SRC", str(REPO / "src")),
        }
        return subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print medians of alternating rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("files", 1000), ("rows", 100), ("rounds", 3), ("packs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    ways: dict[int, list[Run]] = {packs: [] for packs in range(given.packs + 1)}
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        folder = Path(name)
        write(folder, given.files, given.rows)
        for _ in range(given.rounds):
            for packs, known in ways.items():
                with fresh_database(server) as url:
                    known.append(run := Run(folder, url))
                    if packs == 0:
                        run.do(None)
                        continue
                    run.do({"does": "list", "packs": packs})
                    run.do(*({"does": "load", "packs": packs, "pack": pack} for pack in range(packs)))
                    run.do({"does": "publish", "packs": packs})
    print(
        f"{given.files} files of {given.rows} rows\n\n| Processes | Wall | CPU | CPU per file |\n| --- | --- | --- | --- |"
    )
    for packs, known in ways.items():
        wall, cpu = (statistics.median(getattr(run, name) for run in known) for name in ("wall", "cpu"))
        what = f"list, {packs} in parallel, publish" if packs else "one"
        print(f"| {what} | {wall:.1f} s | {cpu:.1f} s | {1000 * cpu / given.files:.1f} ms |")


if __name__ == "__main__":
    main()
