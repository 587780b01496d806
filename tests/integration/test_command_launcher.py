"""The launcher in the container of a team's command, and Medallion's side of it: two processes and three pipes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion.command.container import Container, ContainerCommand
from medallion.command.launcher import install
from medallion.protocol.command_folder import launcher_command

pytestmark = pytest.mark.skipif(not Path("/bin/dash").exists(), reason="the image has dash, this machine has not")
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 1; done"


class Pair:
    """A launcher, and the lines of the command that it runs."""

    def __init__(self, folder: Path) -> None:
        self.launcher = subprocess.Popen(launcher_command(folder), env={"PATH": "/usr/bin:/bin", "OF_THE_IMAGE": "1"})
        self.container = Container(folder)
        self.lines: list[str] = []

    def start(self, *command: str, **variables: str) -> ContainerCommand:
        return self.container.start(command, variables, self.lines.append)

    def end(self) -> int:
        with self.container:
            pass
        return self.launcher.wait(30)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    install(tmp_path)
    made = Pair(tmp_path)
    yield made
    made.launcher.kill()
    made.launcher.wait(30)


def test_command_gets_its_words_and_variables_as_they_are(pair: Pair):
    running = pair.start(
        "sh", "-c", 'printf "%s\\n" "$ODD" "$OF_THE_IMAGE" "$@"', "x", "a  b", "$HOME", ODD="it's `id` \\n"
    )
    assert running.wait(30) == 0
    assert pair.lines == ["it's `id` \\n", "1", "a  b", "$HOME"]
    assert pair.end() == 0


@pytest.mark.parametrize(
    ("command", "code", "last"),
    [
        (("sh", "-c", "echo one; echo two >&2; exit 3"), 3, "two"),
        (("sh", "-c", "kill -KILL $$"), 137, ""),
        (("no-such-program",), 127, "not found"),
        (("/etc/passwd",), 126, "Permission denied"),
    ],
)
def test_exit_code_and_last_line_of_the_command_arrive(pair: Pair, command: tuple[str, ...], code: int, last: str):
    running = pair.start(*command)
    assert running.wait(30) == code
    assert last in running.last_line
    assert pair.end() == 0


def test_launcher_ends_when_medallion_starts_nothing(pair: Pair):
    assert pair.end() == 0
    assert not pair.lines


def test_stop_is_sigterm_and_the_command_may_answer(pair: Pair):
    running = pair.start("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
    assert running.wait(0.1) is None
    running.stop()
    assert running.wait(0) in (7, 143)  # 143: before the trap was set


def test_command_is_killed_when_medallion_is_gone(pair: Pair):
    running = pair.start("sh", "-c", STUBBORN)
    assert running.wait(0.1) is None
    pair.container.kill()
    assert running.wait(30) == 137


def test_killed_container_is_a_killed_command(pair: Pair):
    running = pair.start("sh", "-c", "echo $$; exec sleep 60")
    while not pair.lines:
        assert running.wait(0.1) is None
    pair.launcher.kill()  # with a container, all of its processes end at once
    os.kill(int(pair.lines[0]), signal.SIGKILL)
    assert running.wait(30) == 137


def test_shell_of_the_launcher_needs_nothing_of_the_image(tmp_path: Path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here")
    install(tmp_path)
    line = ["unshare", "-rR", str(tmp_path), "/ld.so", "--library-path", "/", "/sh", "-c", "echo alone"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("no user namespaces here")
    assert done.stdout == "alone\n", done.stderr
