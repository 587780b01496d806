"""The chart, rendered as Helm renders it: valid for Kubernetes, restricted, and the same every time."""

from __future__ import annotations

import base64
import copy
import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
CHART = REPO / "charts" / "medallion"
VALUES = {
    "default": [],
    "kind": ["--values", str(CHART / "values-kind.yaml")],
    "everything": ["--values", str(CHART / "ci" / "everything-values.yaml")],
    "external Postgres": ["--values", str(CHART / "values-external-postgres.yaml")],
    "external database": ["--set", "postgres.enabled=false,secrets.create=false"],
}
Manifest = dict[str, Any]
Render = Callable[[str], list[Manifest]]


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with its dependencies in place, away from the checkout."""
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    wanted = {f"{part['name']}-{part['version']}.tgz" for part in dependencies()}
    places = [
        Path(os.environ.get("MEDALLION_CHARTS_DIR", Path.home() / ".cache" / "medallion" / "charts")),
        CHART / "charts",
    ]
    archives = next((place for place in places if all((place / name).is_file() for name in wanted)), None)
    if archives is None:
        pytest.skip(f"no archives of {', '.join(sorted(wanted))}: run k8s/charts.sh or set MEDALLION_CHARTS_DIR")
    made = tmp_path_factory.mktemp("chart") / "medallion"
    shutil.copytree(CHART, made, ignore=shutil.ignore_patterns("charts"))
    (made / "charts").mkdir()
    for name in wanted:
        shutil.copy(archives / name, made / "charts")
    return made


def dependencies() -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load((CHART / "Chart.yaml").read_text())["dependencies"]
    return found


def helm(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *args], capture_output=True, text=True, timeout=120)


def template(chart: Path, *args: str) -> str:
    answer = helm("template", "medallion", str(chart), "--namespace", "data", *args)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="session")
def rendered(chart: Path) -> Callable[[str], str]:
    """The text that one of VALUES renders to."""
    return functools.cache(lambda values: template(chart, *VALUES[values]))


@pytest.fixture(scope="session")
def render(rendered: Callable[[str], str]) -> Render:
    """The manifests that one of VALUES renders to."""
    return functools.cache(lambda values: manifests(rendered(values)))


def manifests(text: str) -> list[Manifest]:
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(found: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod that the manifests lead to: name and spec, workers' pods too."""
    for manifest in found:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield title(manifest), spec["template"]["spec"]
        if template := manifest.get("data", {}).get("pod_template_file.yaml"):
            yield "worker", yaml.safe_load(template)["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def breaches(pod: Manifest) -> list[str]:
    """What the restricted Pod Security Standard would refuse.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    whole = pod.get("securityContext") or {}
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    found = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    found += [f"volume {volume['name']}" for volume in pod.get("volumes", []) if not set(volume) - {"name"} <= allowed]
    for container in containers(pod):
        own = container.get("securityContext") or {}
        both = {**whole, **own}
        rules = {
            "runAsNonRoot": both.get("runAsNonRoot") is True,
            "runAsUser": both.get("runAsUser") != 0,
            "seccompProfile": (both.get("seccompProfile") or {}).get("type") in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities": (own.get("capabilities") or {}).get("drop") == ["ALL"] and "add" not in own["capabilities"],
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
        }
        found += [f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found


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
    needed = {"medallion-prepare", "medallion-scheduler", "medallion-api-server", "medallion-worker-kubernetes"}
    # The clean-up job, where it is on, deletes pods; the tenants job, where there are tenants, reads their logins.
    assert holders - {"medallion-cleanup", "medallion-tenants"} == needed
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


def test_airflow_runs_the_pinned_version_under_the_kubernetes_executor(render: Render) -> None:
    images = {box["image"] for _, pod in pods(render("default")) for box in containers(pod)}
    assert {image for image in images if "airflow" in image} == {"medallion/airflow:0.1.0"}
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
    "setting", ["landng.size=1Gi", "landing.sise=1Gi", "global.images.cleaner=no-tag", "backups.bucket.url=s3://lake"]
)
def test_a_value_that_means_nothing_is_refused(setting: str, chart: Path) -> None:
    answer = helm("template", "medallion", str(chart), "--set", setting)
    assert answer.returncode != 0
    assert "values don't meet the specifications of the schema" in answer.stderr


@pytest.mark.parametrize("values", ["default", "everything"])
def test_helm_lint_has_nothing_to_say(values: str, chart: Path) -> None:
    answer = helm("lint", "--strict", str(chart), *VALUES[values])
    assert answer.returncode == 0, answer.stdout + answer.stderr


def of_kind(found: list[Manifest], kind: str, name: str) -> list[Manifest]:
    return [one for one in found if title(one) == f"{kind}/{name}"]


def test_the_dag_side_knows_where_each_tenants_steps_run(render: Render) -> None:
    (runtime,) = of_kind(render("everything"), "ConfigMap", "medallion-runtime")
    assert json.loads(runtime["data"]["MEDALLION_TENANTS"])["globex-eu"] == {
        "namespace": "globex",
        "secret": "medallion-warehouse-globex-eu",
        "serviceAccount": "medallion-step-globex-eu",
    }
    (alone,) = of_kind(render("default"), "ConfigMap", "medallion-runtime")
    assert alone["data"]["MEDALLION_TENANTS"] == "{}"


def test_a_tenant_with_a_namespace_has_quota_and_account_there(render: Render) -> None:
    found = render("everything")
    spaces = [one["metadata"]["name"] for one in found if one["kind"] == "Namespace"]
    assert spaces == ["globex"], "a namespace that is there already is not made"
    (quota,) = of_kind(found, "ResourceQuota", "medallion")
    assert (quota["metadata"]["namespace"], quota["spec"]["hard"]["pods"]) == ("globex", 10)
    (account,) = of_kind(found, "ServiceAccount", "medallion-step-globex-eu")
    assert account["metadata"]["namespace"] == "globex"
    launchers = of_kind(found, "RoleBinding", "medallion-launcher")
    assert {one["metadata"]["namespace"] for one in launchers} == {"globex", "initech"}
    accounts = {one["metadata"]["name"] for one in found if one["kind"] == "ServiceAccount"}
    assert {subject["name"] for one in launchers for subject in one["subjects"]} <= accounts


def test_a_tenants_landing_claim_is_none_that_an_install_would_wait_for(render: Render) -> None:
    found = render("everything")
    (claim,) = of_kind(found, "PersistentVolumeClaim", "medallion-landing")
    (scripts,) = of_kind(found, "ConfigMap", "medallion-tenants")
    assert yaml.safe_load(scripts["data"]["landing.yaml"]) == claim
    (role,) = [one for one in of_kind(found, "Role", "medallion-tenants") if one["metadata"]["namespace"] == "globex"]
    assert "persistentvolumeclaims" in role["rules"][0]["resources"]


def test_the_tenants_job_may_read_tenants_logins_and_no_other_secret(render: Render) -> None:
    rules = {
        one["metadata"]["namespace"]: one["rules"] for one in of_kind(render("everything"), "Role", "medallion-tenants")
    }
    assert [(rule["resourceNames"], rule["verbs"]) for rule in rules["data"]] == [
        (["medallion-warehouse-acme", "medallion-warehouse-globex-eu", "medallion-warehouse-initech"], ["get"])
    ]
    assert [rule.get("resourceNames") for rule in rules["globex"]] == [None, ["medallion-warehouse-globex-eu"]]


def test_without_tenants_nothing_is_made_for_them(render: Render) -> None:
    assert [title(one) for one in render("default") if "tenant" in title(one)] == []


def test_new_tenants_restart_the_pods_that_make_dags(chart: Path, render: Render) -> None:
    def annotation(found: list[Manifest]) -> str:
        (pod,) = of_kind(found, "Deployment", "medallion-dag-processor")
        return str(pod["spec"]["template"]["metadata"]["annotations"]["medallion/tenants"])

    changed = template(chart, "--set", "global.tenants[0].name=acme")
    assert annotation(manifests(changed)) != annotation(render("default"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["global.tenants[0].name=Acme"], "values don't meet the specifications of the schema"),
        (["global.tenants[0].name=a", "global.tenants[0].quota.pods=1"], "values don't meet the specifications"),
        (["global.tenants[0].name=a", "global.tenants[1].name=a"], "tenant a is listed twice"),
        (["global.tenants[0].name=a", "global.tenants[0].namespace=data"], "namespace data is taken"),
    ],
)
def test_tenants_that_would_share_what_is_theirs_are_refused(settings: list[str], message: str, chart: Path) -> None:
    answer = helm("template", "medallion", str(chart), "--namespace", "data", "--set", ",".join(settings))
    assert answer.returncode != 0
    assert message in answer.stderr


def test_the_pools_are_kept_beside_the_dag_processor(render: Render) -> None:
    (processor,) = of_kind(render("default"), "Deployment", "medallion-dag-processor")
    pod = processor["spec"]["template"]["spec"]
    boxes = {box["name"]: box for box in pod["containers"]}
    pools, main = boxes["pools"], boxes["dag-processor"]
    assert pools["image"] == main["image"]
    (dags,) = [mount["mountPath"] for mount in main["volumeMounts"] if mount["name"] == "dags"]
    assert pools["command"][-1] == f"{dags}/repo/dags" == pools["env"][0]["value"]


@pytest.fixture(scope="session")
def make_secrets() -> ModuleType:
    """The prepare job's script."""
    pytest.importorskip("kubernetes")
    return script(CHART / "files" / "make_secrets.py")


def script(path: Path) -> ModuleType:
    """A script that belongs to no package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_secrets_are_made_and_agree_with_each_other(make_secrets: ModuleType) -> None:
    made = make_secrets.complete({}, bundled=True)
    assert set(made) == {"medallion-airflow", "medallion-ui", "medallion-postgres", "medallion-warehouse"}
    assert made["medallion-postgres"]["warehouse-password"] == made["medallion-warehouse"]["PGPASSWORD"]
    assert made["medallion-postgres"]["airflow-password"] in made["medallion-airflow"]["connection"]
    assert len(base64.urlsafe_b64decode(made["medallion-airflow"]["fernet-key"])) == 32
    passwords = [value for secret in made.values() for key, value in secret.items() if "password" in key.lower()]
    assert min(map(len, passwords)) >= 24


def test_what_is_there_stays_and_only_missing_keys_are_added(make_secrets: ModuleType) -> None:
    first = make_secrets.complete({}, bundled=True)
    assert make_secrets.complete(first, bundled=True) == first
    del first["medallion-airflow"]["jwt-secret"], first["medallion-warehouse"]
    again = make_secrets.complete(first, bundled=True)
    assert again["medallion-airflow"]["jwt-secret"]
    assert first["medallion-airflow"].items() <= again["medallion-airflow"].items()
    assert again["medallion-warehouse"]["PGPASSWORD"] == first["medallion-postgres"]["warehouse-password"]


def test_an_external_database_needs_its_connections_first(make_secrets: ModuleType) -> None:
    with pytest.raises(make_secrets.KeysMissing, match="medallion-airflow/connection, medallion-warehouse/PGHOST"):
        make_secrets.complete({}, bundled=False)
    login = dict.fromkeys(make_secrets.PGKEYS, "given")
    given = {"medallion-airflow": {"connection": "postgresql://db"}, "medallion-warehouse": login}
    made = make_secrets.complete(given, bundled=False)
    assert made["medallion-warehouse"] == login
    assert made["medallion-airflow"]["connection"] == "postgresql://db"
    assert "medallion-postgres" not in made


def test_a_tenant_has_a_login_of_its_own_for_its_own_database(make_secrets: ModuleType) -> None:
    tenants = {"acme": "medallion-warehouse-acme", "globex-eu": "medallion-warehouse-globex-eu"}
    made = make_secrets.complete({}, bundled=True, tenants=tenants, namespace="data")
    login = made["medallion-warehouse-globex-eu"]
    assert (login["PGUSER"], login["PGDATABASE"]) == ("tenant_globex_eu", "tenant_globex_eu")
    assert login["PGHOST"] == "medallion-postgres.data.svc"
    assert login["PGPASSWORD"] not in (made["medallion-warehouse-acme"]["PGPASSWORD"], "")
    assert make_secrets.complete(made, bundled=True, tenants=tenants, namespace="data") == made


def test_a_tenant_of_an_external_database_needs_its_login_first(make_secrets: ModuleType) -> None:
    given = {"medallion-airflow": {"connection": "x"}, "medallion-warehouse": dict.fromkeys(make_secrets.PGKEYS, "x")}
    with pytest.raises(make_secrets.KeysMissing, match="medallion-warehouse-acme/PGHOST"):
        make_secrets.complete(given, bundled=False, tenants={"acme": "medallion-warehouse-acme"})


@pytest.mark.parametrize(
    ("values", "suspended"), [("default", False), ("external Postgres", False), ("external database", True)]
)
def test_backups_run_wherever_there_is_an_administrator_to_make_them(
    values: str, suspended: bool, render: Render
) -> None:
    job = next(one for one in render(values) if title(one) == "CronJob/medallion-backup")
    assert job["spec"]["suspend"] is suspended
    (box,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    named = {variable["name"] for variable in box["env"]}
    assert ("PGPASSWORD" in named) != ("envFrom" in box)


def backup_pod(found: list[Manifest]) -> Manifest:
    (job,) = of_kind(found, "CronJob", "medallion-backup")
    pod: Manifest = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def test_with_a_bucket_a_backup_needs_no_claim_and_the_dump_comes_first(render: Render) -> None:
    found = render("everything")
    assert of_kind(found, "PersistentVolumeClaim", "medallion-backups") == []
    pod = backup_pod(found)
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "backups"]
    assert volume["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "fast"
    (dump,), (bucket,) = pod["initContainers"], pod["containers"]
    assert (dump["name"], bucket["name"]) == ("dump", "bucket")
    assert bucket["image"] == "registry.example.com/medallion/cleaner:1"
    assert bucket["envFrom"] == [{"secretRef": {"name": "medallion-bucket"}}]
    assert {"name": "BACKUPS_URL", "value": "s3://backups/medallion"} in bucket["env"]


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


@pytest.fixture(scope="session")
def backup_job() -> ModuleType:
    """The script that makes jobs of the CronJob's own do something else."""
    return script(REPO / "k8s" / "backup_job.py")


@pytest.mark.parametrize(
    ("values", "arguments", "steps"),
    [
        ("default", ["now"], [("dump", "/scripts/backup.sh")]),
        ("default", ["list"], [("dump", "cd /backups && du -h 20*Z/*.dump")]),
        ("default", ["restore", "one/a.dump"], [("dump", "one/a.dump")]),
        ("everything", ["now"], [("dump", "/scripts/backup.sh"), ("bucket", "push")]),
        ("everything", ["list"], [("bucket", "list")]),
        ("everything", ["restore", "one/a.dump"], [("bucket", "one/a.dump"), ("dump", "one/a.dump")]),
    ],
)
def test_the_backup_job_can_list_and_restore_too(
    values: str, arguments: list[str], steps: list[tuple[str, str]], render: Render, backup_job: ModuleType
) -> None:
    job = {
        "metadata": {"ownerReferences": []},
        "spec": {"template": {"spec": copy.deepcopy(backup_pod(render(values)))}},
    }
    changed = backup_job.changed(job, *arguments)
    assert "ownerReferences" not in changed["metadata"]
    pod = changed["spec"]["template"]["spec"]
    assert [(box["name"], box["command"][-1]) for box in containers(pod)] == steps
    assert breaches(pod) == []
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "backups"]
    assert ("emptyDir" in volume) is (arguments == ["list"] and values == "everything")


def test_airflows_own_tables_and_logs_are_tidied(render: Render) -> None:
    job = next(one for one in render("default") if title(one) == "CronJob/medallion-database-cleanup")
    (box,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert "90 days" in box["args"][-1]
    scheduler = next(one for one in render("default") if title(one) == "Deployment/medallion-scheduler")
    groomer = next(one for one in scheduler["spec"]["template"]["spec"]["containers"] if "groomer" in one["name"])
    assert {"name": "AIRFLOW__LOG_RETENTION_DAYS", "value": "30"} in groomer["env"]
