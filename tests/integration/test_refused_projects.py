"""What cannot be published safely, or has no gate, is refused before anything is written, with its file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers import with_path
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from team import PIPELINE, Team, environment_of, team_of, write_team

VIEW = "{{ config(materialized='view') }} "
EXTERNAL = "select * from {{ source('ext', 'things') }}"
FAULTS = {
    "snapshots/in_no_layer.sql": "{% snapshot in_no_layer %}{{ config(unique_key='country', strategy='check', check_cols='all') }}"
    "select * from {{ ref('sales') }}{% endsnapshot %}",
    "seeds/unread.csv": "a\n1\n",
    "models/shop/extra/lost.sql": "select 1 as id",
    "models/shop/extra/lost.yml": "models: [{name: lost, columns: [{name: id, data_tests: [unique]}]}]",
    "models/shop/bronze/early.sql": "select * from {{ ref('sales') }}",
    "models/shop/gold/sales.yml": "models: [{name: sales, columns: [{name: total, data_tests: "
    "[{not_null: {config: {store_failures: true, schema: gold}}}]}]}]",
    "tests/of_nothing.sql": "select 1 where false",
    "tests/of_a_missing_model.sql": "select * from {{ ref('sales') }} join {{ ref('no_such_model') }} using (id)",
    "tests/of_a_disabled_model.sql": "select * from {{ ref('sales') }} join {{ ref('off') }} using (id)",
    "models/shop/gold/off.sql": "{{ config(enabled=false) }} select 1 as id",
    "models/shop/gold/ext.yml": "sources: [{name: ext, schema: ext, tables: [{name: things}]}]",
    "models/shop/gold/v_direct.sql": VIEW + EXTERNAL,
    "models/shop/gold/v_inlined.sql": VIEW + "select * from {{ ref('inlined') }}",
    "models/shop/gold/inlined.sql": "{{ config(materialized='ephemeral') }} " + EXTERNAL,
    "models/shop/silver/v_ext.sql": VIEW + EXTERNAL,
    "models/shop/gold/v_through.sql": VIEW + "select * from {{ ref('v_ext') }}",
    "functions/f.sql": "select 1",
    "functions/f.yml": "functions: [{name: f, returns: {data_type: int}}]",
    "models/shop/gold/v_calls.sql": VIEW + "select {{ function('f') }}() as x from {{ ref('fct_orders') }}",
}
FOUND = {
    "snapshots/in_no_layer.sql": "no layer builds the snapshot in_no_layer, so nothing keeps its history",
    "seeds/unread.csv": "no layer of any pipeline builds the seed unread",
    "models/shop/extra/lost.yml": "the test unique_lost_id reads lost, which no layer builds",
    "models/shop/bronze/early.sql": "early of the layer bronze reads sales, which the later layer gold builds",
    "models/shop/gold/sales.yml": "the test not_null_sales_total would store its failing rows in gold",
    "tests/of_nothing.sql": "the test of_nothing reads no model and no source",
    "tests/of_a_missing_model.sql": "the test of_a_missing_model reads no_such_model, missing or disabled",
    "tests/of_a_disabled_model.sql": "the test of_a_disabled_model reads off, missing or disabled",
    "models/shop/gold/v_direct.sql": "gold.v_direct is a view that reads ext.things",
    "models/shop/gold/v_inlined.sql": "gold.v_inlined is a view that reads ext.things",
    "models/shop/gold/v_through.sql": "gold.v_through is a view that reads ext.things",
    "models/shop/gold/v_calls.sql": "gold.v_calls calls the function f",
}
ONLY_BY_LINT = ("seeds/unread.csv", "models/shop/gold/v_")


def test_lint_and_the_first_step_refuse_it_by_file(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_team(tmp_path / "shop", FAULTS)
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "medallion.cli", "lint", "--dags", str(folder / "dags")]
    done = subprocess.run(command, env=with_path(dict(os.environ)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    for file, message in FOUND.items():
        assert any(f"{file}:1:1: {message}" in line for line in done.stdout.splitlines()), (message, done.stdout)
    with team_of(folder) as team:
        team.deliver((1, "SE", 1))
        codes = team.run()
    assert codes == {"clean.orders": ExitCode.OK, "bronze": ExitCode.USAGE}, team.output
    for file, message in FOUND.items():
        assert file.startswith(ONLY_BY_LINT) or f"{file}: {message}" in team.output, message
    schemas = "select nspname from pg_namespace where nspname ~ 'bronze|silver|gold'"
    assert warehouse.execute(schemas).fetchall() == []


BY_HAND = {
    "models/shop/gold/ext.yml": FAULTS["models/shop/gold/ext.yml"],
    "models/shop/gold/v_ext.sql": VIEW + EXTERNAL,
    "models/shop/gold/v_source.sql": VIEW + "select * from {{ source('raw', 'orders') }}",
    "models/shop/gold/v_hand.sql": VIEW + "select * from {{ 'silver' }}.fct_orders -- {{ ref('fct_orders') }}",
    "models/shop/gold/t_hand.sql": "select 1 as one from {{ 'gold' }}.sales -- {{ ref('sales') }}",
    "models/shop/gold/t_comma.sql": "select 1 as one from silver.fct_orders as f, {{ 'gold' }}.sales -- {{ ref('sales') }}",
    "models/shop/gold/t_hook.sql": "{{ config(post_hook='delete from gold.sales where total > 0') }} select 1 as one",
    "models/shop/gold/t_rights.sql": "{{ config(post_hook='alter table {{ this }} enable row level security') }} select 1 as one",
    "models/shop/gold/v_rights.sql": VIEW
    + "{{ config(post_hook='alter view {{ this }} set (security_invoker = true)') }} select * from {{ ref('fct_orders') }}",
    "tests/by_hand.sql": "{{ config(enabled=var('by_hand', false)) }}select * from gold.sales where total < 0 -- {{ ref('sales') }}",
    "models/shop/gold/t_good.sql": "select 1 as one, gold.sales from (select 1 as sales) as gold -- from gold.sales\n"
    "cross join silver.fct_orders where 'from gold.sales' <> ''",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_of(write_team(tmp_path_factory.mktemp("shop"), BY_HAND)) as team:
        yield team


@pytest.fixture
def team(shop: Team, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name, value in environment_of(shop.folder).items():
        monkeypatch.setenv(name, value)
    shop.deliver((1, "SE", 1))
    only(shop, "sales t_good")
    shop.good()
    return shop


def only(team: Team, gold: str) -> None:
    team.pipeline(
        PIPELINE.replace("models: shop", "models: shop").replace("{name: gold}", f"{{name: gold, select: {gold}}}")
    )


def test_a_run_refuses_what_only_the_database_shows(team: Team, warehouse: Connection):
    warehouse.execute("create schema ext; create table ext.things as select 1 as id")
    refusals = {
        "v_ext": "models/shop/gold/v_ext.sql: gold.v_ext is a view that reads ext.things",
        "v_hand": "models/shop/gold/v_hand.sql: gold.v_hand is a view that reads silver.fct_orders",
        "t_hand": "models/shop/gold/t_hand.sql: t_hand reads gold.sales by a name written by hand",
        "t_comma": "models/shop/gold/t_comma.sql: t_comma reads gold.sales by a name written by hand",
        "t_hook": "models/shop/gold/t_hook.sql: a hook of t_hook names gold.sales by a name written by hand",
        "t_rights": "models/shop/gold/t_rights.sql: gold.t_rights has row-level security",
        "v_rights": "models/shop/gold/v_rights.sql: gold.v_rights reads with the rights of its reader",
    }
    for name, message in refusals.items():
        only(team, f"sales {name}")
        assert list(team.run().values())[-1] == ExitCode.USAGE, team.output
        assert message in team.output
        assert warehouse.execute("select total from gold.sales").fetchone() == (1,)
        assert warehouse.execute("select to_regclass(%s)", (f"gold.{name}",)).fetchone() == (None,)


def test_a_test_of_an_earlier_runs_data_is_refused(team: Team, warehouse: Connection):
    team.pipeline(PIPELINE.replace("{name: gold}", "{name: gold, select: sales}") + "dbt: {vars: {by_hand: true}}\n")
    team.deliver((1, "SE", -1))
    assert list(team.run().values())[-1] == ExitCode.USAGE, team.output
    assert "tests/by_hand.sql: by_hand reads gold.sales by a name written by hand" in team.output
    assert warehouse.execute("select total from gold.sales").fetchone() == (1,)


def test_an_option_in_a_selector_is_refused(team: Team):
    only(team, "'sales --exclude t_good'")
    assert list(team.run().values())[-1] == ExitCode.USAGE, team.output
    assert "contains the option --exclude, and only selectors are possible" in team.output


def test_a_view_on_a_table_that_grows_in_place_is_refused(team: Team, warehouse: Connection):
    only(team, "sales v_source")
    team.good()
    build = warehouse.execute("select build_schema from medallion.builds where published_schema = 'raw'").fetchone()
    assert build is not None
    warehouse.execute("insert into medallion.load_state values (%s, 'a.csv', '1', 'one')", build)
    codes = team.run()
    assert list(codes.values())[-1] == ExitCode.USAGE, team.output
    assert "gold.v_source is a view that reads raw.orders" in team.output


def test_a_relation_that_someone_else_made_is_not_taken_over(team: Team, warehouse: Connection):
    warehouse.execute("drop view gold.sales; create view gold.sales as select 7 as total")
    assert list(team.run().values())[-1] == ExitCode.USAGE
    assert "gold.sales is a view that Medallion did not make" in team.output
    assert warehouse.execute("select total from gold.sales").fetchone() == (7,)


def test_a_table_in_the_place_of_a_later_layer_stops_the_first(team: Team, warehouse: Connection):
    warehouse.execute("drop view silver.fct_orders; create table silver.fct_orders as select 7 as id")
    known = warehouse.execute("select count(*) from medallion.builds where published_schema <> 'raw'").fetchone()
    assert team.run() == {"clean.orders": ExitCode.OK, "bronze": ExitCode.USAGE}
    assert "silver.fct_orders is a table that Medallion did not make" in team.output
    assert warehouse.execute("select id from silver.fct_orders").fetchone() == (7,)
    left = warehouse.execute("select count(*) from medallion.builds where published_schema <> 'raw'").fetchone()
    assert left == known
