"""When a failed backup becomes an alert, and what it says."""

from __future__ import annotations

from datetime import datetime, timezone
from types import ModuleType
from typing import Any

import pytest

from charts import CHART, Render, of_kind, script

k8s = pytest.importorskip("kubernetes.client")


@pytest.fixture(scope="module")
def watch() -> ModuleType:
    return script(CHART / "files" / "watch_backups.py")


def at(hour: int) -> datetime:
    return datetime(2026, 11, 25, hour, tzinfo=timezone.utc)


def cronjob(succeeded: datetime | None) -> Any:
    template = k8s.V1JobTemplateSpec(metadata=k8s.V1ObjectMeta())
    spec = k8s.V1CronJobSpec(schedule="30 2 * * *", job_template=template)
    meta = k8s.V1ObjectMeta(uid="own", namespace="data")
    return k8s.V1CronJob(metadata=meta, spec=spec, status=k8s.V1CronJobStatus(last_successful_time=succeeded))


def job(name: str, hour: int, *conditions: str, owner: str = "own") -> Any:
    owned = [k8s.V1OwnerReference(api_version="batch/v1", kind="CronJob", name="medallion-backup", uid=owner)]
    meta = k8s.V1ObjectMeta(name=name, uid=name, creation_timestamp=at(hour), owner_references=owned)
    found = [k8s.V1JobCondition(type=kind, status="True", reason="Why", message="because") for kind in conditions]
    return k8s.V1Job(metadata=meta, status=k8s.V1JobStatus(conditions=found))


@pytest.mark.parametrize(
    ("succeeded", "jobs", "expected"),
    [
        (None, [], None),
        (None, [job("a", 4)], None),
        (None, [job("a", 1, "Failed")], "a"),
        (None, [job("a", 1, "Failed"), job("b", 2, "Failed"), job("c", 4)], "b"),
        (at(2), [job("a", 1, "Failed"), job("b", 2, "Complete")], None),
        (at(2), [job("a", 1, "Complete"), job("b", 3, "FailureTarget", "Failed")], "b"),
        (at(2), [job("b", 3, "Failed", owner="another")], None),
    ],
)
def test_a_failure_counts_until_a_backup_succeeds(
    succeeded: datetime | None, jobs: list[Any], expected: str | None, watch: ModuleType
) -> None:
    found = watch.trouble(cronjob(succeeded), jobs, [], at(4))
    assert (found and (found[0].metadata.name, found[1])) == (expected and (expected, "failed: Why: because"))


def pod(phase: str, reason: str = "") -> Any:
    waiting = k8s.V1ContainerStateWaiting(reason=reason, message="of this")
    box = k8s.V1ContainerStatus(
        name="dump", image="i", image_id="", ready=False, restart_count=0, state=k8s.V1ContainerState(waiting=waiting)
    )
    meta = k8s.V1ObjectMeta(labels={"job-name": "a"})
    return k8s.V1Pod(metadata=meta, status=k8s.V1PodStatus(phase=phase, container_statuses=[box] if reason else None))


@pytest.mark.parametrize(
    ("hour", "pods", "why"),
    [
        (1, [], "has no pod: Kubernetes does not take it (a quota or a policy)"),
        (1, [pod("Pending")], "does not start: no node takes its pod"),
        (1, [pod("Pending", "CreateContainerConfigError")], "does not start: CreateContainerConfigError: of this"),
        (1, [pod("Pending", "ImagePullBackOff")], "does not start: ImagePullBackOff: of this"),
        (1, [pod("Running", "PodInitializing")], ""),
        (1, [pod("Running")], ""),
        (4, [], ""),
    ],
)
def test_a_backup_that_cannot_start_counts_as_failed(hour: int, pods: list[Any], why: str, watch: ModuleType) -> None:
    found = watch.trouble(cronjob(None), [job("a", hour)], pods, at(4))
    assert (found[1] if found else "") == why


def test_the_alert_says_why_and_what_to_do(watch: ModuleType) -> None:
    title, text = watch.message(cronjob(at(2)), (job("medallion-backup-7", 3), "failed: Why: because"))
    assert title == "the backup of data failed"
    for words in ("medallion-backup-7 failed: Why: because", "2026-11-25 02:00 UTC", "kubectl -n data logs job/"):
        assert words in text


@pytest.mark.parametrize(
    ("succeeded", "sent", "expected"),
    [(None, "", False), (at(2), "", False), (None, f"{at(3).isoformat()} uid", False)]
    + [(at(hour), f"{at(3).isoformat()} uid", hour > 3) for hour in (2, 4)],
)
def test_only_a_success_ends_an_alert(succeeded: datetime | None, sent: str, expected: bool, watch: ModuleType) -> None:
    assert watch.recovered(cronjob(succeeded), sent) is expected


def test_backups_that_work_again_are_an_alert_too(watch: ModuleType) -> None:
    assert watch.message(cronjob(at(2)), None)[0] == "backups of data work again"


def test_without_a_channel_the_alert_stays_due(
    watch: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MEDALLION_ALERT_HOOK", raising=False)
    assert watch.send("title", "text", "failure") == ["log only"]
    assert "put MEDALLION_ALERT_… into the Secret medallion-alerts" in capsys.readouterr().err


def test_a_channel_that_fails_is_named_without_its_url(
    watch: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.setenv("MEDALLION_ALERT_HOOK", "json://user:hush@127.0.0.1:9/")
    monkeypatch.setenv("MEDALLION_ALERT_ODD", "hush")
    assert watch.send("title", "text", "failure") == ["hook", "odd"]
    answer = capsys.readouterr()
    assert "the alert channel hook did not take it" in answer.err
    assert "hush" not in answer.out + answer.err


@pytest.mark.parametrize(("values", "suspended"), [("default", False), ("external database", True)])
def test_backups_are_watched_where_they_are_made(values: str, suspended: bool, render: Render) -> None:
    (watched,) = of_kind(render(values), "CronJob", "medallion-backup-watch")
    (made,) = of_kind(render(values), "CronJob", "medallion-backup")
    assert watched["spec"]["suspend"] is made["spec"]["suspend"] is suspended
    assert made["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 12 * 3600
