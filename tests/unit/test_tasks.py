"""Packs: which loads share a pod, what the pod is called, and what it is given."""

from __future__ import annotations

from typing import Any

import pytest

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.errors import Misconfigured
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.task import parse_task

CONTRACT = Contract.model_validate({"name": "c", "table": "raw.c", "fields": [{"name": "a"}]})
LAYERS = {"models": "m", "layers": [{"name": "bronze"}]}
CRM = {"connector": "postgres", "table": "public.t", "secret": "crm"}
ERP = {**CRM, "secret": "erp"}


def plan_of(*sources: dict[str, Any], **more: Any) -> Plan:
    named = [
        {"name": f"s{number}", "contract": "c", **({} if "connector" in one else {"path": "a.csv"}), **one}
        for number, one in enumerate(sources)
    ]
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", "sources": named, **LAYERS, **more})
    return make_plan(pipeline, {"c": CONTRACT}, RunContext("run-1", "/landing", "abc"))


def packs(plan: Plan) -> list[str]:
    return [" ".join(step.name.removeprefix("clean.") for step in task.steps) for task in plan.tasks]


@pytest.mark.parametrize(
    ("count", "most", "sizes"),
    [(1, 8, [1]), (8, 8, [8]), (9, 8, [4, 5]), (15, 8, [7, 8]), (5, 1, [1] * 5), (17, 8, [5, 6, 6])],
)
def test_sources_are_spread_evenly_over_few_pods(count: int, most: int, sizes: list[int]):
    plan = plan_of(*[{}] * count, sources_per_pod=most)
    assert [len(task.steps) for task in plan.tasks[:-1]] == sizes
    assert [step.name for task in plan.tasks for step in task.steps] == [step.name for step in plan.steps]


def test_only_sources_of_the_same_pod_share_one():
    plan = plan_of({}, CRM, {}, ERP, CRM, {"own_pod": True}, {})
    assert packs(plan) == ["s0 s2 s6", "s1 s4", "s3", "s5", "bronze"]
    assert [task.first.secret for task in plan.tasks[:3]] == [None, ("crm", "SOURCE_"), ("erp", "SOURCE_")]
    assert [task.first.reads_landing for task in plan.tasks[:3]] == [True, False, False]


def test_ids_of_packs_are_numbers_and_of_single_sources_names():
    assert [task.task_id for task in plan_of({}).tasks] == ["clean_and_transform_csv", "bronze"]
    assert [(task.name, task.task_id) for task in plan_of({}, CRM, {}, ERP, CRM).tasks] == [
        ("clean.1", "clean_and_transform_csv_1"),
        ("clean.2", "clean_and_transform_csv_2"),
        ("clean.s3", "clean_and_transform_csv_s3"),
        ("bronze", "bronze"),
    ]


def test_pack_has_resources_of_one_and_time_of_all():
    timeouts = {"step_seconds": 60}
    (pack, _) = plan_of({}, {}, {}, timeouts=timeouts, resources={"cleaner": {"memory": "300Mi"}}).tasks
    assert (pack.resources.memory, pack.timeout_seconds) == ("300Mi", 180)
    assert plan_of(*[{}] * 8, timeouts={"step_seconds": 2_147_483_647}).tasks[0].timeout_seconds == 2_147_483_647


def test_a_pack_reaches_its_process_as_one_task_per_step():
    plan = plan_of({}, {}, {}, retry_config={"retryable_exit_codes": [65, "oom"]})
    received = wire.received([], "step", wire.environment(plan.document(plan.tasks[0], "one")))
    assert received.pack is not None
    assert (received.pack.retryable_exit_codes, received.pack.step_seconds) == ((65,), 1800)
    for step in received.steps():
        alone = plan.task(step.step, "one")
        assert (step.content(), step.plan, step.run_id) == (alone.content(), alone.plan, "one")
        assert step.pack is None
        assert set(step.others) >= set(alone.others)


def test_packing_changes_no_digest_of_a_step():
    one, many = plan_of({}, {}, sources_per_pod=1), plan_of({}, {"own_pod": True}, sources_per_pod=8)
    assert one.task("bronze").plan == many.task("bronze").plan


def test_second_pack_brings_the_later_steps_and_its_own():
    plan = plan_of(*[{}] * 4, sources_per_pod=2)
    first, second = (plan.document(task) for task in plan.tasks[:2])
    assert set(first.others) == {"clean.s1", "clean.s2", "clean.s3", "bronze"}
    assert set(second.others) == {"clean.s3", "bronze"}


def test_pack_too_large_keeps_its_own_steps_or_names_the_key(monkeypatch: pytest.MonkeyPatch):
    plan = plan_of(*[{}] * 4, sources_per_pod=2)
    document = plan.document(plan.tasks[0])
    monkeypatch.setattr(wire, "MAX_BYTES", len(wire.encode(document)) - 1)
    received = wire.received([], "step", wire.environment(document))
    assert set(received.others) == {"clean.s1"}
    monkeypatch.setattr(wire, "MAX_BYTES", 100)
    with pytest.raises(Misconfigured, match=r"the pod of clean\.s0 and 1 more has") as caught:
        wire.environment(document)
    assert "`sources_per_pod`" in caught.value.remedy


def test_pack_without_the_content_of_a_step_is_refused():
    plan = plan_of({}, {})
    written = plan.document(plan.tasks[0]).model_dump(mode="json", by_alias=True, exclude_unset=True)
    with pytest.raises(Misconfigured, match=r"`others` lacks 'clean\.s1' of `pack`"):
        parse_task({**written, "others": {}}, "task.json")
