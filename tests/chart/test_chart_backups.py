"""Backups in the chart: the CronJob, its pod with and without a bucket, and the jobs made of it."""

from __future__ import annotations

import copy
from types import ModuleType

import pytest

from charts import (
    REPO,
    Manifest,
    Render,
    breaches,
    containers,
    of_kind,
    script,
    title,
)


@pytest.mark.parametrize(
    ("values", "suspended"), [("default", False), ("external Postgres", False), ("external database", True)]
)
def test_backups_run_if_an_administrator_login_exists(values: str, suspended: bool, render: Render) -> None:
    job = next(one for one in render(values) if title(one) == "CronJob/medallion-backup")
    assert job["spec"]["suspend"] is suspended
    (box,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    named = {variable["name"] for variable in box["env"]}
    assert ("PGPASSWORD" in named) != ("envFrom" in box)


def backup_pod(found: list[Manifest]) -> Manifest:
    (job,) = of_kind(found, "CronJob", "medallion-backup")
    pod: Manifest = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def test_bucket_backup_needs_no_claim_and_dumps_first(render: Render) -> None:
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
