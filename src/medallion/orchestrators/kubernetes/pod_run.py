"""One attempt of a task as a pod: made once, and followed to its end by whoever looks after it at the time."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException, CoreV1Api, V1DeleteOptions, V1Preconditions
from kubernetes_asyncio.watch import Watch

ATTEMPT = "medallion/attempt"
TASK_OF_RUN = "medallion/task-of-run"
FOLLOWER = "medallion/follower"
"""An annotation: who follows the pod. Only they may delete it when their task is taken away from them."""

AWAY = (ClientError, asyncio.TimeoutError, OSError)
"""What is raised while the API server cannot be reached."""
_OVER = ("Succeeded", "Failed")
_NEVER_STARTS = ("InvalidImageName", "ErrImageNeverPull", "ImagePullBackOff")
_WATCH_SECONDS = 30
_SPARE_SECONDS = 10
_AGAIN_SECONDS = 1.0
_GONE_SECONDS = 0.5

Pod = Any
"""A `V1Pod`."""


class PodRun:
    """The pod of one attempt.

    Args:
        api: May read, create, annotate and delete pods in the namespace.
        namespace: Where the pod is.
        name: Of the pod. An attempt has one name, so it cannot have two pods.
        labels: `ATTEMPT`, which no other attempt has, and `TASK_OF_RUN`, which all attempts of the task have.
        follower: Who calls: an attempt may move to another process while its pod runs.
    """

    def __init__(self, api: CoreV1Api, namespace: str, name: str, labels: Mapping[str, str], follower: str) -> None:
        self._api, self._namespace, self.name = api, namespace, name
        self._labels, self._follower = dict(labels), follower

    async def adopt(self) -> Pod | None:
        """Return the pod if there is one already, and follow it from now on."""
        if await self._read() is None:
            return None
        body = {"metadata": {"annotations": {FOLLOWER: self._follower}}}
        return await self._or_none(lambda: self._api.patch_namespaced_pod(self.name, self._namespace, body))

    async def remove_others(self) -> None:
        """Delete the pods of the task's earlier attempts, and return when they are gone."""
        selector = f"{TASK_OF_RUN}={self._labels[TASK_OF_RUN]},{ATTEMPT}!={self._labels[ATTEMPT]}"
        while True:
            found = await until_reached(lambda: self._api.list_namespaced_pod(self._namespace, label_selector=selector))
            if not found.items:
                return
            for pod in found.items:
                if pod.metadata.deletion_timestamp is None:
                    await self._delete(pod.metadata.name)
            await asyncio.sleep(_GONE_SECONDS)

    async def create(self, pod: Mapping[str, Any]) -> Pod:
        """Create the pod and return it; one that was created in between is adopted.

        Args:
            pod: The pod as Kubernetes' own JSON. It gets the name and the labels.

        Raises:
            ApiException: The API server refused it.
        """
        made: Any = copy.deepcopy(dict(pod))
        metadata = made.setdefault("metadata", {})
        metadata["name"] = self.name
        metadata["labels"] = {**(metadata.get("labels") or {}), **self._labels}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), FOLLOWER: self._follower}
        try:
            return await until_reached(lambda: self._api.create_namespaced_pod(self._namespace, made))
        except ApiException as error:
            if error.status != 409:
                raise
            adopted = await self.adopt()
            if adopted is None:
                raise
            return adopted

    async def follow(self, startup_seconds: float, on_change: Callable[[Pod], None]) -> Pod | None:
        """Return the pod when it has ended or has not started in time; None if it is gone and nothing is known.

        Args:
            startup_seconds: How long it may take from its creation until it runs.
            on_change: Is called with the pod as it changes.
        """
        while (pod := await self._read()) is not None:
            pod = await self._watch(pod, startup_seconds, on_change)
            if _is_decided(pod, startup_seconds):
                return pod
        return None

    async def _watch(self, pod: Pod, startup_seconds: float, on_change: Callable[[Pod], None]) -> Pod:
        """Return the pod as it was last seen: at its end or, before that, when the watch ended."""
        on_change(pod)
        if _is_decided(pod, startup_seconds):
            return pod
        seconds = _WATCH_SECONDS
        if pod.status.phase == "Pending":
            seconds = min(seconds, max(1, int(startup_seconds - _age(pod)) + 1))
        try:
            async with Watch() as watch:
                async for event in watch.stream(
                    self._api.list_namespaced_pod,
                    self._namespace,
                    field_selector=f"metadata.name={self.name}",
                    resource_version=pod.metadata.resource_version,
                    timeout_seconds=seconds,
                    _request_timeout=seconds + _SPARE_SECONDS,
                ):
                    pod = event["object"]
                    on_change(pod)
                    if event["type"] == "DELETED" or _is_decided(pod, startup_seconds):
                        return pod
        except (ApiException, *AWAY):
            await asyncio.sleep(_AGAIN_SECONDS)
        return pod

    async def delete(self) -> None:
        """Delete the pod, if it is there."""
        await self._delete(self.name)

    async def kill(self) -> bool:
        """Delete the pod and wait until it is gone, unless another process follows it.

        Returns:
            Whether it was deleted.
        """
        pod = await self._read()
        if pod is None or (pod.metadata.annotations or {}).get(FOLLOWER) != self._follower:
            return False
        known = V1Preconditions(uid=pod.metadata.uid, resource_version=pod.metadata.resource_version)
        try:
            body = V1DeleteOptions(preconditions=known)
            await self._api.delete_namespaced_pod(self.name, self._namespace, body=body)
        except ApiException as error:
            if error.status == 409:  # it has changed since: look again
                return await self.kill()
            if error.status != 404:
                raise
        while await self._read() is not None:
            await asyncio.sleep(_GONE_SECONDS)
        return True

    async def _delete(self, name: str) -> None:
        await self._or_none(lambda: self._api.delete_namespaced_pod(name, self._namespace))

    async def _read(self) -> Pod | None:
        return await self._or_none(lambda: self._api.read_namespaced_pod(self.name, self._namespace))

    async def _or_none(self, call: Callable[[], Any]) -> Any:
        try:
            return await until_reached(call)
        except ApiException as error:
            if error.status == 404:
                return None
            raise


async def until_reached(call: Callable[[], Any]) -> Any:
    """Return what the API server answers, as soon as it does: it may be away for a time, or too busy."""
    while True:
        try:
            return await call()
        except ApiException as error:
            if error.status is not None and error.status < 500 and error.status != 429:
                raise
        except AWAY:
            pass
        await asyncio.sleep(_AGAIN_SECONDS)


def _is_decided(pod: Pod, startup_seconds: float) -> bool:
    """Return whether the pod has ended, or fails to start."""
    if pod.status.phase != "Pending":
        return pod.status.phase in _OVER
    waiting = [item.state.waiting for item in pod.status.container_statuses or [] if item.state.waiting is not None]
    return _age(pod) > startup_seconds or any(one.reason in _NEVER_STARTS for one in waiting)


def _age(pod: Pod) -> float:
    passed: timedelta = datetime.now(timezone.utc) - pod.metadata.creation_timestamp
    return passed.total_seconds()
