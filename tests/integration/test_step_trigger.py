"""The trigger that a step starts from: what it tells Airflow of each end, and where it keeps the log."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")

from medallion.orchestrators.kubernetes.pod_result import Ending
from medallion.protocol.termination_message import Failed, TerminationMessage
from pods_api import PodsApi, answer, serving

PIPELINE = """\
name: p
owner: me
max_active_tasks: 1
timeouts: {startup_seconds: 2}
sources: [{name: a, path: a.csv, contract: c}, {name: b, path: b.csv, contract: d}]
sources_per_pod: 1
"""
CONTRACT = "name: {name}\ntable: raw.{name}\nfields: [{{name: id}}]\n"
pytestmark = pytest.mark.filterwarnings("ignore")
Scene = Callable[[PodsApi], Coroutine[Any, Any, None]]


@dataclass
class Stage:
    """A DAG folder, and triggers of its steps."""

    dags: Path
    logs: Path
    events: list[Any] = field(default_factory=list)

    def trigger(self, step: str = "clean.a", *, number: int = 1, ti: str = "", launches: bool = True) -> Any:
        from medallion.orchestrators.airflow.trigger import StepTrigger

        made = StepTrigger(1, str(self.dags), step, launches)
        made._task_instance = SimpleNamespace(
            id=ti or str(uuid.uuid4()), dag_id="p", run_id="r", task_id=f"Clean.{step}", try_number=number, map_index=-1
        )
        return made

    def log(self, step: str = "clean.a") -> list[str]:
        (path,) = self.logs.rglob(f"*task_id=Clean.{step}/attempt=1.log.pod.log")
        return [json.loads(line)["event"] for line in path.read_text().splitlines()]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name, text in {
        "pipelines/p.yaml": PIPELINE,
        "contracts/c.yaml": CONTRACT.format(name="c"),
        "contracts/d.yaml": CONTRACT.format(name="d"),
    }.items():
        (tmp_path / "dags" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dags" / name).write_text(text)
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    return Stage(tmp_path / "dags", tmp_path / "logs")


def play(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    """Run a scene with a page of an API server, which every client takes for that of its cluster."""
    from kubernetes_asyncio.client import Configuration

    from medallion.orchestrators.airflow import limits

    async def run() -> None:
        async with serving() as (page, _), asyncio.timeout(60):
            default = Configuration(host=page.address)
            monkeypatch.setattr(
                "kubernetes_asyncio.config.load_incluster_config", lambda: Configuration.set_default(default)
            )
            await scene(page)
            store = limits._store(asyncio.get_running_loop(), "medallion")  # a process keeps it to its end
            await store._api.api_client.close()
            limits._store.cache_clear()

    asyncio.run(run())


async def events(trigger: Any) -> list[Any]:
    found = [event async for event in trigger.run()]
    await trigger.cleanup()
    return found


def words(status: str = "succeeded", **rest: Any) -> str:
    return TerminationMessage(status, message="3 rows", **rest).to_json()


def test_first_attempt_that_succeeds_ends_in_the_triggerer(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    from airflow.triggers.base import TaskSuccessEvent

    async def scene(page: PodsApi) -> None:
        following = asyncio.create_task(events(stage.trigger()))
        name = await page.until_created(1)
        assert page.pods[name]["metadata"]["labels"]["dag_id"] == "p"
        await page.start(name)
        await page.write(name, "first", "second")
        await page.end(name, 0, words())
        (event,) = await following
        assert isinstance(event, TaskSuccessEvent)
        assert stage.log() == ["first", "second"]
        assert page.deleted == [name]

    play(monkeypatch, scene)


@pytest.mark.parametrize(
    ("exit_code", "message", "number", "succeeded"),
    [
        (0, words(), 2, True),
        (0, words(again=True), 1, True),
        (0, words(warned=(Failed("test", "t", 1),)), 1, True),
        (0, "", 1, False),
        (81, words("failed", failed=(Failed("test", "t", 2, sample={"id": 1}),)), 1, False),
        (137, "", 1, False),
    ],
)
def test_every_other_end_goes_on_in_a_worker(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, exit_code: int, message: str, number: int, succeeded: bool
):
    from airflow.triggers.base import TaskSuccessEvent

    async def scene(page: PodsApi) -> None:
        following = asyncio.create_task(events(stage.trigger(number=number)))
        name = await page.until_created(1)
        await page.start(name)
        await page.end(name, exit_code, message)
        (event,) = await following
        assert not isinstance(event, TaskSuccessEvent)
        ending = Ending.from_dict(json.loads(json.dumps(event.payload)))  # through Airflow's database
        assert (ending.succeeded, ending.exit_code) == (succeeded, exit_code)
        assert len(ending.failed) + len(ending.warned) == message.count('"test"')
        assert page.deleted == [name]

    play(monkeypatch, scene)


def test_second_triggerer_adopts_the_pod_and_its_log(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    async def scene(page: PodsApi) -> None:
        attempt = str(uuid.uuid4())
        first, second = stage.trigger(ti=attempt), stage.trigger(ti=attempt)
        frozen = asyncio.create_task(events(first))
        name = await page.until_created(1)
        await page.start(name)
        await page.write(name, "first")
        async with asyncio.timeout(20):
            while not list(stage.logs.rglob("*.pod.log")):
                await asyncio.sleep(0.01)
        frozen.cancel()
        following = asyncio.create_task(events(second))
        async with asyncio.timeout(20):
            while (
                second._launch is None
                or page.pods[name]["metadata"]["annotations"]["medallion/follower"] != second._launch._follower
            ):
                await asyncio.sleep(0.01)
        await first.on_kill()
        assert page.deleted == []
        await page.write(name, "second")
        await page.end(name, 0, words())
        assert len(await following) == 1
        assert page.created == [name]
        assert stage.log() == ["first", "second"]

    play(monkeypatch, scene)


def test_killed_task_loses_its_pod_and_gives_its_place_up(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    async def scene(page: PodsApi) -> None:
        trigger = stage.trigger()
        following = asyncio.create_task(events(trigger))
        name = await page.until_created(1)
        await page.start(name)
        other = asyncio.create_task(events(stage.trigger("clean.b")))
        following.cancel()
        await asyncio.wait([following])
        monkeypatch.setattr("medallion.orchestrators.airflow.limits._is_active", lambda _: True)
        assert page.created == [name]  # at most one task of the run at a time
        await trigger.on_kill()
        assert page.deleted == [name]
        second = await page.until_created(2)
        await page.start(second)
        await page.end(second, 0, words())
        await other

    play(monkeypatch, scene)


@pytest.mark.parametrize(("code", "refused"), [(422, True), (409, False)])
def test_refused_pod_is_an_end(stage: Stage, monkeypatch: pytest.MonkeyPatch, code: int, refused: bool):
    async def scene(page: PodsApi) -> None:
        page.refusals = [answer(code, "Invalid", "spec: no")]
        (event,) = await events(stage.trigger())
        ending = Ending.from_dict(event.payload)
        assert ending.message == f"Kubernetes refused the pod with status {code}: spec: no"
        assert ending.refused is refused

    play(monkeypatch, scene)


def test_quota_that_is_used_up_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("medallion.orchestrators.airflow.launch._QUOTA_SECONDS", 0.01)

    async def scene(page: PodsApi) -> None:
        page.refusals = [answer(403, "Forbidden", "pods is forbidden: exceeded quota: q")] * 3
        following = asyncio.create_task(events(stage.trigger()))
        name = await page.until_created(1)
        await page.start(name)
        await page.end(name, 0, words())
        await following

    play(monkeypatch, scene)


@pytest.mark.parametrize("change", ["broken", "gone", "other"])
def test_files_that_a_push_changed_are_an_end_with_a_reason(stage: Stage, monkeypatch: pytest.MonkeyPatch, change: str):
    file = stage.dags / "pipelines" / "p.yaml"
    if change == "gone":
        file.unlink()
    else:
        file.write_text(
            PIPELINE.replace("owner: me", "nobody: me")
            if change == "broken"
            else PIPELINE.replace("name: a,", "name: z,")
        )
    reason = {"broken": "unknown key 'nobody'", "gone": "no pipeline and no schedule", "other": "has no task clean.a"}

    async def scene(page: PodsApi) -> None:
        (event,) = await events(stage.trigger())
        ending = Ending.from_dict(event.payload)
        assert reason[change] in ending.message
        assert not ending.succeeded
        assert page.created == []

    play(monkeypatch, scene)


def test_limits_that_cannot_be_read_are_an_end_with_a_remedy(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    async def scene(page: PodsApi) -> None:
        page.config_maps.kept["medallion-admissions"] = {
            "metadata": {"name": "medallion-admissions", "resourceVersion": "1"}, "data": {"admissions.json": "?"}
        }  # fmt: skip
        (event,) = await events(stage.trigger())
        ending = Ending.from_dict(event.payload)
        assert "holds no admissions" in ending.message
        assert "delete configmap medallion-admissions" in ending.remedy
        assert page.created == []

    play(monkeypatch, scene)


def test_trigger_that_only_waits_says_when_a_worker_may_launch(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    async def scene(page: PodsApi) -> None:
        (event,) = await events(stage.trigger(launches=False))
        assert event.payload is None
        assert page.created == []

    play(monkeypatch, scene)
