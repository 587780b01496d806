"""What a command takes: wall and CPU seconds, its own and those of a Postgres on the same machine, and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Cost:
    """Seconds, and the most memory of the command, in MiB."""

    wall: float
    client: float
    postgres: float
    rss: float

    @property
    def cpu(self) -> float:
        """All CPU seconds."""
        return self.client + self.postgres


class Server:
    """A Postgres of this machine.

    Args:
        folder: Its data.
    """

    def __init__(self, folder: Path) -> None:
        self._process = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))

    def cpu(self) -> float:
        """CPU seconds of all its processes, those that ended too."""
        own = self._process.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in self._process.children():
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total

    def settled(self) -> float:
        """CPU seconds once the processes of ended sessions are gone.

        Raises:
            TimeoutError: A session goes on.
        """
        deadline = time.monotonic() + 30
        while any("postgres: postgres" in " ".join(child.cmdline()) for child in self._process.children()):
            if time.monotonic() > deadline:
                raise TimeoutError("a session of Postgres does not end")
            time.sleep(0.01)
        return self.cpu()


def cost_of(command: Sequence[str], variables: dict[str, str], server: Server) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed.
    """
    before, began = server.cpu(), time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace")[-3000:])
    return Cost(wall, used.ru_utime + used.ru_stime, server.settled() - before, used.ru_maxrss / 1024)
