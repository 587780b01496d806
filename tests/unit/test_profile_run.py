"""`make profile`: where the time of each step went, by Airflow's answers, the pods' events and the steps' logs."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from typing import Any

import pytest

from layers import REPO


@pytest.fixture
def profile_run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPO / "k8s"))
    spec = importlib.util.spec_from_file_location("profile_run", REPO / "k8s" / "profile_run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "profile_run", module)
    spec.loader.exec_module(module)
    return module


def at(second: float) -> str:
    return f"2026-12-01T00:00:{second:06.3f}+00:00"


def log(**events: float) -> dict[str, Any]:
    lines = [{"ts": at(second), "level": "info", "event_type": name, "message": "x"} for name, second in events.items()]
    return {"content": [{"event": "pod starts"}, *({"event": json.dumps(line)} for line in lines)]}


ANSWERS = {
    "/api/v2/dags/d/dagRuns/manual__1": {"start_date": at(0)},
    "/api/v2/dags/d/dagRuns/manual__1/taskInstances": {
        "task_instances": [
            {"task_id": "g.second", "try_number": 1, "start_date": at(14), "end_date": at(20)},
            {"task_id": "g.first", "try_number": 1, "start_date": at(3), "end_date": at(9)},
            {"task_id": "g.empty", "try_number": 0, "start_date": None, "end_date": at(10)},
        ]
    },
    "/api/v2/dags/d/tasks": {
        "tasks": [
            {"task_id": "g.first", "downstream_task_ids": ["g.empty"]},
            {"task_id": "g.empty", "downstream_task_ids": ["g.second"]},
            {"task_id": "g.second", "downstream_task_ids": []},
        ]
    },
    "/api/v2/dags/d/dagRuns/manual__1/taskInstances/g.first/logs/1?full_content=true": log(
        step_started=6, step_succeeded=7
    ),
    "/api/v2/dags/d/dagRuns/manual__1/taskInstances/g.second/logs/1?full_content=true": log(
        step_started=17, step_succeeded=17.5, pack_succeeded=18
    ),
}


class Api:
    def call(self, _method: str, path: str) -> dict[str, Any]:
        return ANSWERS[path]


def moments(first: float) -> dict[str, float]:
    import datetime

    base = datetime.datetime.fromisoformat(at(0)).timestamp() + first
    return {"created": base, "running": base + 1, "terminated": base + 4}


def test_parts_follow_each_other_without_a_gap(profile_run: Any, capsys: pytest.CaptureFixture[str]):
    pods = type("Pods", (), {})()
    pods.seen = {
        "g.first": {"worker": moments(1), "step": moments(4)},
        "g.second": {"worker": moments(11), "step": moments(15)},
    }
    found = list(profile_run.rows(Api(), "d", "manual__1", pods))
    assert [name for name, _ in found] == ["g.first", "g.second"]
    assert found[0][1] == pytest.approx([1, 1, 1, 1, 1, 1, 1, 1, 1])
    assert found[1][1] == pytest.approx([1, 1, 2, 1, 1, 1, 1, 1, 1])  # after the end of the task before it
    profile_run.show(found)
    assert "| g.second | 1.0 | 1.0 | 2.0 |" in capsys.readouterr().out


def test_a_step_whose_log_is_gone_has_parts_without_numbers(profile_run: Any, monkeypatch: pytest.MonkeyPatch):
    pods = type("Pods", (), {"seen": {"g.first": {"step": moments(4)}}})()
    path = "/api/v2/dags/d/dagRuns/manual__1/taskInstances/g.first/logs/1?full_content=true"
    monkeypatch.setitem(ANSWERS, path, {"content": []})
    ((_, parts),) = profile_run.rows(Api(), "d", "manual__1", pods)
    assert [math.isnan(part) for part in parts] == [False] * 5 + [True, True, True, False]


def test_a_step_without_a_worker_pod_loses_no_time_there(profile_run: Any):
    pods = type("Pods", (), {"seen": {"g.first": {"step": moments(4)}}})()
    ((_, parts),) = profile_run.rows(Api(), "d", "manual__1", pods)
    assert parts == pytest.approx([0, 0, 3, 1, 1, 1, 1, 1, 1])
