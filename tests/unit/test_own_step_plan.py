"""A team's own steps in a plan: what waits for them, and what they wait for."""

from __future__ import annotations

from typing import Any

from medallion.config.contract import Contract
from medallion.config.pipeline import Pipeline
from medallion.plan import Plan, RunContext, make_plan

CONTRACT = Contract.model_validate({"name": "c", "table": "raw.c", "fields": [{"name": "a"}]})
COMMAND = {"image": "busybox", "command": ["score"]}


def plan(*steps: dict[str, Any], **more: Any) -> Plan:
    pipeline = Pipeline.model_validate(
        {
            "name": "p", "owner": "me", "models": "p", "layers": [{"name": "silver"}, {"name": "gold"}],
            "sources": [{"name": name, "path": "a.csv", "contract": "c"} for name in ("x", "y")],
            "steps": [COMMAND | step for step in steps], **more,
        }
    )  # fmt: skip
    return make_plan(pipeline, {"c": CONTRACT}, RunContext("r", "/landing"))


def needs(made: Plan) -> dict[str, tuple[str, ...]]:
    return {step.name: step.needs for step in made.steps}


def test_layer_after_a_step_waits_for_it():
    assert needs(plan({"name": "check", "after": "silver"})) == {
        "clean.x": (), "clean.y": (), "silver": ("clean.x", "clean.y"), "check": ("silver",), "gold": ("check",),
    }  # fmt: skip


def test_step_before_the_sources_is_first_and_brings_the_others():
    made = plan({"name": "fetch", "before": "sources"})
    assert needs(made) | {} == {
        "fetch": (), "clean.x": ("fetch",), "clean.y": ("fetch",), "silver": ("clean.x", "clean.y"), "gold": ("silver",),
    }  # fmt: skip
    assert set(made.task("fetch").others) == {"clean.x", "clean.y", "silver", "gold"}


def test_step_after_the_sources_precedes_freshness_of_no_layer():
    made = plan({"name": "check", "after": "sources"}, source_freshness=True)
    assert list(needs(made)) == ["clean.x", "clean.y", "freshness", "check", "silver", "gold"]
    assert needs(made)["silver"] == ("check",)


def test_step_follows_the_tests_of_a_layer_in_phases():
    made = needs(plan({"name": "check", "after": "silver"}, granularity="phase"))
    assert (made["check"], made["gold.run"]) == (("silver.test",), ("check",))


def test_own_step_has_its_own_limits_and_module():
    made = plan({"name": "check", "timeout_seconds": 7, "resources": {"memory": "1Gi"}, "secret": "key"}, tenant=None)
    step = made.step("check")
    assert (step.timeout_seconds, step.resources.memory, step.secret) == (7, "1Gi", ("key", ""))
    assert (step.module, step.task_id, step.group) == ("medallion.command", "check", ())
    assert made.step("gold").module == "medallion.dbt"


def test_changed_command_changes_the_pinned_plan():
    one, other = (plan({"name": "check", "args": [word]}).task("gold").plan["check"] for word in "ab")
    assert one != other
