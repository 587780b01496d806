"""The command in the container next to this one, by way of the launcher that is its first process.

Three named pipes connect the two containers: `start` takes Medallion's words to the launcher, `output` brings the
command's output, `end` its exit code. A pipe ends when the other side does, so neither container outlives the other.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from medallion.command.output import Output
from medallion.command.run import GRACE_SECONDS
from medallion.errors import ExitCode

SCRIPT = "command.sh"


class Container:
    """The container of a team's command. It starts nothing before `start`.

    Args:
        folder: What both containers share; the launcher was installed in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The launcher opens them in the same order, and each side waits for the other.
        self._start = (folder / "start").open("wb", buffering=0)
        self._end = (folder / "end").open("rb")
        self._pipe = (folder / "output").open("rb")

    def __enter__(self) -> Container:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._start.close()

    def start(
        self, command: Sequence[str], variables: Mapping[str, str], on_line: Callable[[str], None]
    ) -> ContainerCommand:
        """Start a command with variables on top of the container's own."""
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        # The script is all that the launcher runs. `exec`: the command gets the signals and gives the exit code.
        (self._folder / SCRIPT).write_text(f"{exports}exec {shlex.join(command)}\n", encoding="utf-8")
        return ContainerCommand(self, on_line)

    def send(self, word: str) -> None:
        """Send the launcher a word: `start`, or `stop` for SIGTERM."""
        with suppress(BrokenPipeError):  # its container has ended
            self._start.write(f"{word}\n".encode())

    def kill(self) -> None:
        """Make the launcher end the command with SIGKILL."""
        self._start.close()

    def read(self, output: Output) -> int:
        """Read all output; return the exit code. Without one, the launcher was killed with the command."""
        output.read(self._pipe)
        code = self._end.read().strip()
        return int(code) if code.isdigit() else int(ExitCode.KILLED)


class ContainerCommand:
    """A command that runs in the container."""

    def __init__(self, container: Container, on_line: Callable[[str], None]) -> None:
        self._container, self._output = container, Output(on_line)
        self._code: int | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        container.send("start")

    @property
    def last_line(self) -> str:
        """The last line that is not empty."""
        return self._output.last_line

    def wait(self, seconds: float) -> int | None:
        """Return its exit code, or None if it still runs after that time."""
        self._reader.join(seconds)
        return self._code

    def stop(self) -> None:
        """End it: with SIGTERM, and after a while with SIGKILL."""
        self._container.send("stop")
        if self.wait(GRACE_SECONDS) is None:
            self._container.kill()
            self.wait(GRACE_SECONDS)

    def _read(self) -> None:
        code = int(ExitCode.INTERNAL)
        try:
            code = self._container.read(self._output)
        finally:
            self._code = code
