"""Sends an alert when a scheduled backup has failed, and another one when backups work again.

Channels are all those of the Secret medallion-alerts: `MEDALLION_ALERT_<NAME>`, an Apprise URL each. What was sent is an
annotation of the CronJob, so that one failure is one alert. An alert that a channel did not take is sent again next time.
"""

import logging
import os
import sys
from datetime import datetime, timezone
from typing import Any

from kubernetes import client, config

CRONJOB = "medallion-backup"
SENT = "medallion/backup-alert"
PREFIX = "MEDALLION_ALERT_"
NEVER = datetime.min.replace(tzinfo=timezone.utc)


def failure(cronjob: Any, jobs: list[Any]) -> Any:
    """Return the newest job of a CronJob that failed, if no backup has succeeded since it began; else `None`."""
    own = [
        job for job in jobs if any(owner.uid == cronjob.metadata.uid for owner in job.metadata.owner_references or [])
    ]
    failed = [job for job in own if condition(job)]
    newest = max(failed, key=lambda job: job.metadata.creation_timestamp, default=None)
    succeeded = cronjob.status.last_successful_time or NEVER
    return newest if newest and newest.metadata.creation_timestamp > succeeded else None


def condition(job: Any) -> Any:
    """Return the condition that says why a job failed; `None` if it did not."""
    found = (one for one in job.status.conditions or [] if one.type == "Failed" and one.status == "True")
    return next(found, None)


def message(cronjob: Any, job: Any) -> tuple[str, str]:
    """Return title and text of the alert of a failed backup, or of backups that work again."""
    namespace, succeeded = cronjob.metadata.namespace, cronjob.status.last_successful_time
    last = (
        f"The last backup that succeeded ended at {succeeded:%Y-%m-%d %H:%M} UTC."
        if succeeded
        else "None succeeded yet."
    )
    if job is None:
        return f"backups of {namespace} work again", last
    why, name = condition(job), job.metadata.name
    return (
        f"the backup of {namespace} failed",
        f"Job {name} failed: {why.reason}: {why.message}\n{last}\n"
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
    job = failure(cronjob, api.list_namespaced_job(namespace).items)
    sent = (cronjob.metadata.annotations or {}).get(SENT, "")
    due = job.metadata.uid if job else ""
    if due == sent:
        return 0
    title, text = message(cronjob, job)
    if send(title, text, "failure" if job else "success"):
        return 1
    api.patch_namespaced_cron_job(CRONJOB, namespace, {"metadata": {"annotations": {SENT: due or None}}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
