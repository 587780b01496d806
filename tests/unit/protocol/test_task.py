"""What a step is given: read as it was written, refused when it is not understood, and fit for Linux and Kubernetes."""

from __future__ import annotations

import json
import random
import re
import string
from pathlib import Path
from typing import Any

import pytest

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.errors import Misconfigured
from medallion.plan import Plan, RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.task import PROTOCOL, TaskSpec, parse_task

LINUX = 128 * 1024
"""MAX_ARG_STRLEN, with the variable's name and the final zero: https://man7.org/linux/man-pages/man2/execve.2.html."""
ETCD = 1_500_000


def plan_of(sources: int, codes: int = 0, fields: int = 100, **more: Any) -> Plan:
    """A plan of many sources, each under a contract of its own that does not compress well."""
    chance = random.Random(7)
    words = ["".join(chance.choices(string.ascii_letters + string.digits, k=16)) for _ in range(max(codes, fields))]
    enum = {"constraints": {"enum": words[:codes]}} if codes else {}
    contracts = {
        f"c{number}": Contract.model_validate(
            {
                "name": f"c{number}",
                "table": f"raw.t{number}",
                "fields": [
                    {"name": f"f{n}", "description": f"{number} {words[n]}", **(enum if n == 0 else {})}
                    for n in range(fields)
                ],
            }
        )
        for number in range(sources)
    }
    named = [{"name": f"s{number}", "path": "a.csv", "contract": f"c{number}"} for number in range(sources)]
    layers = [{"name": "bronze"}, {"name": "gold"}]
    pipeline = Pipeline.model_validate(
        {"name": "p", "owner": "me", "sources": named, "models": "m", "layers": layers, **more}
    )
    return make_plan(pipeline, contracts, RunContext("run-1", "/landing", "abc"))


@pytest.mark.parametrize(("sources", "codes"), [(1, 12_000), (20, 0), (1, 40_000)])
def test_variables_fit_the_limits_of_linux_and_kubernetes(sources: int, codes: int):
    plan = plan_of(sources, codes)
    for step in {step.image: step for step in reversed(plan.steps)}.values():
        variables = wire.environment(plan.task(step.name))
        assert max(len(name) + len(value) + 2 for name, value in variables.items()) < LINUX
        assert sum(map(len, variables.values())) < ETCD / 1.4
        assert wire.received([], "step", variables).to_json() == plan.task(step.name).to_json()


def test_what_a_step_is_given_does_not_grow_with_the_other_steps():
    few, many = (len(plan_of(sources).task("clean.s1").to_json()) for sources in (2, 20))
    assert many < few * 1.4  # a digest for each step
    layer = plan_of(20).task("gold").to_json()
    assert "description" not in layer
    assert len(layer) < 5_000


def test_a_whole_run_is_handed_over_once():
    plan = plan_of(10)
    texts = [plan.task(step.name).to_json() for step in plan.steps]
    alone = sum(len(json.dumps(plan.task(step.name).content())) for step in plan.steps)
    assert sum(map(len, texts)) < 3 * alone


def test_task_too_large_omits_other_steps_or_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "MAX_BYTES", 50_000)
    plan = plan_of(4, codes=2_000, fields=3)
    task = plan.task("clean.s0")
    assert set(task.others) == {step.name for step in plan.steps[1:]}
    received = wire.received([], "step", wire.environment(task))
    assert (received.others, received.plan) == ({}, task.plan)
    with pytest.raises(Misconfigured, match=r"step clean.s0 has [\d,]+ bytes .* can be given 50,000"):
        wire.environment(plan_of(1, codes=5_000).task("clean.s0"))


def kubernetes_expands(value: str) -> str:
    """What Kubernetes makes of a variable: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables."""
    return re.sub(r"\$\$|\$\((\w+)\)", lambda found: "$" if found[0] == "$$" else f"<{found[1]}>", value)


@pytest.mark.parametrize(
    "text", ["$(PGPASSWORD)", "$$", "{{ run_id }}", "{% raw %}", "Ä€😀", 'a"b\\c\n', "%(x)s", "\x7f"]
)
def test_a_value_reaches_the_step_as_it_was_written(text: str):
    contract = Contract.model_validate(
        {"name": "c", "table": "raw.c", "missingValues": [text], "fields": [{"name": "a"}]}
    )
    sources = [{"name": "s", "path": "a.csv", "contract": "c"}]
    pipeline = Pipeline.model_validate({"name": "p", "owner": "me", "sources": sources})
    task = make_plan(pipeline, {"c": contract}, RunContext("run-1", "/landing")).task("clean.s")
    variables = {name: kubernetes_expands(value) for name, value in wire.environment(task).items()}
    assert not any("{" in value for value in variables.values())
    received = wire.received([], "step", variables)
    assert received.work.contract.missing_values == (text,)  # type: ignore[union-attr]


def written(**changes: Any) -> dict[str, Any]:
    return {**json.loads(plan_of(1, fields=1).task("clean.s0").to_json()), **changes}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"retention": {"keep": 3}}, "retention.keep: unknown field"),
        ({"colour": "blue"}, "colour: unknown field"),
        ({"work": {"kind": "layer", "layer": "x", "select": "y", "gates": []}}, "work.gates: unknown field"),
        ({"work": {"kind": "spark"}}, "work: "),
        ({"retention": {"builds": 0}}, "retention.builds: "),
        ({"run_id": ""}, "run_id: "),
    ],
)
def test_a_field_that_the_image_does_not_know_is_named(change: dict[str, Any], place: str):
    with pytest.raises(Misconfigured, match=re.escape(place)) as caught:
        parse_task(written(**change), "task.json")
    assert caught.value.code == 64
    assert caught.value.remedy == (
        "use the images and the DAG folder of one release" if "unknown" in place else "correct the task"
    )


@pytest.mark.parametrize("protocol", [None, 0, PROTOCOL + 1, "1"])
def test_other_protocol_is_refused_first(protocol: object):
    with pytest.raises(Misconfigured, match=rf"the task has protocol {protocol!r}, this image reads {PROTOCOL}"):
        parse_task({"protocol": protocol, "anything": 1}, "task.json")


def test_a_person_can_write_a_task_into_a_file(tmp_path: Path):
    file = tmp_path / "task.json"
    file.write_text(json.dumps(written()))
    assert wire.received(["--file", str(file)], "step", {}).step == "clean.s0"
    for text, words in (("{", "is not JSON"), ("[]", "has protocol None")):
        file.write_text(text)
        with pytest.raises(Misconfigured, match=words):
            wire.received(["--file", str(file)], "step", {})
    with pytest.raises(Misconfigured, match="cannot be read: No such file"):
        wire.received(["--file", str(tmp_path / "none.json")], "step", {})


def test_a_task_that_is_not_whole_is_refused():
    variables = wire.environment(plan_of(1, codes=40_000).task("clean.s0"))
    assert len(variables) > 2
    for names in (list(variables)[:-1], list(variables)[1:], []):
        with pytest.raises(Misconfigured, match=r"cannot be read|there is no task"):
            wire.received([], "step", {name: variables[name] for name in names})


def test_step_digest_does_not_depend_on_run_or_commit():
    one, two = plan_of(3), plan_of(3)
    assert one.task("gold", "a").plan == two.task("gold", "b").plan == one.task("clean.s0").plan
    assert plan_of(3, schema_prefix="x_").task("gold").plan != one.task("gold").plan
    assert isinstance(one.task("gold"), TaskSpec)
