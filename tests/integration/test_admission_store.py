"""Admissions in a ConfigMap: several triggerers, one API server, and no limit exceeded."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

pytest.importorskip("kubernetes_asyncio", reason="Airflow's provider brings it: make test sets it up")

from kubernetes_asyncio.client import ApiException

from config_map_server import serving
from medallion.errors import Misconfigured
from medallion.orchestrators.admission import Admissions, Limits, Run, RunningTask
from medallion.orchestrators.kubernetes.admission_store import KEY, NAME, AdmissionStore

LIMITS = Limits(tasks=5, pipeline_tasks=2, tenant_jobs=1, tenant_tasks=2)
WIDE = Limits(tasks=1000, pipeline_tasks=1000)


def task(number: int = 0, run: str = "r", pipeline: str = "orders", tenant: str | None = "acme") -> RunningTask:
    return RunningTask(Run(pipeline, run, tenant), f"t{number}")


async def until_admitted(store: AdmissionStore, wanted: RunningTask, limits: Limits) -> None:
    while not (await store.ask(wanted, limits)).admitted:
        pass


def test_many_triggerers_never_exceed_a_limit():
    """Three triggerers, five tenants, four runs each of three tasks: each asks, works and gives back."""
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    order: list[Run] = []

    async def work(store: AdmissionStore, one: RunningTask) -> None:
        await until_admitted(store, one, LIMITS)
        order.append(one.run)
        limited = ("all", f"run {one.run}", f"tenant {one.run.tenant}")
        for name in limited:
            running[name] += 1
            most[name] = max(most[name], running[name])
        for _ in range(100):
            await asyncio.sleep(0)
        running.subtract(limited)
        await store.drop([one])

    async def run(stores: list[AdmissionStore], which: Run) -> None:
        tasks = [RunningTask(which, f"t{number}") for number in range(3)]
        await asyncio.gather(*(work(stores[number % 3], one) for number, one in enumerate(tasks)))
        await stores[0].drop([which])

    async def main() -> None:
        async with serving(clients=3) as (server, apis):
            stores = [AdmissionStore(api, "medallion") for api in apis]
            runs = [Run(f"p{tenant}", f"r{number}", f"t{tenant}") for tenant in range(5) for number in range(4)]
            await asyncio.gather(*(run(stores, which) for which in runs))
            assert server.conflicts > 2, "the triggerers did not meet"
            assert await stores[0].read() == Admissions()

    asyncio.run(asyncio.wait_for(main(), 300))
    assert most["all"] <= 5
    assert {most[name] for name in most if name.startswith("run")} <= {1, 2}
    for tenant in range(5):
        of_tenant = [one for one in order if one.tenant == f"t{tenant}"]
        assert len(of_tenant) == 12
        assert all(len(set(of_tenant[place : place + 3])) == 1 for place in range(0, 12, 3)), "runs took turns"
        assert most[f"tenant t{tenant}"] <= 2


def test_the_first_request_creates_the_config_map():
    async def main() -> None:
        async with serving(clients=2) as (server, apis):
            stores = [AdmissionStore(api, "medallion") for api in apis]
            answers = await asyncio.gather(*(store.ask(task(n), WIDE) for n, store in enumerate(stores)))
            assert [answer.admitted for answer in answers] == [True, True]
            made = server.kept[NAME]
            assert made["metadata"]["labels"] == {"app.kubernetes.io/part-of": "medallion"}
            assert set(Admissions.from_json(made["data"][KEY]).tasks) == {task(0), task(1)}

    asyncio.run(main())


def test_a_deleted_config_map_is_created_again():
    async def main() -> None:
        async with serving() as (server, (api,)):
            store = AdmissionStore(api, "medallion")
            await store.ask(task(0), WIDE)

            async def delete() -> None:
                del server.kept[NAME]

            server.before_write.append(delete)
            assert (await store.ask(task(1), WIDE)).admitted
            assert (await store.read()).tasks == (task(1),)

    asyncio.run(main())


def test_another_write_between_read_and_write_is_kept():
    async def main() -> None:
        async with serving(clients=2) as (server, (api, other)):
            store = AdmissionStore(api, "medallion")
            await store.ask(task(0), Limits(2, 9))

            async def take_the_last_place() -> None:
                assert (await AdmissionStore(other, "medallion").ask(task(1), Limits(2, 9))).admitted

            server.before_write.append(take_the_last_place)
            answer = await store.ask(task(2), Limits(2, 9))
            assert not answer.admitted
            assert answer.behind == (task(0), task(1))

    asyncio.run(main())


def test_two_hundred_waiters_share_reads_and_writes():
    async def main() -> None:
        async with serving() as (server, (api,)):
            store = AdmissionStore(api, "medallion")
            limits = Limits(tasks=50, pipeline_tasks=200)
            answers = await asyncio.gather(*(store.ask(task(number), limits) for number in range(200)))
            assert [answer.admitted for answer in answers] == [True] * 50 + [False] * 150
            assert server.requests == ["GET", "POST"]
            server.requests.clear()
            again = await asyncio.gather(*(store.ask(task(number), limits) for number in range(200)))
            assert [answer.admitted for answer in again] == [True] * 50 + [False] * 150
            assert server.requests == ["GET"], "nothing changed"

    asyncio.run(main())


def test_other_keys_of_the_config_map_are_kept():
    async def main() -> None:
        async with serving() as (server, (api,)):
            server.kept[NAME] = {"metadata": {"name": NAME, "resourceVersion": "7"}, "data": {"note": "ours"}}
            await AdmissionStore(api, "medallion").ask(task(), WIDE)
            assert server.kept[NAME]["data"]["note"] == "ours"

    asyncio.run(main())


@pytest.mark.parametrize("during", ["before the read", "the write"])
def test_a_cancelled_request_leaves_nothing_after_its_drop(during: str):
    async def main() -> None:
        async with serving() as (server, (api,)):
            store = AdmissionStore(api, "medallion")
            await store.ask(task(0), WIDE)
            asking = asyncio.create_task(store.ask(task(1), WIDE))

            async def cancel() -> None:
                asking.cancel()

            if during == "the write":
                server.before_write.append(cancel)
            else:
                await asyncio.sleep(0)
                asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            dropping = asyncio.create_task(store.drop([task(1)]))
            await asyncio.sleep(0)
            dropping.cancel()
            await store.ask(task(0), WIDE)  # a request that comes later is decided later
            assert (await store.read()).tasks == (task(0),)

    asyncio.run(main())


def test_a_config_map_with_something_else_is_not_overwritten():
    async def main() -> None:
        async with serving() as (server, (api,)):
            store = AdmissionStore(api, "medallion")
            server.kept[NAME] = {"metadata": {"name": NAME, "resourceVersion": "7"}, "data": {KEY: "[]"}}
            for request in (store.ask(task(), WIDE), store.drop([task()]), store.read()):
                with pytest.raises(Misconfigured, match=f"{KEY} of the ConfigMap {NAME}") as error:
                    await request
                assert "kubectl --namespace medallion delete configmap" in error.value.remedy
            assert json.loads(server.kept[NAME]["data"][KEY]) == []

    asyncio.run(main())


@pytest.mark.parametrize("failing", [[500], [403]])
def test_an_error_reaches_each_caller_and_later_requests_work(failing: list[int]):
    async def main() -> None:
        async with serving() as (server, (api,)):
            store = AdmissionStore(api, "medallion")
            server.fail = failing
            requests = [store.ask(task(number), WIDE) for number in range(3)]
            answers = await asyncio.gather(*requests, return_exceptions=True)
            assert [type(answer) for answer in answers] == [ApiException] * 3
            assert (await store.ask(task(), WIDE)).admitted

    asyncio.run(main())
