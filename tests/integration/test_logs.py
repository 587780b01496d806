"""What a step logs: JSON lines that say whose job it was, what it read, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONTRACT = {"name": "orders", "table": "cleaned.things", "fields": [{"name": "id"}]}
Clean = Callable[..., Any]


@pytest.fixture
def events(
    clean: Clean, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[bytes], Any]:
    """Runs the cleaner as a tenant's step does; returns what it logged."""

    def run(source: bytes) -> list[dict[str, Any]]:
        monkeypatch.setenv("MEDALLION_LOG_FORMAT", "json")
        (tmp_path / "a.csv").write_bytes(source)
        clean({"connector": "csv", "path": "a.csv"}, CONTRACT, run_id="run-7", tenant="acme")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.parametrize(("source", "last"), [(b"id\n1\n", "step_succeeded"), (b"", "step_failed")])
def test_every_line_names_job_tenant_connector_run_and_kind(events, source: bytes, last: str):
    lines = events(source)
    assert lines[0]["event_type"] == "step_started"
    assert lines[-1]["event_type"] == last
    for line in lines:
        known = {key: line[key] for key in ("job_name", "tenant_id", "connector_type", "run_id", "step")}
        assert known == {
            "job_name": "p",
            "tenant_id": "acme",
            "connector_type": "csv",
            "run_id": "run-7",
            "step": "clean.input",
        }


@pytest.mark.parametrize("source", [b"id\n1\n", b""])
def test_the_last_line_says_how_long_the_step_took(events, source: bytes):
    assert 0 < events(source)[-1]["execution_time_seconds"] < 60


def test_on_a_terminal_the_same_is_a_line_to_read(clean: Clean, monkeypatch, capsys):
    monkeypatch.setenv("MEDALLION_LOG_FORMAT", "human")
    clean(b"id\n1\n", CONTRACT)
    line = capsys.readouterr().out.splitlines()[-1]
    assert "[clean.input]" in line
    assert "1 rows in, 1 loaded, 0 rejected" in line
