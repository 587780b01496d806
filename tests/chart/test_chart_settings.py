"""Each setting is made in one place: what depends on it follows, or the chart refuses to change it (case 29)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charts import IMAGES, VALUES, Manifest, containers, helm, manifests, of_kind, pods, template

CHANGED = {
    "airflow.dags.gitSync.subPath": "team/dags",
    "airflow.dags.mountPath": "/srv/checkout",
    "airflow.config.api.base_url": "https://x.example.com:8443/team/airflow/",
    "airflow.config.scheduler.scheduler_health_check_server_port": "9974",
    "airflow.ports.apiServer": "9080",
    "airflow.defaultAirflowRepository": "registry.example.com/airflow",
    "airflow.defaultAirflowTag": "v7",
    "airflow.imagePullSecrets[0].name": "pull",
    "airflow.nodeSelector.disk": "fast",
    "airflow.tolerations[0].key": "data",
    "airflow.tolerations[0].operator": "Exists",
    "postgres.service.port": "6432",
    "postgres.image.registry": "mirror.example.com",
    "postgres.image.tag": "v18",
    "postgres.storage.volumeName": "disk",
    "global.images.cleaner": "registry.example.com/cleaner:7",
    "global.images.dbt": "registry.example.com/dbt:7",
    "global.images.pullPolicy": "Always",
    "global.podTemplate.spec.priorityClassName": "batch",
    "global.tenants[0].name": "acme",
    "backups.retentionDays": "99",
}
"""Settings that the docs name, and values that stand nowhere else."""
CONSTANTS = (
    "/opt/airflow/dags",
    "repo/dags",
    ":8080",
    "postgres:17",
)
"""What the defaults would leave behind, where a template or a value repeated one."""


@pytest.fixture(scope="module")
def text(chart: Path) -> str:
    """The chart with every setting changed, under another release name and in another namespace."""
    values = [part for key, value in CHANGED.items() for part in ("--set", f"{key}={value}")]
    done = helm("template", "acme", str(chart), *IMAGES, "--namespace", "elsewhere", *values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def changed(text: str) -> list[Manifest]:
    return manifests(text)


def boxes(found: list[Manifest], name: str) -> Iterator[Manifest]:
    return (box for _, pod in pods(found) for box in containers(pod) if box["name"] == name)


def environment(box: Manifest) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in box.get("env", [])}


@pytest.mark.parametrize("constant", CONSTANTS)
def test_no_default_stands_where_a_setting_was_changed(constant: str, text: str) -> None:
    assert [line for line in text.splitlines() if constant in line] == []


def test_dag_folder_is_the_same_in_config_and_pods(changed: list[Manifest]) -> None:
    folder = "/srv/checkout/repo/team/dags"
    (config,) = of_kind(changed, "ConfigMap", "medallion-config")
    assert f"dags_folder = {folder}\n" in config["data"]["airflow.cfg"]
    for name in ("dag-processor", "triggerer"):
        (box,) = boxes(changed, name)
        assert "/srv/checkout" in [mount["mountPath"] for mount in box["volumeMounts"] if mount["name"] == "dags"]


def test_path_of_base_url_reaches_the_scripts(changed: list[Manifest]) -> None:
    (runtime,) = of_kind(changed, "ConfigMap", "medallion-runtime")
    assert runtime["data"]["MEDALLION_UI_PATH"] == "/team/airflow"
    (config,) = of_kind(changed, "ConfigMap", "medallion-config")
    url = "execution_api_server_url = http://medallion-api-server:9080/team/airflow/execution/\n"
    assert url in config["data"]["airflow.cfg"]


def test_probes_ask_the_port_that_the_configuration_names(changed: list[Manifest], tmp_path: Path) -> None:
    (config,) = of_kind(changed, "ConfigMap", "medallion-config")
    assert "scheduler_health_check_server_port = 9974\n" in config["data"]["airflow.cfg"]
    (tmp_path / "airflow.cfg").write_text(config["data"]["airflow.cfg"])
    (tmp_path / "curl").write_text('#!/bin/sh\nfor last; do :; done; echo "$last"\n')
    (tmp_path / "curl").chmod(0o755)
    variables = {"AIRFLOW_HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    (scheduler,) = boxes(changed, "scheduler")
    for probe in ("startupProbe", "livenessProbe"):
        command = scheduler[probe]["exec"]["command"]
        assert (
            subprocess.check_output(command, env=variables, text=True, timeout=300) == "http://localhost:9974/health\n"
        )
    (server,) = boxes(changed, "api-server")
    assert {server[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {9080}


def test_postgres_port_reaches_backups_tenants_and_secrets(changed: list[Manifest]) -> None:
    (service,) = of_kind(changed, "Service", "medallion-postgres")
    assert [port["port"] for port in service["spec"]["ports"]] == [6432]
    for name in ("dump", "tenants"):
        assert [environment(box)["PGPORT"] for box in boxes(changed, name)] == ["6432"]
    (prepare,) = boxes(changed, "prepare")
    assert environment(prepare)["POSTGRES_PORT"] == "6432"


def test_backups_use_the_image_of_the_server(changed: list[Manifest]) -> None:
    images = {box["image"] for name in ("postgres", "postgres-init", "dump") for box in boxes(changed, name)}
    assert images == {"mirror.example.com/postgres:v18"}


def test_claim_of_postgres_is_the_one_that_prepare_looks_for(changed: list[Manifest]) -> None:
    (database,) = of_kind(changed, "StatefulSet", "medallion-postgres")
    (claim,) = database["spec"]["volumeClaimTemplates"]
    name = f"{claim['metadata']['name']}-medallion-postgres-0"
    (prepare,) = boxes(changed, "prepare")
    (role,) = of_kind(changed, "Role", "medallion-prepare")
    assert environment(prepare)["POSTGRES_CLAIM"] == name
    assert [name] in [rule.get("resourceNames") for rule in role["rules"]]


def test_images_and_pull_secrets_hold_for_jobs_and_steps(changed: list[Manifest]) -> None:
    for name in ("prepare", "tenants", "ready", "scheduler"):
        assert {box["image"] for box in boxes(changed, name)} == {"registry.example.com/airflow:v7"}
    accounts = [one for one in changed if one["kind"] == "ServiceAccount"]
    steps = {
        one["metadata"]["name"]: one.get("imagePullSecrets") for one in accounts if "step" in one["metadata"]["name"]
    }
    assert steps == {key: [{"name": "pull"}] for key in ("medallion-step", "medallion-step-acme")}


def test_jobs_run_on_the_nodes_that_airflow_runs_on(changed: list[Manifest]) -> None:
    placed = {
        name: (pod.get("nodeSelector"), pod.get("tolerations"))
        for name, pod in pods(changed)
        if not name.startswith("StatefulSet/")  # Postgres has values of its own
    }
    assert {
        name for name, place in placed.items() if place != ({"disk": "fast"}, [{"key": "data", "operator": "Exists"}])
    } == set()


def test_no_object_has_the_release_in_its_name(changed: list[Manifest]) -> None:
    names = {one["metadata"]["name"] for one in changed}
    assert {name for name in names if not name.startswith("medallion")} == set()


def test_wait_waits_for_every_part_of_airflow(changed: list[Manifest]) -> None:
    probed = {"scheduler", "api-server", "git-sync", "ready", "postgres"}
    jobs = {"dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}  # `ready`, in the same pod, asks for them
    for name, pod in pods(changed):
        if name.split("/")[0] not in ("Deployment", "StatefulSet"):
            continue
        names = {box["name"] for box in pod["containers"]}
        waited = {box["name"] for box in pod["containers"] if "startupProbe" in box or "readinessProbe" in box}
        assert waited == names & probed, name
        asked = [box["startupProbe"]["exec"]["command"][-1] for box in pod["containers"] if box["name"] == "ready"]
        assert asked == [jobs.pop(one) for one in names & jobs.keys()]
    assert jobs == {}


FIXED = {
    "airflow.useStandardNaming": "false",
    "airflow.fullnameOverride": "mine",
    "airflow.fernetKeySecretName": "mine",
    "airflow.jwtSecretName": "mine",
    "airflow.apiSecretKeySecretName": "mine",
    "airflow.data.metadataSecretName": "mine",
    "airflow.config.scheduler.enable_health_check": "False",
    "postgres.fullnameOverride": "mine",
    "postgres.useDeployment": "true",
    "postgres.settings.existingSecret": "mine",
    "postgres.settings.superuser.value": "admin",
    "postgres.settings.superuserPassword.secretKey": "mine",
    "postgres.extraScripts": "mine",
    "postgres.env[0].name": "MINE",
}
"""What names in commands, Secrets and docs depend on."""


@pytest.fixture(scope="module")
def refusal(chart: Path) -> str:
    answer = helm(
        "template", "medallion", str(chart), *IMAGES, "--set", ",".join(f"{key}={FIXED[key]}" for key in FIXED)
    )
    assert answer.returncode != 0
    return answer.stderr


@pytest.mark.parametrize("setting", FIXED)
def test_what_names_depend_on_cannot_be_changed(setting: str, refusal: str) -> None:
    path = setting.removesuffix(".value").replace("[0].name", "").replace(".", "/")
    assert f"at '/{path}'" in refusal


def test_pod_template_reaches_the_orchestrator(changed: list[Manifest]) -> None:
    (runtime,) = of_kind(changed, "ConfigMap", "medallion-runtime")
    assert json.loads(runtime["data"]["MEDALLION_POD_TEMPLATE"]) == {"spec": {"priorityClassName": "batch"}}


def test_kind_values_replace_a_teams_git_settings(chart: Path, tmp_path: Path):
    team = {"repo": "https://git.example.com/team.git", "ref": "releases-7", "subPath": "team/dags"}
    secrets = {"credentialsSecret": "team-git-login", "sshKeySecret": "team-deploy-key"}
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"airflow": {"dags": {"gitSync": {**team, **secrets}}}}))
    text = template(chart, "--values", str(values), *VALUES["kind"])
    assert "team/dags" in text
    assert [word for word in (team["repo"], team["ref"], *secrets.values()) if word in text] == []
