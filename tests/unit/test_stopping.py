"""SIGTERM before a command's step began."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from medallion.failures import ExitCode
from medallion.stopping import stoppable


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_command_that_is_stopped_before_its_step_began_says_so(capsys: pytest.CaptureFixture[str]):
    def importing(_: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return ExitCode.OK

    assert stoppable(importing) == ExitCode.TERMINATED
    assert "before the step began" in capsys.readouterr().err


def test_a_command_that_nobody_stops_has_its_own_exit_code():
    assert stoppable(lambda _: int(ExitCode.USAGE)) == ExitCode.USAGE
