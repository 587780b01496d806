"""What an alert says, and of what there is one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alert_examples import ALERTS, examples
from medallion.alerts import Alert
from medallion.alerts.render import Format, render
from medallion.config.alerts import AlertKind
from medallion.config.pipeline import Pipeline
from medallion.protocol.result import ModelResult, TaskResult, TestResult
from medallion.protocol.termination_message import MAX_BYTES, Failed, TerminationMessage, failed_in


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.name)
def test_the_examples_in_the_docs_are_what_readers_get(path: Path):
    assert path.read_text(encoding="utf-8") == examples()[path], "python tests/alert_examples.py writes them"


def test_values_are_escaped_in_html():
    assert "&lt;1&gt; &amp;" in render(ALERTS["failure"], "html")


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_each_failed_source_is_listed_with_its_message(form: Format):
    failed = (Failed("source", "clean.stores", message="stores.csv, line 1: column 'id' is missing"),)
    alert = replace(ALERTS["failure"], message="1 of 8 sources failed: clean.stores", failed=failed)
    shown = render(alert, form).replace("&#39;", "'")
    assert "source" in shown
    assert "clean.stores" in shown.partition("1 of 8 sources failed: clean.stores")[2]
    assert "stores.csv, line 1: column 'id' is missing" in shown


def test_result_always_fits_a_termination_message():
    sample = {f"column {n}": "ä" * 300 for n in range(20)}
    failed = tuple(Failed("test", f"test_{n}_" + "x" * 200, n, "ü" * 900, sample) for n in range(40))
    words = TerminationMessage("failed", 84, "é" * 5000, "do" * 5000, failed=failed)
    read = TerminationMessage.from_json(words.to_json())
    assert len(words.to_json().encode()) <= MAX_BYTES
    assert read is not None
    assert (read.status, read.exit_code, read.failed[0].name) == ("failed", 84, failed[0].name)


def test_the_first_sample_is_kept_longest():
    failed = tuple(Failed("test", f"test_{n}", n, "", {"row": "x" * 900}) for n in range(6))
    read = TerminationMessage.from_json(TerminationMessage("failed", 84, failed=failed).to_json())
    assert read is not None
    assert [item.name for item in read.failed] == [f"test_{n}" for n in range(6)]
    assert read.failed[0].sample == {"row": "x" * 900}


def test_failed_models_and_tests_are_named_with_a_row():
    outcome = TaskResult(
        models=(ModelResult("good", "success"), ModelResult("bad", "error", message="no such column")),
        tests=(TestResult("fine", "pass"), TestResult("keys", "fail", "m", 2, "Got 2", ({"id": 1}, {"id": 2}))),
    )
    assert failed_in(outcome) == (
        Failed("model", "bad", message="no such column"),
        Failed("test", "keys", 2, "Got 2", {"id": 1}),
    )


def alerting(**keys: Any) -> Any:
    pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")
    from medallion.orchestrators.airflow.callbacks import Alerting

    given = {"name": "p", "owner": "me", "models": "m", "layers": [{"name": "gold"}]}
    source = {"name": "s", "path": "s.csv", "contract": "c"}
    return Alerting(Pipeline.model_validate({**given, "sources": [source], **keys}))


def task(attempt: int, **context: Any) -> dict[str, Any]:
    ti = SimpleNamespace(run_id="r", task_id="gold", try_number=attempt, log_url="http://log")
    return {"ti": ti, "task": SimpleNamespace(ending=None), "run_id": "r", **context}


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """The messages of the log channel. Airflow takes over the root logger when it is imported, hence a handler of our own."""
    logger = logging.getLogger("medallion.alerts")
    caplog.set_level(logging.INFO, logger="medallion.alerts")
    logger.addHandler(caplog.handler)
    yield lambda: list(dict.fromkeys(record.getMessage() for record in caplog.records))
    logger.removeHandler(caplog.handler)


def test_failed_step_sends_one_alert_with_tests_and_reason(messages: Any):
    from medallion.orchestrators.kubernetes.pod_result import Ending, StepPodFailed

    ending = Ending(
        84, "Error", "1 of 2 failed:\nmore", "correct it", failed=(Failed("test", "keys", 2, "", {"id": 1}),)
    )
    alerting().task_failed(task(2, exception=StepPodFailed("gold", ending)))
    (message,) = messages()
    for words in ("p failed at gold", "attempt 2", "exit code 84", "test keys: 2 failing rows", "id=1", "correct it"):
        assert words in message
    assert "more" not in message


def test_airflow_error_sends_an_alert_with_its_type(messages: Any):
    alerting().task_failed(task(1, exception=TimeoutError("too long")))
    assert "TimeoutError: too long" in messages()[0]


def test_killed_worker_sends_an_alert(messages: Any):
    alerting().task_failed(task(1))
    assert "ended without a word" in messages()[0]


def test_a_success_after_a_failed_attempt_is_a_recovery(messages: Any):
    alerting().task_succeeded(task(2))
    assert "p recovered at gold" in messages()[0]


def test_first_success_and_rerun_of_a_success_send_no_recovery(messages: Any):
    from medallion.orchestrators.kubernetes.pod_result import Ending

    alerting().task_succeeded(task(1))
    alerting().task_succeeded({**task(2), "task": SimpleNamespace(ending=Ending(0, reported_success=True, again=True))})
    assert messages() == []


def test_of_a_failed_run_only_the_time_out_is_news(messages: Any):
    alerting().run_failed(task(1, reason="task_failure"))
    assert messages() == []
    alerting(timeouts={"run_seconds": 60}).run_failed(task(1, reason="timed_out"))
    assert "took longer than 0:01:00" in messages()[0]


def test_a_run_that_succeeds_after_a_failed_one_is_a_recovery(messages: Any):
    context = task(1)
    context["ti"].get_previous_dagrun = lambda: SimpleNamespace(run_id="before", state="failed")
    alerting().run_succeeded(context)
    assert "after run before failed" in messages()[0]


def test_disabled_alerts_are_not_sent(messages: Any):
    alerting(alerts={"on": ["failure"]}).task_succeeded(task(2))
    assert messages() == []


def test_deadline_is_the_pipelines_own_and_has_a_name():
    from airflow.sdk._shared.module_loading import import_string

    assert alerting().deadline() is None
    deadline = alerting(timeouts={"deadline_seconds": 1200}).deadline()
    assert deadline.interval.total_seconds() == 1200
    # With one that counts from `queued_at`, Airflow 3.3.2 answers a clear with an internal server error.
    assert deadline.reference.reference_name == "DagRunLogicalDateDeadline"
    assert callable(import_string(deadline.callback.path))


def test_missed_deadline_sends_an_alert_by_its_callback(messages: Any):
    import asyncio

    from medallion.orchestrators.airflow.callbacks import deadline_missed

    asyncio.run(deadline_missed("p", "me", ["log"], 1200, {"dag_run": {"dag_run_id": "r"}}))
    assert "p missed its deadline" in messages()[0]


def test_an_alerts_title_names_the_task():
    assert Alert(AlertKind.FAILURE, "p", "r", "me", "x", task="t").title == "p failed at t"
