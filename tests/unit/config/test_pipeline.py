"""Pipeline files: what is refused, where, and what to write instead."""

from __future__ import annotations

import pytest

from medallion.config.diagnostics import ConfigError
from medallion.config.pipeline import Pipeline
from medallion.config.retry import RetryConfig
from medallion.config.yaml_loader import parse
from medallion.warehouse import ledger

GOOD = """\
name: orders
owner: sales
sources:
  - {name: orders, path: orders.csv, contract: orders}
models: orders
layers: [{name: bronze}, {name: silver}, {name: gold}]
"""


def only_finding(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, Pipeline, "orders.yaml")
    (diagnostic,) = caught.value.diagnostics
    return str(diagnostic)


def test_a_short_file_is_enough():
    pipeline = parse(GOOD, Pipeline, "orders.yaml")
    assert [layer.is_published for layer in pipeline.layers] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        (
            GOOD + "schedule:\n  cron: '@daily'\n  interval_seconds: 3600\n",
            "orders.yaml:7:1: schedule: `cron` and `interval_seconds` are both given — keep one of them",
        ),
        (
            GOOD + "schedule: {cron: '61 * * * *'}\n",
            "orders.yaml:7:12: schedule.cron: '61 * * * *' is no cron expression — write five fields (minute hour "
            "day month weekday), such as `0 6 * * *`, or one of @hourly, @daily, @weekly, @monthly, @quarterly, "
            "@yearly",
        ),
        (
            GOOD + "schedule: {timezone: Mars/Olympus}\n",
            "orders.yaml:7:12: schedule.timezone: no time zone 'Mars/Olympus' — use an IANA name such as "
            "`Europe/Berlin` or `UTC`",
        ),
        (
            GOOD.replace("path: orders.csv", "path: ../secrets.csv"),
            "orders.yaml:4:20: sources.0.path: '../secrets.csv' leaves the landing volume — write a path below it, "
            "without `..`",
        ),
        (
            GOOD.replace("path: orders.csv", "path: '{{ var.value.path }}'"),
            "orders.yaml:4:20: sources.0.path: '{{ var.value.path }}' is a template — write a plain path",
        ),
        (
            GOOD.replace("{name: silver}", "{name: bronze}"),
            "orders.yaml:1:1: layer 'bronze' is there twice — give each layer its own name",
        ),
        (
            GOOD + "retry_confg: 3\n",
            "orders.yaml:7:1: retry_confg: unknown key 'retry_confg' — did you mean 'retry_config'?",
        ),
        (
            GOOD.replace("owner: sales\n", ""),
            "orders.yaml:1:1: owner: key 'owner' is missing — add `owner: …`",
        ),
    ],
)
def test_error_has_its_place_and_a_remedy(text: str, diagnostic: str):
    assert only_finding(text) == diagnostic


@pytest.mark.parametrize("name", [ledger.ROLLBACK, ledger.ADOPTION])
def test_a_layer_named_as_a_mark_of_the_ledger_is_refused(name: str):
    text = GOOD.replace("{name: gold}", f"{{name: {name}}}")
    expected = f"orders.yaml:1:1: layer {name!r} has a name that the ledger uses — choose another name"
    assert only_finding(text) == expected


@pytest.mark.parametrize("name", ["'; drop table x; --'", "a/b", "../up", "{{ ds }}", "", "a" * 64])
def test_a_name_that_could_reach_beyond_itself_is_refused(name: str):
    assert "name:" in only_finding(GOOD.replace("name: orders\nowner", f'name: "{name}"\nowner'))


def test_a_selector_is_a_selector_and_no_shell_or_template():
    assert "select" in only_finding(GOOD.replace("{name: gold}", "{name: gold, select: 'x; rm -rf $HOME'}"))


def test_waits_grow_by_the_factor_up_to_the_cap():
    config = RetryConfig(initial_delay_seconds=300, backoff_multiplier=2, max_delay_seconds=1800)
    assert [config.delay(attempt) for attempt in (1, 2, 3, 4)] == [300, 600, 1200, 1800]
