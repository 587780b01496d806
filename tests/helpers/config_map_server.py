"""Kubernetes' API for ConfigMaps, as far as a compare-and-swap depends on it: versions, conflicts, 404 and 409."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api

PATH = "/api/v1/namespaces/{namespace}/configmaps"


class ConfigMaps:
    """ConfigMaps by name, and every request that came. `fail` is the status of the answers to the next requests."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.requests: list[str] = []
        self.conflicts = 0
        self.fail: list[int] = []
        self.before_write: list[Any] = []
        """What to do before the next writes: what another client does between the read and the write."""
        self._version = 100
        self._chance = random.Random(3)

    def app(self) -> web.Application:
        made = web.Application(middlewares=[self._answer])
        made.router.add_get(PATH + "/{name}", self._get)
        made.router.add_put(PATH + "/{name}", self._put)
        made.router.add_post(PATH, self._post)
        return made

    @web.middleware
    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(request.method)
        if self.fail:
            return refuse(self.fail.pop(0), "Failed")
        if request.method != "GET" and self.before_write:
            await self.before_write.pop(0)()
        answer: web.StreamResponse = await handler(request)
        for _ in range(self._chance.randrange(200)):  # answers come in another order than the requests
            await asyncio.sleep(0)
        return answer

    async def _get(self, request: web.Request) -> web.StreamResponse:
        found = self.kept.get(request.match_info["name"])
        return web.json_response(found) if found else refuse(404, "NotFound")

    async def _post(self, request: web.Request) -> web.StreamResponse:
        made = await request.json()
        if made["metadata"]["name"] in self.kept:
            self.conflicts += 1
            return refuse(409, "AlreadyExists")
        return self._keep(made, 201)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        made, name = await request.json(), request.match_info["name"]
        if name not in self.kept:
            return refuse(404, "NotFound")
        if made["metadata"].get("resourceVersion") not in (None, self.kept[name]["metadata"]["resourceVersion"]):
            self.conflicts += 1
            return refuse(409, "Conflict")
        return self._keep(made, 200)

    def _keep(self, made: Any, status: int) -> web.StreamResponse:
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        self.kept[made["metadata"]["name"]] = made
        return web.json_response(made, status=status)


def refuse(status: int, reason: str) -> web.StreamResponse:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


@asynccontextmanager
async def serving(clients: int = 1) -> AsyncIterator[tuple[ConfigMaps, list[CoreV1Api]]]:
    """A server while the context lasts, and as many clients with connections of their own."""
    made = ConfigMaps()
    runner = web.AppRunner(made.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    configuration = Configuration(host=f"http://{host}:{port}")
    opened = [ApiClient(configuration) for _ in range(clients)]
    try:
        yield made, [CoreV1Api(client) for client in opened]
    finally:
        for client in opened:
            await client.close()
        await runner.cleanup()
