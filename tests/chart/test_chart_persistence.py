"""The volumes of the chart: claims that it creates, claims that exist, and none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from charts import IMAGES, Render, helm, manifests, of_kind, template

EXISTING = [
    "--set",
    "persistence.landing.existingClaim=files,persistence.logs.existingClaim=tasks,persistence.backups.existingClaim=dumps,"
    "airflow.logs.persistence.existingClaim=tasks",
]


def claims(found: list[dict[str, Any]]) -> set[str]:
    return {one["metadata"]["name"] for one in found if one["kind"] == "PersistentVolumeClaim"}


def job_claims(found: list[dict[str, Any]]) -> list[str]:
    (job,) = of_kind(found, "Job", "medallion-claims")
    volumes = job["spec"]["template"]["spec"]["volumes"] or []
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes]


def test_chart_creates_a_claim_for_each_volume(render: Render):
    found = render("default")
    assert {"medallion-landing", "medallion-logs", "medallion-backups"} <= claims(found)
    assert job_claims(found) == ["medallion-landing", "medallion-backups"]


def test_chart_uses_existing_claims(chart: Path):
    text = template(chart, *EXISTING)
    found = manifests(text)
    assert not {name for name in claims(found) if name.startswith("medallion-")}
    assert job_claims(found) == ["files", "dumps"]
    (runtime,) = of_kind(found, "ConfigMap", "medallion-runtime")
    assert runtime["data"]["MEDALLION_LANDING_CLAIM"] == "files"
    (backup,) = of_kind(found, "CronJob", "medallion-backup")
    volumes = backup["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "backups", "persistentVolumeClaim": {"claimName": "dumps"}} in volumes
    assert "claimName: tasks" in text
    assert "claimName: medallion-" not in text


def test_chart_without_volumes_has_no_claims(chart: Path):
    off = [f"persistence.{name}.enabled=false" for name in ("landing", "logs", "backups")]
    settings = [*off, "airflow.logs.persistence.enabled=false", "backups.enabled=false"]
    found = manifests(template(chart, "--set", ",".join(settings)))
    assert not {name for name in claims(found) if name.startswith("medallion-")}
    assert job_claims(found) == []


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("persistence.logs.enabled=false", "set airflow.logs.persistence.enabled to false too"),
        ("persistence.logs.existingClaim=tasks", "set airflow.logs.persistence.existingClaim to tasks too"),
        ("persistence.backups.enabled=false", "set backups.bucket.url, or backups.enabled to false"),
    ],
)
def test_chart_refuses_a_volume_that_a_pod_would_miss(setting: str, hint: str, chart: Path):
    answer = helm("template", "medallion", str(chart), *IMAGES, "--set", setting)
    assert answer.returncode != 0
    assert hint in answer.stderr
