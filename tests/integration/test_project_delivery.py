"""The dbt project of a checkout as ConfigMaps: what a pod that may start a run is given."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration, CoreV1Api

from api_server import Cluster, serving
from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.errors import Misconfigured
from medallion.orchestrators.kubernetes.pod_result import StepPodFailed
from medallion.orchestrators.kubernetes.project_delivery import Delivery, deliver
from medallion.orchestrators.kubernetes.settings import Settings
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.project_archive import delivered, hash_files, unpack

PIPELINE = {"name": "p", "owner": "me", "models": "m", "layers": [{"name": "bronze"}, {"name": "gold"}]}
SOURCES = [{"name": "s", "path": "a.csv", "contract": "c"}]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with serving() as made:
        yield made


@pytest.fixture
def api(cluster: Cluster) -> CoreV1Api:
    return CoreV1Api(ApiClient(Configuration(host=f"http://127.0.0.1:{cluster.server.server_port}")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "dags" / "dbt"
    (folder / "models" / "m" / "gold").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: shop\n")
    (folder / "models" / "m" / "gold" / "a.sql").write_text("select 1")
    return folder


@pytest.fixture
def settings(project: Path) -> Settings:
    return replace(Settings.from_environment(), dags=project.parent)


@pytest.fixture
def send(settings: Settings, api: CoreV1Api) -> Callable[[], Delivery | None]:
    return lambda: deliver(plan(), plan().steps[0], settings, api)


def plan(**changes: Any) -> Plan:
    pipeline = Pipeline.model_validate({**PIPELINE, "sources": SOURCES, **changes})
    contract = Contract.model_validate({"name": "c", "table": "raw.c", "fields": [{"name": "a"}]})
    return make_plan(pipeline, {"c": contract}, RunContext("", "/landing", "abc"))


def received(cluster: Cluster, delivery: Delivery, folder: Path) -> tuple[str, bytes]:
    """What a pod finds that mounts the delivery's volume."""
    folder.mkdir()
    for source in delivery.volumes[0].projected.sources:
        for name, content in cluster.config_maps[source.config_map.name]["binaryData"].items():
            (folder / name).write_bytes(base64.b64decode(content))
    found = delivered(folder)
    assert found is not None
    return found[0], b"".join(part.read_bytes() for part in found[1])


def test_a_pod_gets_the_files_of_the_checkout(cluster: Cluster, send, project: Path, tmp_path: Path):
    delivery = send()
    digest, archive = received(cluster, delivery, tmp_path / "mounted")
    unpack(archive, tmp_path / "unpacked")
    assert digest == delivery.digest == hash_files(project) == hash_files(tmp_path / "unpacked")


def test_a_large_project_goes_in_parts(cluster: Cluster, send, project: Path, tmp_path: Path):
    (project / "seed.csv").write_bytes(base64.b64encode(os.urandom(3_000_000)))
    delivery = send()
    assert len(cluster.config_maps) > 3
    unpack(received(cluster, delivery, tmp_path / "mounted")[1], tmp_path / "unpacked")
    assert hash_files(tmp_path / "unpacked") == hash_files(project)
    assert send() == delivery


def test_unchanged_project_is_sent_once_oldest_commits_go(cluster: Cluster, send, project: Path):
    send()
    made = dict(cluster.config_maps)
    send()
    assert cluster.config_maps == made
    names = []
    for number in range(6):
        (project / "models" / "m" / "gold" / "a.sql").write_text(f"select {number}")
        names.append(f"medallion-project-{send().digest}-0")
    assert set(cluster.config_maps) == set(names[-4:])


def test_what_was_sent_in_part_is_sent_whole(cluster: Cluster, send, project: Path):
    (project / "seed.csv").write_bytes(base64.b64encode(os.urandom(3_000_000)))
    delivery = send()
    whole = dict(cluster.config_maps)
    del cluster.config_maps[f"medallion-project-{delivery.digest}-0"]  # the worker ended before the last part
    assert send() == delivery
    assert cluster.config_maps.keys() == whole.keys()


def test_without_project_or_dbt_step_nothing_is_sent(cluster: Cluster, settings: Settings, api: CoreV1Api):
    loads = plan(layers=[], models=None)
    assert deliver(loads, loads.steps[0], settings, api) is None
    (settings.dags / "dbt" / "dbt_project.yml").unlink()
    assert deliver(plan(), plan().steps[0], settings, api) is None
    assert cluster.config_maps == {}


def test_missing_packages_are_named_before_a_pod_starts(send, project: Path):
    (project / "packages.yml").write_text("packages: [{package: dbt-labs/dbt_utils, version: 1.3.3}]\n")
    with pytest.raises(Misconfigured, match="names 1 packages, and 0 are in its dbt_packages"):
        send()
    (project / "dbt_packages" / "dbt_utils").mkdir(parents=True)
    (project / "dbt_packages" / "dbt_utils" / "dbt_project.yml").write_text("name: dbt_utils\n")
    assert send()


@pytest.fixture
def execute(cluster: Cluster, api: CoreV1Api, settings: Settings) -> Callable[[str], Any]:
    """Runs a step of the plan as Airflow does; returns the pod that was asked for."""
    pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")
    from medallion.orchestrators.airflow.operator import pod_operator

    def run(name: str) -> Any:
        made = plan()
        step = pod_operator(next(one for one in made.tasks if one.name == name), made, settings)
        step.__dict__["client"], step.__dict__["hook"] = api, SimpleNamespace(is_in_cluster=True)
        ti = SimpleNamespace(dag_id="p", task_id=step.task_id, try_number=1, map_index=-1, xcom_push=lambda **_: None)
        cluster.ended = {"exitCode": 75, "reason": "Error", "message": ""}
        with pytest.raises(StepPodFailed):
            step.execute({"ti": ti, "run_id": "run-1", "dag": SimpleNamespace()})
        return cluster.asked[-1]

    return run


def test_first_step_brings_the_project_and_dbt_steps_know_it(execute, cluster, project: Path):
    for name, brings in (("clean.s", True), ("bronze", False), ("gold", False)):
        pod = execute(name)
        (container,) = pod["spec"]["containers"]
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert ("/medallion/project" in mounts) is brings, name
        task = wire.received([], "step", {one["name"]: one["value"] for one in container["env"]})
        assert task.plan == plan().with_project(hash_files(project)).task(name).plan
        if name != "clean.s":
            assert task.work.project == hash_files(project)
