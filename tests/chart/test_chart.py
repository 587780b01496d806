"""The chart, rendered as Helm renders it: valid for Kubernetes, restricted, and the same every time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from charts import (
    CHART,
    IMAGES,
    REGISTRY,
    REPO,
    VALUES,
    Manifest,
    Render,
    breaches,
    containers,
    helm,
    manifests,
    of_kind,
    pods,
    template,
    title,
)
from medallion import __version__


def test_every_manifest_is_valid_for_kubernetes(render: Render) -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    distinct = {json.dumps(manifest, default=str): manifest for values in VALUES for manifest in render(values)}
    for manifest in distinct.values():
        validator.validate(manifest, "1.34", strict=True)


@pytest.mark.parametrize("values", VALUES)
def test_every_pod_meets_the_restricted_standard(values: str, render: Render) -> None:
    found = dict(pods(render(values)))
    assert {"worker", "Job/medallion-prepare", "Deployment/medallion-scheduler"} <= set(found)
    assert {name: broken for name, pod in found.items() if (broken := breaches(pod))} == {}


@pytest.mark.parametrize("file", ["git-server/manifest.yaml", "put-pod.yaml", "dbt-debug-pod.yaml"])
def test_the_scripts_own_pods_meet_the_restricted_standard(file: str) -> None:
    found = manifests((REPO / "k8s" / file).read_text())
    bare = [manifest["spec"] for manifest in found if manifest["kind"] == "Pod"]
    specs = bare or [pod for _, pod in pods(found)]
    assert specs
    assert [breaches(pod) for pod in specs] == [[]]


def test_two_renders_are_equal(chart: Path, rendered: Callable[[str], str]) -> None:
    assert template(chart, *VALUES["everything"]) == rendered("everything")


@pytest.mark.parametrize("values", VALUES)
def test_no_secret_and_no_password_is_rendered(values: str, rendered: Callable[[str], str], render: Render) -> None:
    assert [title(manifest) for manifest in render(values) if manifest["kind"] == "Secret"] == []
    literal = re.compile(r"(?i)(password|secret_key|fernet_key)\s*[=:]\s*[\"']?(admin|postgres|airflow)\b")
    assert literal.findall(rendered(values)) == []


@pytest.mark.parametrize("values", VALUES)
def test_only_pods_that_speak_to_kubernetes_get_its_token(values: str, render: Render) -> None:
    found = render(values)
    accounts = {one["metadata"]["name"]: one for one in found if one["kind"] == "ServiceAccount"}
    used = {pod["serviceAccountName"] for _, pod in pods(found)}
    holders = {name for name in used if accounts[name].get("automountServiceAccountToken", True)}
    starters = {"medallion-scheduler", "medallion-worker-kubernetes", "medallion-triggerer"}
    needed = {"medallion-prepare", "medallion-api-server", *starters}
    # The clean-up job, where it is on, deletes pods; the tenants job, where there are tenants, reads their logins; the
    # watch of backups reads how their jobs ended.
    assert holders - {"medallion-cleanup", "medallion-tenants"} == needed | {"medallion-backup-watch"}
    steps = [account for name, account in accounts.items() if name.startswith("medallion-step")]
    assert all(account["automountServiceAccountToken"] is False for account in steps)


def test_every_airflow_pod_knows_the_deployment(render: Render) -> None:
    lacking = [
        name
        for name, pod in pods(render("default"))
        for container in containers(pod)
        if container["name"] in ("base", "scheduler", "dag-processor", "triggerer", "api-server")
        if {"configMapRef": {"name": "medallion-runtime"}} not in container["envFrom"]
    ]
    assert lacking == []


def test_airflow_has_pinned_version_and_kubernetes_executor(render: Render) -> None:
    images = {box["image"] for _, pod in pods(render("default")) for box in containers(pod)}
    assert {image for image in images if "airflow" in image} == {f"{REGISTRY}/airflow:{__version__}"}
    assert "ARG AIRFLOW_IMAGE=apache/airflow:3.3.2\n" in (REPO / "images" / "airflow" / "Dockerfile").read_text()
    config = next(one for one in render("default") if title(one) == "ConfigMap/medallion-config")
    assert "executor = KubernetesExecutor\n" in config["data"]["airflow.cfg"]


def test_new_images_restart_the_pods_that_make_dags(chart: Path, render: Render) -> None:
    def annotation(found: list[Manifest]) -> str:
        pod = next(one for one in found if title(one) == "Deployment/medallion-dag-processor")["spec"]["template"]
        return str(pod["metadata"]["annotations"]["medallion/images"])

    changed = template(chart, "--set", "global.images.dbt=other/dbt:2")
    assert annotation(manifests(changed)) != annotation(render("default"))


@pytest.mark.parametrize(
    "setting",
    [
        "persistance.landing.size=1Gi",
        "persistence.landing.sise=1Gi",
        "landing.size=1Gi",
        "global.images.cleaner=no-tag",
        "backups.bucket.url=s3://lake",
    ],
)
def test_a_value_that_means_nothing_is_refused(setting: str, chart: Path) -> None:
    answer = helm("template", "medallion", str(chart), *IMAGES, "--set", setting)
    assert answer.returncode != 0
    assert "values don't meet the specifications of the schema" in answer.stderr


@pytest.mark.parametrize("values", ["default", "everything"])
def test_helm_lint_has_nothing_to_say(values: str, chart: Path) -> None:
    answer = helm("lint", "--strict", str(chart), *IMAGES, *VALUES[values])
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("setting", "missing"),
    [
        (f"airflow.defaultAirflowRepository={REGISTRY}/airflow", "global.images.registry is empty"),
        (f"global.images.registry={REGISTRY}", "airflow.defaultAirflowRepository is empty"),
    ],
)
def test_the_registry_has_no_default(setting: str, missing: str, chart: Path) -> None:
    answer = helm("template", "medallion", str(chart), "--set", setting)
    assert answer.returncode != 0
    assert missing in answer.stderr
    assert "registry.example.com" in answer.stderr


def test_images_carry_the_version_of_the_chart_and_the_wheel(render: Render) -> None:
    (runtime,) = of_kind(render("default"), "ConfigMap", "medallion-runtime")
    assert runtime["data"]["MEDALLION_CLEANER_IMAGE"] == f"{REGISTRY}/cleaner:{__version__}"
    assert runtime["data"]["MEDALLION_DBT_IMAGE"] == f"{REGISTRY}/dbt:{__version__}"
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert metadata["version"] == metadata["appVersion"] == __version__


@pytest.mark.parametrize("values", VALUES)
def test_every_claim_has_a_pod_that_an_install_waits_with(values: str, render: Render) -> None:
    found = render(values)
    own = [one["metadata"] for one in found if one["kind"] == "PersistentVolumeClaim"]
    claims = {claim["name"] for claim in own}
    mounted = {
        volume["persistentVolumeClaim"]["claimName"]
        for name, pod in pods(found)
        if name != "worker" and not name.startswith("CronJob/")
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    assert claims <= mounted


def test_airflows_own_tables_logs_and_pods_are_tidied(render: Render) -> None:
    job = next(one for one in render("default") if title(one) == "CronJob/medallion-database-cleanup")
    (box,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert "90 days" in box["args"][-1]
    assert any(title(one) == "CronJob/medallion-cleanup" for one in render("default")), "of pods of broken workers"
    scheduler = next(one for one in render("default") if title(one) == "Deployment/medallion-scheduler")
    groomer = next(one for one in scheduler["spec"]["template"]["spec"]["containers"] if "groomer" in one["name"])
    assert {"name": "AIRFLOW__LOG_RETENTION_DAYS", "value": "30"} in groomer["env"]
