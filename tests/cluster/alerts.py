"""A webhook inside the cluster, and what was posted to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import Cluster, until

_MANIFEST = Path(__file__).with_name("receiver.yaml")


class Alerts:
    """The alerts that reached the channel `hook`, oldest first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def all(self) -> list[dict[str, Any]]:
        lines = self._cluster.kubectl("logs", "alert-receiver").splitlines()
        return [json.loads(line) for line in lines]

    def about(self, run: str) -> list[dict[str, Any]]:
        return [alert for alert in self.all() if run in alert["message"]]

    def wait(self, title: str, run: str) -> dict[str, Any]:
        """The first alert of a run whose title is the given one, waiting for it."""

        def found() -> dict[str, Any] | None:
            return next((alert for alert in self.about(run) if alert["title"] == title), None)

        return until(f"the alert {title!r} of {run}", found)


@contextmanager
def receiving(cluster: Cluster) -> Iterator[Alerts]:
    """Runs the webhook and names it as the channel `hook`; pods made from then on know it, and the triggerer too."""
    image = cluster.get("deployment", "medallion-scheduler")["spec"]["template"]["spec"]["containers"][0]["image"]
    manifest = _MANIFEST.read_text().replace("IMAGE", image)
    cluster.kubectl("apply", "-f", "-", stdin=manifest)
    url = "json://alert-receiver:8080/"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "medallion-alerts"}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps({**secret, "stringData": {"MEDALLION_ALERT_HOOK": url}}))
    restarted = ("deployment/medallion-triggerer", "deployment/medallion-dag-processor")
    cluster.kubectl("rollout", "restart", *restarted)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/alert-receiver", "--timeout=120s")
    for deployment in restarted:
        cluster.kubectl("rollout", "status", deployment, "--timeout=240s")
    try:
        yield Alerts(cluster)
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "secret/medallion-alerts")
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "pod/alert-receiver", "service/alert-receiver")
