"""A database that plain dbt built: a run refuses it, `medallion adopt` takes it over, and the next run carries on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dbt.cli.main")

from typer.testing import CliRunner

from medallion.cli import app
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from plain_dbt import columns, plain_dbt
from readers import polling
from team import PIPELINE, SETTINGS, Team, environment_of, team_of, write_team

ROLE = "reader_of_plain_dbt"
FILES = {
    "dbt_project.yml": SETTINGS,
    "seeds/countries.csv": "country,region\nSE,north\nIT,south\n",
    "snapshots/prices.sql": "{% snapshot prices %}{{ config(unique_key='id', strategy='check', check_cols=['amount']) }}"
    "select * from {{ ref('stg_orders') }}{% endsnapshot %}",
    "models/shop/silver/fct_orders.sql": "{{ config(materialized='incremental', unique_key='id', pre_hook='select 1') }}"
    "select id, country, amount from {{ ref('stg_orders') }}",
    "models/shop/silver/regions.sql": "{{ config(materialized='view') }}"
    "select o.*, region from {{ ref('fct_orders') }} as o left join {{ ref('countries') }} using (country)",
    "models/shop/gold/totals.sql": "{{ config(materialized='incremental', unique_key='region') }}"
    "select region, sum(amount) as total from {{ ref('regions') }} group by 1",
    "models/shop/gold/v_totals.sql": "{{ config(materialized='view') }} select * from {{ ref('totals') }}",
    "models/shop/gold/m_sales.sql": "{{ config(materialized='materialized_view') }} select * from {{ ref('sales') }}",
    "models/shop/gold/changes.sql": "select id, count(*) as versions from {{ ref('prices') }} group by 1",
}
RELATIONS = {
    "bronze.stg_orders": "table", "gold.changes": "table", "gold.m_sales": "materialized view", "gold.sales": "table",
    "gold.totals": "table", "gold.v_totals": "view", "history.prices": "table", "silver.countries": "table",
    "silver.fct_orders": "table", "silver.regions": "view",
}  # fmt: skip
LOADED = "create schema raw; create table raw.orders (id int primary key, country text, amount numeric(12, 2))"
READ = "select " + ", ".join(f"(select count(*) > 0 from {name})" for name in [*RELATIONS, "raw.orders"])


@pytest.fixture
def team(warehouse: Connection, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The repository, and a warehouse with what plain dbt made of one day's orders."""
    folder = write_team(tmp_path / "shop", FILES)
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    warehouse.execute(LOADED)  # type: ignore[arg-type]
    warehouse.execute("insert into raw.orders values (1, 'SE', 10), (2, 'IT', 20)")
    plain_dbt(folder / "project", warehouse_url, tmp_path / "plain")
    warehouse.execute(f"create role {ROLE}; grant usage on schema gold to {ROLE}; grant select on gold.sales to {ROLE}")  # type: ignore[arg-type]
    with team_of(folder) as team:
        yield team
    warehouse.execute(f"drop owned by {ROLE}; drop role {ROLE}")  # type: ignore[arg-type]


def medallion(team: Team, *words: str, code: int = 0) -> str:
    """What the command prints, in this process, which has imported dbt."""
    dags = ("--dags", str(team.folder / "dags")) if words[0] == "adopt" else ()
    done = CliRunner().invoke(app, [*words, *dags])
    assert done.exit_code == code, done.output
    return done.output


def seen(warehouse: Connection, relation: str) -> list[Any]:
    return warehouse.execute(f"select * from {relation} order by 1").fetchall()  # type: ignore[arg-type]


def test_plain_dbts_database_is_refused_adopted_and_carried_on(team: Team, warehouse: Connection, warehouse_url: str):
    before, versions = columns(warehouse_url), seen(warehouse, "history.prices")
    everything = {**RELATIONS, "raw.orders": "table"}
    assert before.keys() == everything.keys()
    # Without adoption nothing is written: not by the load, and not by the first layer for any layer.
    team.deliver((2, "IT", 25), (3, "SE", 5))
    assert team.run() == {"clean.orders": ExitCode.USAGE}
    assert team.run(after="clean.orders") == {"bronze": ExitCode.UPSTREAM_NOT_SUCCEEDED}
    team.pipeline("name: shop\nowner: me\nmodels: shop\nlayers: [{name: bronze}, {name: silver}, {name: gold}]\n")
    assert team.run() == {"bronze": ExitCode.USAGE}
    for name, kind in RELATIONS.items():
        assert f"{name} is a {kind} that Medallion did not make" in team.output
    assert "run `medallion adopt shop`" in team.output
    team.pipeline(PIPELINE)
    assert columns(warehouse_url) == before
    assert warehouse.execute("select count(*) from medallion.builds").fetchone() == (0,)

    assert "no such pipeline" in medallion(team, "adopt", "other", code=ExitCode.USAGE)
    warehouse.execute("alter table gold.sales enable row level security")
    assert "gold.sales has row-level security" in medallion(team, "adopt", "shop", code=ExitCode.USAGE)
    warehouse.execute("alter table gold.sales disable row level security")
    with polling(READ) as answers:
        assert "gold.m_sales, a materialized view of gold" in medallion(team, "adopt", "shop", "--dry-run")
        assert warehouse.execute("select count(*) from medallion.builds").fetchone() == (0,)
        output = medallion(team, "adopt", "shop")
        assert columns(warehouse_url) == before
        assert all(f"  {name}, a {kind} of " in output for name, kind in everything.items()), output
        assert "nothing to adopt" in medallion(team, "adopt", "shop")
        team.good()
    assert answers == {(True,) * len(everything)}

    # The next run carried on: order 1 is in no file any more, and the snapshot kept what it had.
    assert [row[0] for row in seen(warehouse, "silver.fct_orders")] == [1, 2, 3]
    assert dict(seen(warehouse, "gold.v_totals")) == {"north": 15, "south": 25}
    kept = seen(warehouse, "history.prices")
    assert {row[:5] for row in versions} <= {row[:5] for row in kept}
    assert dict(seen(warehouse, "gold.changes")) == {1: 1, 2: 2, 3: 1}
    assert {row[0]: row[1] for row in seen(warehouse, "gold.sales")} == {"IT": 25, "SE": 15}
    may = f"select has_table_privilege('{ROLE}', 'gold.sales', 'select')"
    assert warehouse.execute(may).fetchone() == (True,)  # type: ignore[arg-type]

    assert "adopted" in medallion(team, "history", "shop")
    with polling(READ) as answers:
        medallion(team, "rollback", "shop")
    assert answers == {(True,) * len(everything)}
    after = columns(warehouse_url)
    assert {name: after[name] for name in before if name.startswith(("gold.", "raw."))} == {
        name: before[name] for name in before if name.startswith(("gold.", "raw."))
    }
