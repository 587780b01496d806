"""What readers see is never missing and never untested, whatever its materialization, during runs and rollbacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back
from readers import polling
from team import PIPELINE, Team, environment_of, team_of, write_team

ROWS = "select id, country, amount from "
FILES = {
    "models/shop/silver/fct_orders.yml": "models: [{name: fct_orders, columns: [{name: country, data_tests: [not_null]}]}]",
    "models/shop/silver/v_fct.sql": "{{ config(materialized='view') }} " + ROWS + "{{ ref('stg_orders') }}",
    "models/shop/gold/a_table.sql": ROWS + "{{ ref('fct_orders') }}",
    "models/shop/gold/a_view.sql": "{{ config(materialized='view') }} " + ROWS + "{{ ref('fct_orders') }}",
    "models/shop/gold/of_a_view.sql": "{{ config(materialized='view') }} " + ROWS + "{{ ref('v_fct') }}",
    "models/shop/gold/of_gold.sql": "{{ config(materialized='view') }} " + ROWS + "{{ ref('a_view') }}",
    "models/shop/gold/of_a_source.sql": "{{ config(materialized='view') }} " + ROWS + "{{ source('raw', 'orders') }}",
    "models/shop/gold/matview.sql": "{{ config(materialized='materialized_view') }} "
    + ROWS
    + "{{ ref('fct_orders') }}",
    "models/shop/gold/incremental.sql": "{{ config(materialized='incremental', unique_key='id') }} "
    + ROWS
    + "{{ ref('fct_orders') }}",
    "models/shop/gold/negative.yml": "models: [{name: a_table, columns: [{name: amount, data_tests: ["
    "{accepted_values: {arguments: {values: [1, 2, 3, 5], quote: false}}}]}]}]",
}
GOLD = ("a_table", "a_view", "of_a_view", "of_gold", "of_a_source", "matview", "incremental")
ONE, TWO, BAD, WORSE = ((1, "SE", 1),), ((1, "SE", 2),), ((1, None, 3),), ((1, "SE", 4),)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = write_team(tmp_path_factory.mktemp("shop"), FILES)
    with team_of(folder) as team:
        yield team


@pytest.fixture
def team(shop: Team, warehouse: Connection, monkeypatch: pytest.MonkeyPatch) -> Team:
    for name, value in environment_of(shop.folder).items():
        monkeypatch.setenv(name, value)
    shop.pipeline(PIPELINE)
    return shop


def amounts(*relations: str) -> str:
    parts = (f"(select array_agg(amount::int)::text from {relation})" for relation in relations)
    return f"select {', '.join(parts)}"


@pytest.mark.parametrize(
    ("granularity", "published"),
    [
        pytest.param("layer", ("gold",), marks=pytest.mark.slow),
        ("layer", ("bronze", "silver", "gold")),
        pytest.param("layer", ("silver", "gold"), marks=pytest.mark.slow),
        pytest.param("layer", ("silver",), marks=pytest.mark.slow),
        pytest.param("phase", ("silver", "gold"), marks=pytest.mark.slow),
    ],
)
def test_readers_of_every_materialization_see_tested_data(
    team: Team, warehouse: Connection, granularity: str, published: tuple[str, ...]
):
    layers = ", ".join(
        f"{{name: {name}, publish: {str(name in published).lower()}}}" for name in ("bronze", "silver", "gold")
    )
    team.pipeline(
        PIPELINE.replace("{name: bronze}, {name: silver}, {name: gold}", layers) + f"granularity: {granularity}\n"
    )
    seen_by = [f"gold.{name}" for name in GOLD] if "gold" in published else []
    seen_by += ["silver.fct_orders", "silver.v_fct"] if "silver" in published else []
    seen_by += ["bronze.stg_orders"] if "bronze" in published else []
    team.deliver(*ONE)
    team.good()
    first = team.last
    silver = [relation for relation in seen_by if not relation.startswith("bronze")]
    worse = ((WORSE, ExitCode.TEST_FAILED),) if "gold" in published else ()  # only gold's test refuses it
    for rows, code in ((BAD, ExitCode.TEST_FAILED), (TWO, 0), *worse):
        known = silver if rows != WORSE else [name for name in silver if name.startswith("gold")]
        queries = [amounts(relation) for relation in known]
        now = [warehouse.execute(query).fetchone() for query in queries]  # type: ignore[arg-type]
        with polling(" union all ".join(f"select {i}, x.* from ({q}) as x" for i, q in enumerate(queries))) as seen:
            team.deliver(*rows)
            codes = team.run()
        assert list(codes.values())[-1] == code, team.output
        after = [warehouse.execute(query).fetchone() for query in queries]  # type: ignore[arg-type]
        assert {row[0] for row in seen} == set(range(len(known)))
        for index, relation in enumerate(known):
            states = {row[1] for row in seen if row[0] == index}
            assert states <= {now[index][0], after[index][0]}, relation  # type: ignore[index]
            assert after[index] == (("{2}",) if rows in (TWO, WORSE) else ("{1}",)), relation
    query = " union all ".join(f"select {i}, x.* from ({amounts(name)}) as x" for i, name in enumerate(silver))
    with polling(query) as seen:
        roll_back(warehouse, "shop", first, "abc")
    assert {row[1] for row in seen} <= {"{1}", "{2}", "{4}"}
    for relation in [f"gold.{name}" for name in GOLD] if "gold" in published else []:
        assert warehouse.execute(amounts(relation)).fetchone() == ("{1}",), relation  # type: ignore[arg-type]
