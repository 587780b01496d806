"""Admissions in one ConfigMap, which several processes change by compare-and-swap.

A write carries the `resourceVersion` that was read. Kubernetes refuses it if the ConfigMap has changed since, and the
store then reads again and decides again. So two triggerers cannot both give away the last place.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kubernetes_asyncio.client import ApiException, CoreV1Api, V1ConfigMap, V1ObjectMeta

from medallion.errors import Misconfigured
from medallion.orchestrators.admission import Admissions, Answer, Limits, Run, RunningTask

NAME = "medallion-admissions"
KEY = "admissions.json"
_LABELS = {"app.kubernetes.io/part-of": "medallion"}
_TIMEOUT_SECONDS = 30
_MOST_SECONDS_AFTER_CONFLICT = 0.1


@dataclass(frozen=True)
class _Request:
    """A change that waits for its turn. A request to run something is void once its caller has gone."""

    change: Callable[[Admissions], Answer]
    answer: asyncio.Future[Answer]
    void_if_cancelled: bool


class AdmissionStore:
    """Asks for admission and gives it back. A process has one store, which all of its tasks share.

    All requests that are open at the same time are decided in order, with one read and at most one write. A caller that
    is cancelled does not interrupt them: a write that is under way would otherwise arrive after the reads that follow.

    Args:
        api: Kubernetes' API.
        namespace: Where the ConfigMap is.
    """

    def __init__(self, api: CoreV1Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._requests: list[_Request] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, task: RunningTask, limits: Limits) -> Answer:
        """Admit a task if all limits allow it; see `Admissions.ask`.

        A caller that is cancelled, or gets an error, cannot see whether its task was admitted: it drops the task or
        asks again.

        Raises:
            Misconfigured: The ConfigMap holds something else.
            ApiException: Kubernetes refuses the request. A connection that fails raises an error of aiohttp.
        """
        return await self._submit(lambda now: now.ask(task, limits), void_if_cancelled=True)

    async def drop(self, over: Collection[Run | RunningTask]) -> None:
        """Give back what is over; see `Admissions.without`. This happens also if the caller is cancelled.

        Raises:
            Misconfigured: The ConfigMap holds something else.
            ApiException: Kubernetes refuses the request. A connection that fails raises an error of aiohttp.
        """
        given = tuple(over)
        await self._submit(lambda now: Answer(now.without(given), True, "dropped"), void_if_cancelled=False)

    async def read(self) -> Admissions:
        """Return what is admitted now, for a caller that looks for runs that ended without giving back.

        Raises:
            Misconfigured: The ConfigMap holds something else.
            ApiException: Kubernetes refuses the request. A connection that fails raises an error of aiohttp.
        """
        return self._parse(await self._read())

    async def _submit(self, change: Callable[[Admissions], Answer], *, void_if_cancelled: bool) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._requests.append(_Request(change, answer, void_if_cancelled))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        """Decide requests until none is left."""
        while self._requests:
            batch, self._requests = self._requests, []
            try:
                await self._decide(batch)
            except asyncio.CancelledError:  # the process ends
                for request in (*batch, *self._requests):
                    request.answer.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - each caller gets it
                for request in batch:
                    if not request.answer.done():
                        request.answer.set_exception(error)

    async def _decide(self, batch: list[_Request]) -> None:
        """Read, decide, and write if something changed, as often as another process was faster."""
        while True:
            config_map = await self._read()
            before = now = self._parse(config_map)
            answers: list[tuple[_Request, Answer]] = []
            for request in batch:
                if not (request.void_if_cancelled and request.answer.cancelled()):
                    answer = request.change(now)
                    now = answer.admissions
                    answers.append((request, answer))
            if now == before or await self._write(config_map, now):
                break
            await asyncio.sleep(random.uniform(0, _MOST_SECONDS_AFTER_CONFLICT))
        for request, answer in answers:
            if not request.answer.done():
                request.answer.set_result(answer)

    async def _read(self) -> V1ConfigMap | None:
        """Return the ConfigMap, None if there is none yet."""
        try:
            return await self._api.read_namespaced_config_map(NAME, self._namespace, _request_timeout=_TIMEOUT_SECONDS)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, config_map: V1ConfigMap | None, now: Admissions) -> bool:
        """Write the ConfigMap; return False if it is not as it was read."""
        text, limit = now.to_json(), _TIMEOUT_SECONDS
        try:
            if config_map is None:
                made = V1ConfigMap(metadata=V1ObjectMeta(name=NAME, labels=_LABELS), data={KEY: text})
                await self._api.create_namespaced_config_map(self._namespace, made, _request_timeout=limit)
            else:
                config_map.data = {**(config_map.data or {}), KEY: text}
                await self._api.replace_namespaced_config_map(NAME, self._namespace, config_map, _request_timeout=limit)
        except ApiException as error:
            if error.status == 409 or (error.status == 404 and config_map is not None):
                return False
            raise
        return True

    def _parse(self, config_map: V1ConfigMap | None) -> Admissions:
        text = (config_map.data or {}).get(KEY) if config_map is not None else None
        try:
            return Admissions() if text is None else Admissions.from_json(text)
        except ValueError as error:
            where = f"the key {KEY} of the ConfigMap {NAME} in the namespace {self._namespace}"
            raise Misconfigured(
                f"{where} holds no admissions: {error}",
                f"once no step runs, delete it: kubectl --namespace {self._namespace} delete configmap {NAME}",
            ) from error
