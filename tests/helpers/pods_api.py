"""The part of a Kubernetes API that has pods, logs and ConfigMaps: what happens to a pod, the test says."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api

from config_map_server import PATH as CONFIG_MAPS
from config_map_server import ConfigMaps

NAMESPACE = "medallion"


def answer(code: int, reason: str, message: str = "") -> dict[str, Any]:
    """An error as Kubernetes says it."""
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


class PodsApi:
    """Pods by name. `away` closes every connection; `refusals` are the answers to the next requests for a pod.

    `created` and `deleted` are the names of pods, in order.
    """

    def __init__(self) -> None:
        self.pods: dict[str, Any] = {}
        self.created: list[str] = []
        self.deleted: list[str] = []
        self.refusals: list[dict[str, Any]] = []
        self.away = False
        self.log_breaks = 0
        self.address = ""
        self.config_maps = ConfigMaps()
        self.lines: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.asked_logs: list[dict[str, str]] = []
        self._version = 100
        self._history: list[tuple[int, str, Any]] = []
        self._changed = asyncio.Condition()

    async def start(self, name: str) -> None:
        """The pod's container starts."""
        await self.set_state(name, "Running", {"running": {"startedAt": _now()}})

    async def end(self, name: str, exit_code: int = 0, message: str = "") -> None:
        """The pod's container ends."""
        ended = {"exitCode": exit_code, "message": message, "reason": "Completed" if exit_code == 0 else "Error"}
        await self.set_state(name, "Succeeded" if exit_code == 0 else "Failed", {"terminated": ended})

    async def set_state(self, name: str, phase: str, state: dict[str, Any]) -> None:
        """The pod is in a phase, and its container in a state."""
        container = {"name": "step", "image": "", "imageID": "", "restartCount": 0, "ready": False, "state": state}
        self.pods[name]["status"] = {"phase": phase, "containerStatuses": [container]}
        await self._note("MODIFIED", self.pods[name])

    async def write(self, name: str, *texts: str) -> None:
        """The pod's container writes lines."""
        for text in texts:
            written = datetime.now(timezone.utc) + timedelta(microseconds=len(self.lines[name]))
            self.lines[name].append((f"{written:%Y-%m-%dT%H:%M:%S.%f}{len(self.lines[name]) % 1000:03d}Z", text))
        async with self._changed:
            self._changed.notify_all()

    async def remove(self, name: str) -> None:
        """The pod is gone."""
        await self._note("DELETED", self.pods.pop(name))

    async def until_created(self, count: int) -> str:
        """Wait until so many pods were created, and return the name of the last."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.created) >= count)
        return self.created[count - 1]

    async def _note(self, kind: str, pod: Any) -> None:
        self._version += 1
        pod["metadata"]["resourceVersion"] = str(self._version)
        async with self._changed:
            self._history.append((self._version, kind, json.loads(json.dumps(pod))))
            self._changed.notify_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        parts = request.path.split("/")[5:]  # pods[/name[/log]]
        if parts[0] == "events":
            return web.json_response({"items": []})
        if len(parts) == 1:
            if request.method == "POST":
                return await self._create(await request.json())
            return await (self._watch(request) if request.query.get("watch") else self._list(request))
        if len(parts) == 3:
            return await self._log(request, parts[1])
        if parts[1] not in self.pods:
            return web.json_response(answer(404, "NotFound"), status=404)
        if request.method == "PATCH":
            given = json.loads(await request.text())
            self.pods[parts[1]]["metadata"].setdefault("annotations", {}).update(given["metadata"]["annotations"])
            await self._note("MODIFIED", self.pods[parts[1]])
        if request.method == "DELETE":
            return await self._delete(parts[1], json.loads(await request.text() or "{}") or {})
        return web.json_response(self.pods[parts[1]])

    async def _create(self, pod: Any) -> web.Response:
        if self.refusals:
            refusal = self.refusals.pop(0)
            return web.json_response(refusal, status=refusal["code"])
        name = pod["metadata"]["name"]
        if name in self.pods:
            return web.json_response(answer(409, "AlreadyExists"), status=409)
        pod["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": _now(), "namespace": NAMESPACE}
        pod["status"] = {"phase": "Pending"}
        self.pods[name] = pod
        self.created.append(name)
        await self._note("ADDED", pod)
        return web.json_response(pod, status=201)

    async def _delete(self, name: str, options: Any) -> web.Response:
        pod = self.pods[name]
        wanted = options.get("preconditions") or {}
        if any(pod["metadata"][key] != value for key, value in wanted.items()):
            return web.json_response(answer(409, "Conflict"), status=409)
        self.deleted.append(name)
        await self.remove(name)
        return web.json_response(pod)

    async def _list(self, request: web.Request) -> web.Response:
        found = [pod for pod in self.pods.values() if _is_selected(pod, request.query.get("labelSelector", ""))]
        return web.json_response({"kind": "PodList", "metadata": {}, "items": found})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        name = request.query["fieldSelector"].removeprefix("metadata.name=")
        seen = int(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while not self.away:
                    for version, kind, pod in self._history:
                        if version > seen and pod["metadata"]["name"] == name:
                            await response.write(json.dumps({"type": kind, "object": pod}).encode() + b"\n")
                            seen = version
                    async with self._changed:
                        await self._changed.wait()
        except TimeoutError:
            return response
        assert request.transport is not None
        request.transport.close()
        return response

    async def _log(self, request: web.Request, name: str) -> web.StreamResponse:
        self.asked_logs.append(dict(request.query))
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        while True:
            lines = self.lines[name][sent:]
            if self.log_breaks and lines:
                self.log_breaks -= 1
                half = lines[: len(lines) // 2 + 1]
                await response.write("".join(f"{written} {text}\n" for written, text in half).encode())
                assert request.transport is not None
                request.transport.close()
                return response
            await response.write("".join(f"{written} {text}\n" for written, text in lines).encode())
            sent += len(lines)
            pod = self.pods.get(name)
            if (pod is None or pod["status"]["phase"] in ("Succeeded", "Failed")) and sent == len(self.lines[name]):
                return response
            async with self._changed:
                await self._changed.wait()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[PodsApi, CoreV1Api]]:
    """A server that answers while the context lasts, and a client of it."""
    page = PodsApi()
    app = web.Application()
    maps = page.config_maps
    for method, path, handler in (
        ("GET", "/{name}", maps._get),
        ("PUT", "/{name}", maps._put),
        ("POST", "", maps._post),
    ):
        app.router.add_route(method, CONFIG_MAPS + path, handler)
    app.router.add_route("*", "/{path:.*}", page._handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    page.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ApiClient(Configuration(host=page.address)) as client:
        yield page, CoreV1Api(client)
    await runner.cleanup()


def _is_selected(pod: Any, selector: str) -> bool:
    labels = pod["metadata"].get("labels", {})
    for one in filter(None, selector.split(",")):
        if "!=" in one:
            key, _, value = one.partition("!=")
            if labels.get(key) == value:
                return False
        else:
            key, _, value = one.partition("=")
            if labels.get(key) != value:
                return False
    return True


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
