"""Tenants in the chart: namespaces, quotas, logins and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from charts import (
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
