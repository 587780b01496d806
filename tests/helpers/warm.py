"""The dbt image's command as forks of a process that has imported dbt and parsed the project: a second each, not ten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from task_file import task_file

REPO = Path(__file__).resolve().parents[2]


class Warm:
    """Runs the command on one project, each time in a process of its own, one at a time."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server
        self._output = Path()

    def start(self, *arguments: str) -> int:
        """Starts the command in this process's environment; returns its process id."""
        self._output = Path(tempfile.mkstemp()[1])
        request = {
            "arguments": task_file(arguments) if arguments else [],
            "environment": dict(os.environ),
            "output": str(self._output),
        }
        assert self._server.stdin is not None
        self._server.stdin.write(f"{json.dumps(request)}\n")
        self._server.stdin.flush()
        return self._answer()

    def end(self) -> subprocess.CompletedProcess[str]:
        """Waits for the command that was started."""
        code, output = self._answer(), self._output.read_text()
        self._output.unlink()
        return subprocess.CompletedProcess((), code, output, "")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end."""
        self.start(*arguments)
        return self.end()

    def _answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


@contextmanager
def warm(environment: Mapping[str, str]) -> Iterator[Warm]:
    """A process that has parsed the project of `MEDALLION_DBT_PROJECT`, to fork from."""
    path = os.pathsep.join(str(REPO / folder) for folder in ("src", "tests/helpers"))
    variables = {**os.environ, **environment, "PYTHONPATH": path}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, __file__], env=variables, stdin=pipe, stdout=pipe, text=True) as server:
        yield Warm(server)
        assert server.stdin is not None
        server.stdin.close()


def _serve() -> None:
    from dbt.adapters.postgres import impl  # noqa: F401 - so that no fork has to import it

    from medallion.dbt.__main__ import main
    from medallion.dbt.layer import run_layer  # noqa: F401 - dbt's imports

    answers = os.dup(1)
    os.dup2(2, 1)
    # In a fork: dbt's parser starts threads, which no fork of this process would have, and waits for them.
    if (baking := os.fork()) == 0:
        os._exit(int(main(["bake"])))
    if status := os.waitpid(baking, 0)[1]:
        sys.exit(os.waitstatus_to_exitcode(status))
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(request["environment"])
            target = os.open(request["output"], os.O_WRONLY | os.O_CREAT)
            os.dup2(target, 1)
            os.dup2(target, 2)
            code = main(request["arguments"])
            sys.stdout.flush()
            os._exit(int(code))
        os.write(answers, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    _serve()
