"""Runner files as Airflow sees them, through the code that its DAG processor runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bundles import bundle_settings
from runner_folder import schedule, write

pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has Airflow process the DAG files of a folder's runner files; returns DAGs and import errors by DAG file."""

    def process(dags: Path, **environment: str) -> dict[str, Any]:
        import structlog
        from airflow.dag_processing.processor import DagFileParseRequest, _parse_file

        from medallion.orchestrators.airflow.bundle import TeamBundle

        settings = bundle_settings(dags.parent / "airflow", dags)
        for name, value in {**settings, **environment}.items():
            monkeypatch.setenv(name, value)
        bundle = TeamBundle(name="medallion", dags=str(dags))
        bundle.initialize()
        seen = {}
        for stub in ("schedules.py", "schedule_errors.py"):
            # What the DAG processor's child does with a file: parse, serialise, answer.
            request = DagFileParseRequest(
                file=str(bundle.path / stub), bundle_path=bundle.path, bundle_name="medallion", callback_requests=[]
            )
            result = _parse_file(request, structlog.get_logger())
            assert result is not None
            data = {dag.data["dag"]["dag_id"]: dag.data["dag"] for dag in result.serialized_dags}
            seen[stub] = {"dags": data, "errors": result.import_errors}
        return seen

    return process


def tasks(dag: dict[str, Any]) -> list[dict[str, Any]]:
    return [task["__var"] for task in dag["tasks"]]


def test_bad_schedule_is_an_import_error_good_ones_are_dags(processed, tmp_path: Path):
    entries = (
        schedule("hourly", "acme/orders", 'cron: "0 * * * *", max_concurrent_runs: 2, tags: {priority: high}')
        + schedule("paused", "acme/orders", "interval_seconds: 3600, enabled: false")
        + schedule("broken", "acme/nothing")
        + schedule("'{{ ds }}'", "acme/orders")
        + schedule("hourly", "globex/orders")
    )
    seen = processed(write(tmp_path / "dags", entries, "acme/orders"))
    good = seen["schedules.py"]
    assert good["errors"] == {}, "an import error of this file would stop every DAG in it"
    assert set(good["dags"]) == {"hourly", "paused", "broken", "_ds_"}
    hourly = good["dags"]["hourly"]
    assert set(hourly["tags"]) == {"medallion", "tenant:acme", "connector:csv", "priority:high"}
    assert hourly["max_active_runs"] == 2
    assert "NullTimetable" in str(good["dags"]["paused"]["timetable"])
    created_paused = {name: dag["is_paused_upon_creation"] for name, dag in good["dags"].items()}
    assert created_paused == {"hourly": False, "paused": True, "broken": False, "_ds_": False}
    broken = good["dags"]["broken"]
    assert {"broken", "tenant:acme"} <= set(broken["tags"])
    assert "no job file" in broken["description"]
    assert "runner.yaml` line 8" in broken["doc_md"]
    assert seen["schedule_errors.py"]["dags"] == {}
    (error,) = seen["schedule_errors.py"]["errors"].values()
    assert f"{tmp_path}/dags/runner.yaml:8:24: runner.orchestrator.schedules.2.config: no job file" in error
    assert "runner.yaml:9:10: runner.orchestrator.schedules.3.name: invalid value '{{ ds }}'" in error
    assert "the name 'hourly' is taken by runner.yaml:6 — give each schedule its own name" in error


def test_a_worker_makes_the_dag_of_its_own_task_only(processed, tmp_path: Path):
    dags = write(tmp_path / "dags", schedule("a", "acme/orders") + schedule("b", "acme/orders"), "acme/orders")
    seen = processed(dags, _AIRFLOW_PARSING_CONTEXT_DAG_ID="b")
    assert set(seen["schedules.py"]["dags"]) == {"b"}


@pytest.mark.parametrize("settings", ["  mode: oneshot", "  orchestrator: {type: dagster}"])
def test_a_file_for_another_way_to_run_makes_no_dags(processed, tmp_path: Path, settings: str):
    dags = write(tmp_path / "dags", schedule("a", "acme/orders"), "acme/orders")
    text = (dags / "runner.yaml").read_text()
    old = "mode: orchestrated" if "mode" in settings else "type: airflow"
    new = "mode: oneshot" if "mode" in settings else "type: dagster"
    (dags / "runner.yaml").write_text(text.replace(old, new))
    assert processed(dags) == {stub: {"dags": {}, "errors": {}} for stub in ("schedules.py", "schedule_errors.py")}


def test_tenant_pods_have_its_secret_namespace_account_folder(processed, tmp_path: Path):
    dags = write(tmp_path / "dags", schedule("a", "acme/orders") + schedule("b", "globex/orders"), "acme/orders")
    write(dags, schedule("a", "acme/orders") + schedule("b", "globex/orders"), "globex/orders")
    tenant = {"namespace": "acme", "secret": "medallion-warehouse-acme", "serviceAccount": "medallion-step-acme"}
    seen = processed(dags, MEDALLION_TENANTS=json.dumps({"acme": tenant}))
    (pod,) = [task for task in tasks(seen["schedules.py"]["dags"]["a"]) if "arguments" in task]
    assert pod["namespace"] == "acme"
    assert "medallion-warehouse-acme" in str(pod["env_from"])
    (error,) = seen["schedule_errors.py"]["errors"].values()
    assert "unknown tenant 'globex' (configured: acme) — add `{name: globex}` to the chart's value" in error
