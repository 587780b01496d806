"""Keeps Airflow's pools in step with the DAG folder: `python -m medallion.orchestrators.pool_sync --dags FOLDER`.

Runs next to the DAG processor, the one pod that has both the DAG folder and Airflow's database. Imports nothing of
Airflow, so that waiting costs a few MB; its command is called when something has changed. Pools of tenants that
went away stay: they take nothing, and a run may still be using them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from medallion.orchestrators.pools import limits
from medallion.steps import pool_name

EVERY_SECONDS = 10.0
AGAIN_SECONDS = 1800.0
"""After this time the pools are written again: a user may have changed one by hand."""


def pools(dags: Path) -> dict[str, dict[str, str | int | bool]]:
    """Return the pools of a DAG folder, as `airflow pools import` reads them."""
    return {
        pool_name(tenant): {
            "slots": limit,
            "description": f"steps of tenant {tenant} at once; from the runner file",
            "include_deferred": True,
        }
        for tenant, limit in limits(dags).items()
    }


def fingerprint(dags: Path) -> tuple[str, frozenset[tuple[str, int]]]:
    """Return a value that changes when git-sync switches to another commit or a YAML file is written."""
    files = frozenset((str(path), path.stat().st_mtime_ns) for path in dags.rglob("*.yaml"))
    return str(dags.resolve()), files


def write(wanted: dict[str, dict[str, str | int | bool]]) -> bool:
    """Make Airflow create or change the pools; return whether it did."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(wanted, file)
        file.flush()
        done = subprocess.run(["airflow", "pools", "import", file.name], capture_output=True, text=True, check=False)
    last = (done.stdout + done.stderr).strip().splitlines()[-1:] if done.returncode else []
    _say(*last, f"{'set' if done.returncode == 0 else 'could not set'} {', '.join(wanted)}")
    return done.returncode == 0


def follow(dags: Path, every: float, stop: threading.Event, ready: Path | None = None) -> None:
    """Write the pools whenever they change, until `stop` is set. A failure is tried again.

    Args:
        dags: The DAG folder.
        every: Seconds between looks.
        stop: Ends the loop.
        ready: A file that is there while the pools are as the DAG folder says; the pod's readiness probe asks for it.
    """
    done: object = None
    while True:
        try:
            if not dags.is_dir():
                raise FileNotFoundError(f"{dags}: no such folder")
            # Half an hour is part of what must not have changed: then everything is written again.
            now = (fingerprint(dags), int(time.monotonic() / AGAIN_SECONDS))
            if now != done and ((wanted := pools(dags)) == {} or write(wanted)):
                done = now
            in_step = now == done
        except OSError as error:  # git-sync has just taken a folder away
            _say(str(error))
            in_step = False
        if ready:
            ready.touch() if in_step else ready.unlink(missing_ok=True)
        if stop.wait(every):
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until stopped; with `--once`, write the pools and end."""
    parser = argparse.ArgumentParser(prog="medallion.orchestrators.pool_sync", description=__doc__)
    parser.add_argument("--dags", type=Path, required=True)
    parser.add_argument("--every", type=float, default=EVERY_SECONDS, help="seconds between looks")
    parser.add_argument("--ready", type=Path, help="a file that is there while the pools are in step")
    parser.add_argument("--once", action="store_true")
    given = parser.parse_args(arguments)
    if given.once:
        return 0 if write(pools(given.dags)) else 1
    follow(given.dags, given.every, threading.Event(), given.ready)
    return 0


def _say(*words: str) -> None:
    sys.stdout.write("\n".join(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
