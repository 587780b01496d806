"""DAGs: every pipeline of the project as Airflow sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bundles import bundle_settings

DAGS = Path(__file__).resolve().parents[2] / "dags"
pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


@pytest.fixture(scope="module")
def dag(airflow_home: None) -> Any:
    from medallion.orchestrators.airflow import pipeline_dag

    return pipeline_dag(str(DAGS / "pipelines" / "pipeline_customer_transaction.yaml"))


def test_tasks_are_grouped_and_ordered_as_the_plan_says(dag: Any):
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == {
        "Clean-Transactions.clean_and_transform_csv": set(),
        "Load-To-Postgres.load_cleaned_csv_to_postgres": {"Clean-Transactions.clean_and_transform_csv"},
        "DBT-Transformations.dbt_models.bronze": {"Load-To-Postgres.load_cleaned_csv_to_postgres"},
        "DBT-Transformations.dbt_models.silver": {"DBT-Transformations.dbt_models.bronze"},
        "DBT-Transformations.dbt_models.gold": {"DBT-Transformations.dbt_models.silver"},
    }


def test_a_dag_has_an_owner_tags_a_page_and_limits(dag: Any):
    assert dag.owner == "data-platform"
    assert {"medallion", "dbt", "end-to-end"} <= dag.tags
    assert "run ledger" in dag.doc_md
    assert (dag.max_active_runs, dag.catchup, dag.dagrun_timeout) == (1, False, timedelta(hours=2))


def test_images_keep_their_own_command(dag: Any):
    assert all(not task.cmds for task in dag.tasks if hasattr(task, "cmds"))


def test_pods_are_restricted_and_hold_no_password(dag: Any):
    from kubernetes.client import ApiClient

    plain = ApiClient().sanitize_for_serialization
    for task in (task for task in dag.tasks if hasattr(task, "arguments")):
        assert plain(task.security_context) == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert plain(task.container_security_context) == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert task.automount_service_account_token is False
        assert plain(task.env_from) == [{"secretRef": {"name": "medallion-warehouse"}}]
        assert not any("PASSWORD" in name for name in task.env_vars)
        assert task.container_resources.limits["memory"] == task.container_resources.requests["memory"]


def test_broken_pipeline_shows_its_error_others_stay(tmp_path: Path):
    folder = tmp_path / "dags"
    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pipelines" / "broken.yaml").write_text("name: broken\nowner: me\nlayer: []\n")
    code = (
        "from airflow.dag_processing.bundles.manager import DagBundlesManager\n"
        "from airflow.dag_processing.dagbag import DagBag\n"
        "bundle = DagBundlesManager().get_bundle('medallion')\n"
        "bundle.initialize()\n"
        "bag = DagBag(bundle.path)\n"
        "print(sorted(bag.dags)); print(*bag.import_errors.values())"
    )
    settings = {**os.environ, **bundle_settings(tmp_path / "airflow", folder)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env=settings,
        timeout=300,
    )
    assert "'pipeline_customer_transaction'" in done.stdout
    assert "broken.yaml:3:1: layer: unknown key 'layer' — did you mean 'layers'?" in done.stdout


def test_every_step_alerts_on_failure_and_on_recovery(dag: Any):
    steps = [task for task in dag.tasks if hasattr(task, "arguments")]
    assert [len(task.on_failure_callback) for task in steps] == [1] * len(steps)
    # The triggerer sends those of a success itself, as a callback would run at each plain success too.
    assert [len(task.on_success_callback) for task in steps] == [0] * len(steps)


def test_step_starts_from_its_trigger_or_by_a_setting_not(dag: Any, monkeypatch: pytest.MonkeyPatch):
    from medallion.orchestrators.airflow import pipeline_dag

    name = "DBT-Transformations.dbt_models.gold"
    task = dag.get_task(name)
    assert task.start_from_trigger
    assert task.start_trigger_args.trigger_kwargs["task"] == "gold"
    assert (task.execution_timeout, task.active_deadline_seconds) == (None, 1800)
    monkeypatch.setenv("MEDALLION_STEP_LAUNCHER", "worker")
    task = pipeline_dag(str(DAGS / "pipelines" / "pipeline_customer_transaction.yaml")).get_task(name)
    assert not task.start_from_trigger
    assert task.execution_timeout.total_seconds() == task.active_deadline_seconds == 1800
    assert len(task.on_success_callback) == 1


def test_pod_that_outlived_its_worker_is_adopted(monkeypatch: pytest.MonkeyPatch):
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from kubernetes.client import models as k8s

    from medallion.orchestrators.airflow import pipeline_dag
    from medallion.protocol.termination_message import TerminationMessage

    def left(words: TerminationMessage) -> k8s.V1Pod:
        ended = k8s.V1ContainerStateTerminated(exit_code=words.exit_code, message=words.to_json())
        container = k8s.V1ContainerStatus(
            name="base",
            image="i",
            image_id="i",
            ready=False,
            restart_count=0,
            state=k8s.V1ContainerState(terminated=ended),
        )
        return k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[container]))

    task = pipeline_dag(str(DAGS / "pipelines" / "pipeline_customer_transaction.yaml")).get_task(
        "DBT-Transformations.dbt_models.gold"
    )
    monkeypatch.setattr(KubernetesPodOperator, "get_or_create_pod", lambda *_: "another pod")
    asked = k8s.V1Pod(metadata=k8s.V1ObjectMeta(namespace="n"))
    succeeded = left(TerminationMessage("succeeded", 0, "2 models"))
    for pod, taken in (
        (succeeded, succeeded),
        (left(TerminationMessage("failed", 75, "away")), "another pod"),
        (None, "another pod"),
    ):
        monkeypatch.setattr(KubernetesPodOperator, "find_pod", lambda *_, found=pod, **__: found)
        assert task.get_or_create_pod(asked, {}) is taken


@pytest.mark.parametrize("left", [None, "running", "terminated"])
def test_a_worker_that_is_stopped_with_its_pod_is_no_success(left: str | None):
    from kubernetes.client import models as k8s

    from medallion.orchestrators.airflow import pipeline_dag
    from medallion.orchestrators.kubernetes.pod_result import StepPodFailed

    states = {
        "running": k8s.V1ContainerState(running=k8s.V1ContainerStateRunning()),
        "terminated": k8s.V1ContainerState(terminated=k8s.V1ContainerStateTerminated(exit_code=0)),
    }
    container = k8s.V1ContainerStatus(
        name="base", image="i", image_id="i", ready=False, restart_count=0, state=states.get(left or "")
    )
    pod = k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[container])) if left else None
    task = pipeline_dag(str(DAGS / "pipelines" / "pipeline_customer_transaction.yaml")).get_task(
        "DBT-Transformations.dbt_models.gold"
    )
    task.on_kill()
    with pytest.raises(StepPodFailed):
        task.cleanup(pod, pod)
