"""One attempt of a task as a pod: created once, followed by whoever comes, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

pytest.importorskip("kubernetes_asyncio", reason="the async client of Kubernetes is not installed: make test does it")

from kubernetes_asyncio.client import ApiException, CoreV1Api

from medallion.orchestrators.kubernetes.pod_log import Line, follow_log
from medallion.orchestrators.kubernetes.pod_run import ATTEMPT, FOLLOWER, TASK_OF_RUN, PodRun
from pods_api import NAMESPACE, PodsApi, answer, serving

POD = {"metadata": {"labels": {"medallion/step": "a"}}, "spec": {"containers": [{"name": "step", "image": "i"}]}}
Scene = Callable[[PodsApi, CoreV1Api], Coroutine[Any, Any, None]]


def play(scene: Scene) -> None:
    """Run a scene with a page of an API server."""

    async def run() -> None:
        async with serving() as (page, api), asyncio.timeout(60):
            await scene(page, api)

    asyncio.run(run())


def pod_run(api: CoreV1Api, attempt: str = "one", follower: str = "first") -> PodRun:
    return PodRun(api, NAMESPACE, f"pod-{attempt}", {ATTEMPT: attempt, TASK_OF_RUN: "t"}, follower)


def ignore(_pod: Any) -> None:
    """What a test does not look at."""


def test_pod_is_followed_from_creation_to_its_end():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        run, phases = pod_run(api), []
        await run.create(POD)
        assert page.pods["pod-one"]["metadata"]["labels"] == {"medallion/step": "a", ATTEMPT: "one", TASK_OF_RUN: "t"}
        seen = asyncio.Event()

        def on_change(pod: Any) -> None:
            phases.append(pod.status.phase)
            seen.set()

        following = asyncio.create_task(run.follow(60, on_change))
        await seen.wait()
        await page.start("pod-one")
        await page.end("pod-one", 0, "done")
        pod = await following
        assert pod.status.container_statuses[0].state.terminated.message == "done"
        assert phases == ["Pending", "Running", "Succeeded"]
        await run.delete()
        assert page.deleted == ["pod-one"]

    play(scene)


def test_second_follower_takes_over_first_deletes_nothing():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        first, second = pod_run(api), pod_run(api, follower="second")
        assert await first.adopt() is None
        await first.create(POD)
        assert (await second.adopt()).metadata.annotations[FOLLOWER] == "second"
        assert not await first.kill()
        assert page.deleted == []
        assert await second.kill()
        assert page.deleted == ["pod-one"]
        assert page.created == ["pod-one"]

    play(scene)


def test_pod_made_by_another_in_between_is_adopted():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        await pod_run(api).create(POD)
        pod = await pod_run(api, follower="second").create(POD)
        assert pod.metadata.annotations[FOLLOWER] == "second"
        assert page.created == ["pod-one"]

    play(scene)


def test_earlier_pods_are_gone_before_the_next_is_made():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        await pod_run(api, "one").create(POD)
        other = PodRun(api, NAMESPACE, "pod-other", {ATTEMPT: "other", TASK_OF_RUN: "another"}, "x")
        await other.create(POD)
        await pod_run(api, "two").remove_others()
        assert page.deleted == ["pod-one"]

    play(scene)


def test_api_server_that_is_away_is_waited_for_at_each_moment():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        run = pod_run(api)
        page.away = True
        making = asyncio.create_task(run.create(POD))
        await asyncio.sleep(0)
        page.refusals = [answer(503, "ServiceUnavailable"), answer(429, "TooManyRequests")]
        page.away = False
        await making
        following = asyncio.create_task(run.follow(60, ignore))
        await page.start("pod-one")
        page.away = True
        async with page._changed:
            page._changed.notify_all()  # every open watch is cut off
        await page.end("pod-one", 3, "failed")
        page.away = False
        assert (await following).status.phase == "Failed"
        assert page.created == ["pod-one"]

    play(scene)


@pytest.mark.parametrize("code", [400, 403, 413, 422])
def test_refused_pod_is_said_at_once(code: int):
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        page.refusals = [answer(code, "No", "because")]
        with pytest.raises(ApiException, match="because"):
            await pod_run(api).create(POD)

    play(scene)


def test_pod_that_does_not_start_in_time_is_returned_as_it_is():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        run = pod_run(api)
        await run.create(POD)
        assert (await run.follow(0, ignore)).status.phase == "Pending"
        following = asyncio.create_task(run.follow(600, ignore))
        await page.set_state("pod-one", "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "no such"}})
        assert (await following).status.container_statuses[0].state.waiting.message == "no such"

    play(scene)


@pytest.mark.parametrize("ended", [False, True])
def test_pod_that_is_deleted_says_what_was_known_of_it(ended: bool):
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        run = pod_run(api)
        await run.create(POD)
        await page.start("pod-one")
        seen = asyncio.Event()
        following = asyncio.create_task(run.follow(60, lambda _pod: seen.set()))
        await seen.wait()
        if ended:
            await page.end("pod-one", 0, "done")
        await page.remove("pod-one")
        pod = await following
        assert (pod is not None and pod.status.phase == "Succeeded") == ended

    play(scene)


def test_whole_log_comes_once_though_connections_break():
    async def scene(page: PodsApi, api: CoreV1Api) -> None:
        run, over, kept = pod_run(api), asyncio.Event(), []

        async def keep(lines: list[Line]) -> None:
            kept.extend(lines)

        await run.create(POD)
        await page.start("pod-one")
        page.log_breaks = 3
        reading = asyncio.create_task(follow_log(api, NAMESPACE, "pod-one", "step", keep=keep, over=over, after=""))
        for part in range(20):
            await page.write("pod-one", *(f"line {part * 500 + number}" for number in range(500)))
            await asyncio.sleep(0)
        await page.end("pod-one")
        over.set()
        await reading
        assert [line.text for line in kept] == [f"line {number}" for number in range(10_000)]
        assert len(page.asked_logs) == 4
        again: list[Line] = []

        async def keep_again(lines: list[Line]) -> None:
            again.extend(lines)

        await follow_log(api, NAMESPACE, "pod-one", "step", keep=keep_again, over=over, after=kept[-3].written)
        assert again == kept[-2:]

    play(scene)
