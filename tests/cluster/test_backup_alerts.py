"""A scheduled backup that fails reaches the deployment's alert channels."""

from __future__ import annotations

import json
import uuid

from alerts import Alerts
from cluster import Cluster, until


def scheduled(cluster: Cluster, name: str, command: str) -> None:
    """Starts a job as the schedule of backups does, but with another command; waits for its end."""
    job = json.loads(
        cluster.kubectl("create", "job", name, "--from=cronjob/medallion-backup", "--dry-run=client", "-o", "json")
    )
    job["spec"]["backoffLimit"] = 0
    pod = job["spec"]["template"]["spec"]
    pod["containers"] = [pod["containers"][0] | {"command": ["sh", "-c", command]}]
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(job))
    until(f"{name} ends", lambda: cluster.get("job", name)["status"].get("conditions"))


def look(cluster: Cluster) -> None:
    name = f"look-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "job", name, "--from=cronjob/medallion-backup-watch")
    cluster.kubectl("wait", f"job/{name}", "--for=condition=Complete", "--timeout=180s")
    cluster.kubectl("delete", "job", name, "--wait=false")


def test_a_failed_backup_is_one_alert(cluster: Cluster, alerts: Alerts):
    name = f"medallion-backup-{uuid.uuid4().hex[:8]}"
    title = f"the backup of {cluster.namespace} failed"
    scheduled(cluster, name, "exit 1")
    try:
        look(cluster)
        look(cluster)
        found = [alert for alert in alerts.all() if alert["title"] == title and name in alert["message"]]
        assert [alert["type"] for alert in found] == ["failure"]
        assert f"logs job/{name}" in found[0]["message"]
    finally:
        cluster.kubectl("delete", "job", name, "--wait=false")
