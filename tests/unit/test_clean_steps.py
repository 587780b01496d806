"""The steps of a source: one, or those of the packs of its files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import models as k8s
from pydantic import ValidationError

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.orchestrators.dagster.job import valid_name
from medallion.orchestrators.kubernetes import pod_spec
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol.clean_work import CleanWork, Part

CONTRACT = Contract.model_validate({"name": "c", "table": "raw.c", "fields": [{"name": "a"}]})


def plan_of(*sources: dict[str, Any], inputs: dict[str, str] | None = None) -> Plan:
    named = [{"name": f"s{number}", "contract": "c", "path": "in/*.csv", **one} for number, one in enumerate(sources)]
    data = {"name": "p", "owner": "me", "sources": named, "models": "m", "layers": [{"name": "bronze"}]}
    return make_plan(
        Pipeline.model_validate(data), {"c": CONTRACT}, RunContext("run-1", "/landing", "abc", inputs=inputs or {})
    )


def test_packs_follow_the_list_and_the_table_follows_the_packs():
    plan = plan_of({"pods": 2})
    assert [(step.name, step.task_id, step.needs) for step in plan.steps] == [
        ("clean.s0.list", "list_files", ()),
        ("clean.s0.0", "load_files_0", ("clean.s0.list",)),
        ("clean.s0.1", "load_files_1", ("clean.s0.list",)),
        ("clean.s0", "clean_and_transform_csv", ("clean.s0.0", "clean.s0.1")),
        ("bronze", "bronze", ("clean.s0",)),
    ]
    works = [step.work for step in plan.steps[:-1]]
    assert [work.part for work in works if isinstance(work, CleanWork)] == [
        Part(does="list", of="clean.s0", packs=2),
        Part(does="load", of="clean.s0", packs=2, pack=0),
        Part(does="load", of="clean.s0", packs=2, pack=1),
        Part(does="publish", of="clean.s0", packs=2),
    ]


def test_each_part_has_a_pod_of_its_own():
    tasks = plan_of({}, {"pods": 3}, {}).tasks
    assert [task.task_id for task in tasks] == [
        "clean_and_transform_csv_1", "list_files_s1", "load_files_s1_0", "load_files_s1_1", "load_files_s1_2",
        "clean_and_transform_csv_s1", "bronze",
    ]  # fmt: skip
    assert [task.needs for task in tasks][-1] == ("clean.s0", "clean.s1", "clean.s2")


def test_a_file_named_in_place_of_the_source_needs_no_packs():
    assert [step.name for step in plan_of({"pods": 3}, inputs={"s0": "a.csv"}).steps] == ["clean.s0", "bronze"]


def test_only_pods_of_packs_are_spread_over_nodes():
    plan = plan_of({"pods": 2}, {})
    spread = {}
    for task in plan.tasks:
        pod = k8s.V1Pod(metadata=k8s.V1ObjectMeta(labels={"a": "b"}), spec=k8s.V1PodSpec(containers=[]))
        pod_spec.spread(pod, task)
        constraints = pod.spec.topology_spread_constraints or []
        spread[task.name] = [one.label_selector.match_labels for one in constraints]
        assert all(found.items() <= pod.metadata.labels.items() for found in spread[task.name])
    parts = ["clean.s0.list", "clean.s0.0", "clean.s0.1", "clean.s0"]
    assert spread == {**{name: [{"medallion/packs-of": "clean.s0"}] for name in parts}, "clean.s1": [], "bronze": []}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"path": "a.csv", "pods": 2}, "one pod loads it"),
        ({"pods": 0}, "greater than or equal to 1"),
        ({"path": None, "connector": "http", "url": "https://a/b", "pods": 2}, "not permitted"),
    ],
)
def test_pods_are_for_patterns_of_files(source: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        plan_of({key: value for key, value in source.items() if value is not None})


NAMES = st.lists(st.from_regex(r"[a-c](_[a0-9]{1,2}){0,2}", fullmatch=True), min_size=1, max_size=6, unique=True)


@given(NAMES, st.data())
def test_no_two_steps_or_tasks_have_the_same_name(names: list[str], data: st.DataObject):
    """Of any sources, with any number of pods each; Dagster knows a task by its ID alone."""
    plan = plan_of(*({"name": name, "pods": data.draw(st.integers(1, 12))} for name in names))
    for found in (
        [step.name for step in plan.steps],
        [task.name for task in plan.tasks],
        [valid_name(task.task_id) for task in plan.tasks],
    ):
        assert len(set(found)) == len(found)
