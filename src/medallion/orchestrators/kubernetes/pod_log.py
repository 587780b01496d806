"""The log of a pod's container, line by line, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

from kubernetes_asyncio.client import ApiException, CoreV1Api

from medallion.orchestrators.kubernetes.pod_run import AWAY

_AGAIN_SECONDS = 1.0
_OVER_SECONDS = 2.0
"""After the end of a log, the pod's status follows within moments."""
_IDLE_SECONDS = 3600
_SPARE_SECONDS = 2


class Line(NamedTuple):
    """One line; `written` is its time as Kubernetes gives it, in UTC with nine digits of a second."""

    written: str
    text: str


Keep = Callable[[list[Line]], Awaitable[None]]
"""Stores lines."""


async def follow_log(
    api: CoreV1Api, namespace: str, pod: str, container: str, *, keep: Keep, over: asyncio.Event, after: str = ""
) -> None:
    """Hand on each line of a log once, until the pod is over and its log at an end.

    Args:
        api: May read logs.
        namespace: Of the pod.
        pod: Its name. The container has started.
        container: The container.
        keep: Takes the lines, in order, some at a time.
        over: Is set when the pod has ended.
        after: The time of the last line that is known already.
    """
    last = after
    while True:
        try:
            async for lines in _read(api, namespace, pod, container, last):
                await keep(lines)
                last = lines[-1].written
            if over.is_set() or await _is_set_soon(over):
                return
        except ApiException as error:
            if error.status == 404 or over.is_set():
                return
            await asyncio.sleep(_AGAIN_SECONDS)
        except AWAY:
            await asyncio.sleep(_AGAIN_SECONDS)


async def _is_set_soon(event: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(event.wait(), _OVER_SECONDS)
    except TimeoutError:
        return False
    return True


async def _read(api: CoreV1Api, namespace: str, pod: str, container: str, last: str) -> AsyncIterator[list[Line]]:
    """Yield the lines after a time, as they come."""
    since: dict[str, Any] = {}
    if last:
        passed = datetime.now(timezone.utc) - datetime.fromisoformat(last[:26] + "+00:00")
        since = {"since_seconds": max(1, int(passed.total_seconds()) + _SPARE_SECONDS)}
    response: Any = await api.read_namespaced_pod_log(
        pod, namespace, container=container, follow=True, timestamps=True, _preload_content=False,
        _request_timeout=_IDLE_SECONDS, **since,
    )  # fmt: skip
    try:
        rest = b""
        async for chunk in response.content.iter_any():
            *whole, rest = (rest + chunk).split(b"\n")
            if lines := [line for line in map(_line, whole) if line.written > last]:
                yield lines
        if rest and (line := _line(rest)).written > last:
            yield [line]
    finally:
        response.close()


def _line(raw: bytes) -> Line:
    written, _, text = raw.decode(errors="replace").partition(" ")
    moment, _, fraction = written.removesuffix("Z").partition(".")
    return Line(f"{moment}.{fraction.ljust(9, '0')}", text.rstrip("\r"))
