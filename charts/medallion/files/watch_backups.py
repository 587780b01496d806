"""Sends an alert when a scheduled backup has failed or cannot start, and another one when backups work again.

Channels are all those of the Secret medallion-alerts: `MEDALLION_ALERT_<NAME>`, an Apprise URL each. An annotation of
the CronJob holds what was sent, so one failure is one alert. If a channel does not take it, the next look sends it
again.
"""

import logging
import os
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

from kubernetes import client, config

CRONJOB = "medallion-backup"
SENT = "medallion/backup-alert"
PREFIX = "MEDALLION_ALERT_"
PATIENCE = timedelta(minutes=15)
STARTING = ("PodInitializing", "ContainerCreating")
NEVER = datetime.min.replace(tzinfo=timezone.utc)


def trouble(cronjob: Any, jobs: list[Any], pods: list[Any], now: datetime) -> tuple[Any, str] | None:
    """Return the newest job of a CronJob that failed or is stuck since the last success, and why."""
    succeeded = cronjob.status.last_successful_time or NEVER
    own = [
        job for job in jobs if any(owner.uid == cronjob.metadata.uid for owner in job.metadata.owner_references or [])
    ]
    for job in sorted(own, key=lambda job: job.metadata.creation_timestamp, reverse=True):
        if job.metadata.creation_timestamp > succeeded and (why := failed(job) or stuck(job, pods, now)):
            return job, why
    return None


def failed(job: Any) -> str:
    """Return why a job failed; an empty text if it did not."""
    found = (one for one in job.status.conditions or [] if one.type == "Failed" and one.status == "True")
    return next((f"failed: {one.reason}: {one.message}" for one in found), "")


def stuck(job: Any, pods: list[Any], now: datetime) -> str:
    """Return why a job does not get to work; an empty text if it does, has ended, or is new."""
    if job.status.conditions or now - job.metadata.creation_timestamp < PATIENCE:
        return ""
    own = [pod for pod in pods if (pod.metadata.labels or {}).get("job-name") == job.metadata.name]
    if not own:
        return "has no pod: Kubernetes does not take it (a quota or a policy)"
    for pod in own:
        boxes = [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]
        waits = [box.state.waiting for box in boxes if box.state and box.state.waiting]
        for wait in waits:
            if wait.reason not in STARTING:
                return f"does not start: {wait.reason}: {wait.message}"
        if pod.status.phase == "Pending" and not boxes:
            return "does not start: no node takes its pod"
    return ""


def recovered(cronjob: Any, sent: str) -> bool:
    """Return whether a backup has succeeded since the one of the last alert began: its job may be gone meanwhile."""
    succeeded = cronjob.status.last_successful_time
    return bool(sent and succeeded and succeeded > datetime.fromisoformat(sent.split()[0]))


def message(cronjob: Any, found: tuple[Any, str] | None) -> tuple[str, str]:
    """Return title and text of the alert of a backup in trouble, or of backups that work again."""
    namespace, succeeded = cronjob.metadata.namespace, cronjob.status.last_successful_time
    last = (
        f"The last backup that succeeded ended at {succeeded:%Y-%m-%d %H:%M} UTC."
        if succeeded
        else "None succeeded yet."
    )
    if found is None:
        return f"backups of {namespace} work again", last
    job, why = found
    name = job.metadata.name
    return (
        f"the backup of {namespace} failed",
        f"Job {name} {why}\n{last}\n"
        f"Its log: kubectl -n {namespace} logs job/{name} --all-containers\n"
        f"Another try: kubectl -n {namespace} create job again-{name} --from=cronjob/{CRONJOB}",
    )


def send(title: str, text: str, kind: str) -> list[str]:
    """Print an alert and send it through every channel; return the names of those that did not take it."""
    print(f"{title}\n{text}")
    channels = {name.removeprefix(PREFIX).lower(): url for name, url in os.environ.items() if name.startswith(PREFIX)}
    if not channels:
        print(f"error: no channel has it\nhint: put {PREFIX}… into the Secret medallion-alerts", file=sys.stderr)
        return ["log only"]
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would print the whole URL
    failed = []
    for name, url in channels.items():
        channel = apprise.Apprise()
        if not (channel.add(url) and channel.notify(title=title, body=text, notify_type=apprise.NotifyType(kind))):
            failed.append(name)
            print(f"error: the alert channel {name} did not take it", file=sys.stderr)
    return failed


def main() -> int:
    """Look at the CronJob once; return 1 if an alert is due that a channel did not take."""
    config.load_incluster_config()
    api, namespace = client.BatchV1Api(), os.environ["NAMESPACE"]
    cronjob = api.read_namespaced_cron_job(CRONJOB, namespace)
    jobs = api.list_namespaced_job(namespace).items
    pods = client.CoreV1Api().list_namespaced_pod(namespace, label_selector="app.kubernetes.io/component=backup").items
    found = trouble(cronjob, jobs, pods, datetime.now(timezone.utc))
    sent = (cronjob.metadata.annotations or {}).get(SENT, "")
    due = f"{found[0].metadata.creation_timestamp.isoformat()} {found[0].metadata.uid}" if found else ""
    if due == sent or (not found and not recovered(cronjob, sent)):
        return 0
    if send(*message(cronjob, found), "failure" if found else "success"):
        return 1
    api.patch_namespaced_cron_job(CRONJOB, namespace, {"metadata": {"annotations": {SENT: due or None}}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
