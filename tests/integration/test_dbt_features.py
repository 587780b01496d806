"""Seeds, snapshots, functions, hooks, grants, comments, warnings, stored failures: each is done, once, and shown."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from medallion.alerts import Alert
from medallion.errors import ExitCode
from medallion.orchestrators.local.alerting import build_alerts
from medallion.orchestrators.local.report import make_report
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back
from team import PIPELINE, SETTINGS, Team, environment_of, team_of, write_team

ROLE = f"reporter_{uuid.uuid4().hex[:8]}"
HOOKS = """
on-run-start: "insert into public.hooks values ('start', '{{ target.schema }}')"
on-run-end:
  - "insert into public.hooks values ('end', '{{ schemas | sort | join('+') }}')"
  - "{% for schema in schemas %}grant usage on schema {{ schema }} to public; {% endfor %}"
"""
FILES = {
    "dbt_project.yml": SETTINGS + HOOKS,
    "seeds/countries.csv": "code,name\nSE,Sweden\nNO,Norway\n",
    "seeds/of_a_test.csv": "code\nSE\nNO\n",
    "seeds/raw_rates.csv": "code,rate\nSE,10\n",
    "seeds/seeds.yml": "seeds: [{name: raw_rates, config: {schema: rates, alias: exchange}}]",
    "models/shop/bronze/rates.yml": "sources: [{name: rates, schema: rates, tables: [{name: exchange, data_tests: "
    "[{expression_is_true: {arguments: {expression: rate > 0}}}]}]}]",
    "macros/expression.sql": "{% test expression_is_true(model, expression, column_name=none) %}select * from {{ model }} where not ({{ expression }}){% endtest %}",
    "models/shop/silver/fct_orders.sql": """
        select o.id, o.country, o.amount, c.name, r.rate from {{ ref('stg_orders') }} as o
        left join {{ ref('countries') }} as c on c.code = o.country
        left join {{ source('rates', 'exchange') }} as r on r.code = o.country""",
    "models/shop/silver/fct_orders.yml": """
models:
  - name: fct_orders
    columns:
      - name: country
        data_tests: [{relationships: {arguments: {to: ref('of_a_test'), field: code}}}]
      - name: amount
        data_tests:
          - expression_is_true:
              name: small
              arguments: {expression: amount < 10}
              config: {severity: warn, store_failures: true, schema: audit}
unit_tests:
  - name: named
    model: fct_orders
    given:
      - {input: "ref('stg_orders')", rows: [{id: 1, country: SE, amount: 2}]}
      - {input: "ref('countries')", rows: [{code: SE, name: Sverige}]}
      - {input: "source('rates', 'exchange')", rows: []}
    expect: {rows: [{id: 1, name: Sverige}]}
""",
    "snapshots/history.sql": """
{% snapshot orders_history %}
{{ config(unique_key='id', strategy='check', check_cols=['amount']) }}
select id, amount from {{ ref('fct_orders') }}
{% endsnapshot %}""",
    "functions/twice.sql": "select x * 2",
    "functions/f.yml": "functions: [{name: twice, config: {schema: fn}, arguments: [{name: x, data_type: numeric}], returns: {data_type: numeric}}]",
    "models/shop/gold/sales.sql": "select country, sum(amount) as total, {{ function('twice') }}(sum(amount)) as doubled "
    "from {{ ref('fct_orders') }} group by 1",
    "models/shop/gold/sales.yml": f"""
models:
  - name: sales
    description: by country
    config: {{grants: {{select: [{ROLE}]}}, persist_docs: {{relation: true, columns: true}}}}
    columns: [{{name: total, description: in euro, data_tests: [not_null]}}]
