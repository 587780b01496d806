"""Tenants in the chart: namespaces, quotas, logins and what is refused."""

from __future__ import annotations

import json
import os
import random
import re
import string
from pathlib import Path

import pytest
import yaml

from charts import (
    IMAGES,
    Manifest,
    Render,
    helm,
    manifests,
    of_kind,
    template,
    title,
)


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
    assert {one["metadata"]["namespace"] for one in launchers} == {"data", "globex", "initech"}
    roles = of_kind(found, "Role", "medallion-launcher")
    brings = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get", "list", "delete"]}]
    assert {one["metadata"]["namespace"]: one["rules"][-1:] for one in roles} == dict.fromkeys(
        ("data", "globex", "initech"), brings
    )
    (limits,) = (rule for one in roles for rule in one["rules"] if rule["verbs"] == ["update"])
    assert limits["resourceNames"] == ["medallion-admissions"]
    accounts = {one["metadata"]["name"] for one in found if one["kind"] == "ServiceAccount"}
    assert {subject["name"] for one in launchers for subject in one["subjects"]} <= accounts


def test_install_does_not_wait_for_a_tenants_landing_claim(render: Render) -> None:
    found = render("everything")
    (claim,) = of_kind(found, "PersistentVolumeClaim", "medallion-landing")
    (scripts,) = of_kind(found, "ConfigMap", "medallion-tenants")
    assert yaml.safe_load(scripts["data"]["landing.yaml"]) == claim
    (role,) = [one for one in of_kind(found, "Role", "medallion-tenants") if one["metadata"]["namespace"] == "globex"]
    assert "persistentvolumeclaims" in role["rules"][0]["resources"]


def test_tenant_namespace_gets_a_claim_despite_an_existing_one(chart: Path) -> None:
    settings = "persistence.landing.existingClaim=files,global.tenants[0].name=acme,global.tenants[0].namespace=acme"
    found = manifests(template(chart, "--set", settings))
    (scripts,) = of_kind(found, "ConfigMap", "medallion-tenants")
    assert yaml.safe_load(scripts["data"]["landing.yaml"])["metadata"]["name"] == "files"


def test_tenants_job_reads_only_the_secrets_of_tenants(render: Render) -> None:
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
        (["global.tenants[0].name=a-reader"], "tenant a-reader: a name must not end with -reader"),
    ],
)
def test_tenants_that_would_share_what_is_theirs_are_refused(settings: list[str], message: str, chart: Path) -> None:
    answer = helm("template", "medallion", str(chart), *IMAGES, "--namespace", "data", "--set", ",".join(settings))
    assert answer.returncode != 0
    assert message in answer.stderr


@pytest.mark.fuzz
def test_fuzz_names_of_tenants_make_names_that_kubernetes_takes(chart: Path, tmp_path: Path) -> None:
    dice = random.Random(20261125)
    letters, inner = string.ascii_lowercase, string.ascii_lowercase + string.digits + "-"
    names = {"a", "a" * 31, "no", "null", "on", "y", "e1", "true", "postgres", "public"}
    for _ in range(40 * int(os.environ.get("MEDALLION_FUZZ", "1"))):
        names.add((dice.choice(letters) + "".join(dice.choices(inner, k=dice.randint(0, 29)))).rstrip("-"))
    wanted = [name for name in sorted(names) if not name.endswith("-reader")]
    tenants = [{"name": name, "namespace": f"{'0' if place % 2 else ''}{place}"} for place, name in enumerate(wanted)]
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"global": {"tenants": tenants}}))
    answer = helm("template", "7", str(chart), *IMAGES, "--namespace", "123", "--values", str(values))
    assert answer.returncode == 0, answer.stderr
    found = [one for one in manifests(answer.stdout) if "medallion" in one["metadata"]["name"]]
    found = [one for one in found if one["metadata"]["labels"].get("app.kubernetes.io/part-of") == "medallion"]
    spaces = [one["metadata"].get("namespace", "") for one in found]
    assert [space for space in spaces if not isinstance(space, str)] == []
    wrong = [
        title(one) for one in found if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", one["metadata"]["name"])
    ]
    values_of_labels = {value for one in found for value in (one["metadata"].get("labels") or {}).values()}
    wrong += [value for value in values_of_labels if not re.fullmatch(r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", value)]
    assert wrong == []
    (runtime,) = of_kind(found, "ConfigMap", "medallion-runtime")
    assert json.loads(runtime["data"]["MEDALLION_TENANTS"]).keys() == {tenant["name"] for tenant in tenants}
