"""A team's own steps in a pipeline file: their place, and what is refused."""

from __future__ import annotations

import pytest

from medallion.config.diagnostics import ConfigError
from medallion.config.job import Job
from medallion.config.pipeline import Pipeline
from medallion.config.yaml_loader import parse

HEAD = """\
name: orders
owner: sales
sources: [{name: orders, path: orders.csv, contract: orders}]
models: orders
layers: [{name: silver}, {name: gold}]
"""


def step(name: str, more: str = "") -> str:
    return f"  - {{name: {name}, image: busybox, command: [score]{more and ', ' + more}}}\n"


def order(*steps: str) -> list[str]:
    return parse(f"{HEAD}steps:\n{''.join(steps)}", Pipeline, "orders.yaml").order


def refused(*steps: str) -> str:
    with pytest.raises(ConfigError) as caught:
        order(*steps)
    (diagnostic,) = caught.value.diagnostics
    return str(diagnostic)


def test_step_without_a_place_is_the_last():
    assert order(step("a"), step("b")) == ["sources", "silver", "gold", "a", "b"]


def test_steps_of_one_place_keep_the_order_of_the_file():
    after = order(step("a", "after: silver"), step("b", "after: silver"), step("c", "after: a"))
    assert after == ["sources", "silver", "a", "c", "b", "gold"]
    before = order(step("a", "before: sources"), step("b", "before: sources"), step("c", "before: gold"))
    assert before == ["a", "b", "sources", "silver", "c", "gold"]


def test_pipeline_of_own_steps_alone_is_valid():
    text = f"name: orders\nowner: sales\nsteps:\n{step('a')}"
    assert parse(text, Pipeline, "orders.yaml").order == ["sources", "a"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((step("a", "after: bronze"),), "step 'a': 'bronze' is neither a layer nor a step above it — write one of: sour"),
        ((step("a", "after: b"), step("b")), "step 'a': 'b' is neither a layer nor a step above it"),
        ((step("a", "after: gold, before: gold"),), "step 'a' has both `after` and `before` — write one of them"),
        ((step("gold"),), "layer or step 'gold' is there twice — give each layer or step its own name"),
        ((step("a-b"), step("a_b")), "layer or step 'a_b' is there twice"),
        ((step("rollback"),), "'rollback' is the name of one of Medallion's own steps — choose another name"),
        ((step("dbt_run_gold"),), "'dbt_run_gold' is the name of one of Medallion's own steps"),
        ((step("Clean"),), "step 'Clean' has the name of a task group — choose another name"),
        ((step("a", "env: {MEDALLION_X: y}"),), "`MEDALLION_` begins Medallion's own variables"),
        ((step("a", "env: {A-B: y}"),), "invalid value 'A-B' — write a letter or `_`, then letters, digits and `_`"),
        ((step("a", "env: {A: 1}"),), "env.A: 1 is no text — write it in quotes"),
        ((step("a").replace("[score]", "[]"),), "command"),
        ((step("a").replace("[score]", "score"),), "command"),
        ((step("a").replace("busybox", "'a b'"),), "write an image such as `registry.example.com/team/score:1.4`"),
        ((step("a", "run_as_user: 0"),), "run_as_user"),
    ],
)  # fmt: skip
def test_wrong_step_is_refused_with_its_remedy(steps: tuple[str, ...], message: str):
    assert message in refused(*steps)


def test_tenants_step_names_only_the_tenants_secret():
    text = f"{HEAD}tenant: acme\nsteps:\n{step('a', 'secret: globex.key')}"
    with pytest.raises(ConfigError, match=r"the Secret 'globex\.key' is not the tenant's — name one as `acme\.key`"):
        parse(text, Pipeline, "orders.yaml")
    job = f"tenant: acme\nconnector: csv\nsource: {{path: a.csv}}\ncontract: c\nsteps:\n{step('a', 'secret: key')}"
    with pytest.raises(ConfigError, match="the Secret 'key' is not the tenant's"):
        parse(job, Job, "job.yaml")
    good = text.replace("globex.key", "acme.key")
    assert parse(good, Pipeline, "orders.yaml").steps[0].secret == "acme.key"


def test_step_takes_other_retry_keys_from_the_pipeline():
    text = f"{HEAD}retry_config: {{max_retries: 5, initial_delay_seconds: 9}}\nsteps:\n"
    text += step("a") + step("b", "retry_config: {retryable_exit_codes: [1, 2]}")
    pipeline = parse(text, Pipeline, "orders.yaml")
    plain, own = (one.retry(pipeline.retry_config) for one in pipeline.steps)
    assert plain == pipeline.retry_config
    assert (own.max_retries, own.initial_delay_seconds, own.retryable_exit_codes) == (5, 9, (1, 2))
    assert own.is_retryable(2)
    assert not own.is_retryable(75)