""",
    "models/shop/gold/changes.sql": "{{ config(materialized='view') }} select id, count(*) as versions from {{ ref('orders_history') }} group by 1",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Team]:
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create role {ROLE}")  # type: ignore[arg-type]
        with team_of(write_team(tmp_path_factory.mktemp("shop"), FILES)) as team:
            yield team
        server.execute(f"drop role {ROLE}")  # type: ignore[arg-type]


@pytest.fixture
def team(shop: Team, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name, value in environment_of(shop.folder).items():
        monkeypatch.setenv(name, value)
    shop.pipeline(PIPELINE)
    warehouse.execute("create table public.hooks (at text, what text)")
    return shop


def one(connection: Connection, query: str) -> Any:
    return connection.execute(query).fetchone()  # type: ignore[arg-type]


def test_everything_that_a_project_has_is_done_once(team: Team, warehouse: Connection):
    team.deliver((1, "SE", 2), (2, "NO", 30))
    team.good()
    report = team.report(warehouse)
    built = {name: {model["name"] for model in step["models"]} for name, step in report.items()}
    assert built["silver"] == {"countries", "of_a_test", "raw_rates", "fct_orders"}
    assert built["gold"] == {"sales", "changes", "orders_history", "twice"}
    ran = {name: {test["name"] for test in step["tests"]} for name, step in report.items()}
    assert ran["bronze"] == set()
    assert ran["gold"] == {"not_null_sales_total"}
    assert {"small", "named"} < ran["silver"]
    assert len(ran["silver"]) == 4
    # rows: of tables as counted, of views and functions not at all
    rows = {model["name"]: model["rows"] for step in report.values() for model in step["models"]}
    assert rows == {
        **{"stg_orders": 2, "countries": 2, "of_a_test": 2, "raw_rates": 1, "fct_orders": 2},
        **{"sales": 2, "changes": None, "orders_history": 2, "twice": None},
    }
    assert one(warehouse, "select array_agg(name order by id) from silver.fct_orders") == (["Sweden", "Norway"],)
    assert one(warehouse, "select doubled from gold.sales where country = 'SE'") == (4,)
    # hooks: once a run, with the schemas that readers know, and no model and no test
    assert warehouse.execute("select * from public.hooks").fetchall() == [
        ("start", "public"),
        ("end", "bronze+fn+gold+history+rates+silver"),
    ]
    # a warning: in the log, in the report, and, if wanted, an alert
    (warned,) = [test for test in report["silver"]["tests"] if test["status"] == "warn"]
    assert (warned["name"], warned["failures"], len(warned["sample"])) == ("small", 1, 1)
    assert '"event_type": "tests_warned"' in team.output
    assert "1 of them with a warning" in report["silver"]["message"]
    alerts: list[Alert] = build_alerts(team.plan.pipeline, make_report(warehouse, team.plan, team.last), [])
    assert [(alert.kind, alert.task, [item.name for item in alert.failed]) for alert in alerts] == [
        ("warning", "silver", ["small"])
    ]
    # stored failures: in their own schema
    assert one(warehouse, "select count(*) from audit.small") == (1,)


def test_grants_and_comments_reach_the_view_that_readers_use(team: Team, warehouse: Connection):
    team.deliver((1, "SE", 2))
    team.good()
    may = (
        f"select has_schema_privilege('{ROLE}', 'gold', 'usage'), has_table_privilege('{ROLE}', 'gold.sales', 'select')"
    )
    described = "select obj_description('gold.sales'::regclass), col_description('gold.sales'::regclass, 2)"
    assert one(warehouse, may) == (True, True)
    assert one(warehouse, described) == ("by country", "in euro")
    warehouse.execute(f"set role {ROLE}")  # type: ignore[arg-type]
    assert one(warehouse, "select total from gold.sales") == (2,)
    warehouse.execute("reset role")
    # what someone else granted stays, and so does the role's own after a rollback
    warehouse.execute("grant select on gold.changes to public; comment on view gold.changes is 'mine'")
    team.deliver((1, "SE", 3))
    team.good()
    roll_back(warehouse, "shop", None, "abc")
    assert one(warehouse, may) == (True, True)
    assert one(
        warehouse,
        "select has_table_privilege('public', 'gold.changes', 'select'), obj_description('gold.changes'::regclass)",
    ) == (True, "mine")
    warehouse.execute(f"drop owned by {ROLE}")  # type: ignore[arg-type]


def test_snapshot_continues_from_the_last_good_run(team: Team, warehouse: Connection):
    versions = "select versions from gold.changes"
    team.deliver((1, "SE", 2))
    team.good()
    team.deliver((1, "SE", 3))
    team.good()
    assert one(warehouse, versions) == (2,)
    team.deliver((1, "XX", 4))  # no such country
    assert list(team.run().values())[-1] == ExitCode.TEST_FAILED
    assert one(warehouse, versions) == (2,)
    team.deliver((1, "SE", 5))
    team.good()
    assert one(warehouse, versions) == (3,)


def test_a_layer_of_seeds_alone_is_a_layer(team: Team, warehouse: Connection):
    team.pipeline(PIPELINE.replace("[{name: bronze}", "[{name: seeds, select: 'path:seeds'}, {name: bronze}"))
    team.deliver((1, "SE", 2))
    team.good()
    report = team.report(warehouse)
    assert {model["name"] for model in report["seeds"]["models"]} == {"countries", "of_a_test", "raw_rates"}
    assert [test["name"] for test in report["seeds"]["tests"]] == ["source_expression_is_true_rates_exchange_rate_0"]
    assert {model["name"] for model in report["silver"]["models"]} == {"fct_orders"}


def test_old_tables_of_unpublished_layers_do_not_pile_up(team: Team, warehouse: Connection):
    for number in range(6):
        team.deliver((1, "SE" if number != 4 else "XX", number))
        team.run()
    kept = warehouse.execute(
        """select relname, count(*) from pg_class inner join medallion.builds on relnamespace = to_regnamespace(build_schema)
           where relname in ('stg_orders', 'fct_orders', 'sales') and relkind = 'r' group by 1"""
    ).fetchall()
    assert dict(kept) == {"stg_orders": 1, "fct_orders": 1, "sales": 3}
