"""The provider's pod manager with a watch of the pod in place of a poll every second or two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager
from kubernetes.client import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

_STATUS_SECONDS = 5
"""After the end of a log, its container's status follows within moments."""
_PHASE_SECONDS = 30
_SPARE_SECONDS = 5
_OVER = ("Succeeded", "Failed")


class WatchingPodManager(PodManager):
    """Waits for a pod's end by a watch of the Kubernetes API. Where that fails, the provider's own polls go on."""

    def container_is_running(self, pod: Any, container_name: str) -> bool:
        """Return whether a container runs on after the end of its log.

        The log ends some moments before the status says so. The provider takes that for a lost connection, and reads
        the last lines again.
        """
        self._watch_until(pod, lambda now: not _is_running(now, container_name), _STATUS_SECONDS)
        return bool(super().container_is_running(pod, container_name))

    def await_pod_completion(self, pod: Any, *rest: Any, **named: Any) -> Any:
        """Return the pod once it has ended."""
        self._watch_until(pod, lambda now: now.status.phase in _OVER, _PHASE_SECONDS)
        return super().await_pod_completion(pod, *rest, **named)

    def _watch_until(self, pod: Any, is_done: Callable[[Any], bool], seconds: int) -> None:
        now = self.read_pod(pod)
        if is_done(now):
            return
        name, watch = pod.metadata.name, Watch()
        try:
            for event in watch.stream(
                self._client.list_namespaced_pod,
                pod.metadata.namespace,
                field_selector=f"metadata.name={name}",
                resource_version=now.metadata.resource_version,
                timeout_seconds=seconds,
                _request_timeout=seconds + _SPARE_SECONDS,
            ):
                if event["type"] == "DELETED" or is_done(event["object"]):
                    return
        except (ApiException, HTTPError) as error:
            self.log.debug("the watch of pod %s ended: %s", name, error)
        finally:
            watch.stop()


def _is_running(pod: Any, container_name: str) -> bool:
    statuses = pod.status.container_statuses or []
    return any(one.name == container_name and one.state.running is not None for one in statuses)
