"""A model that moves to another layer of the same schema: readers have it all along, with its grants."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dbt.cli.main")

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from medallion.warehouse.rollback import roll_back
from readers import polling
from team import PIPELINE, SETTINGS, environment_of, team_of, write_team

FILES = {
    "dbt_project.yml": SETTINGS.replace("silver: {+schema: silver}", "silver: {+schema: gold}"),
    "models/shop/silver/moved.sql": "select max(amount) as amount from {{ ref('stg_orders') }}",
    "models/shop/gold/sales.yml": "models: [{name: sales, columns: [{name: country, data_tests: [not_null]}]}]",
}
LAYERS = "{{name: bronze}}, {{name: silver, publish: true, select: {}}}, {{name: gold, publish: true, select: {}}}"


def test_readers_have_it_in_every_run_and_rollback(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_team(tmp_path / "shop", FILES)
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    layers = "{name: bronze}, {name: silver}, {name: gold}"
    with team_of(folder) as team:
        team.pipeline(PIPELINE.replace(layers, LAYERS.format("'fct_orders moved'", "sales")))
        team.deliver((1, "SE", 1))
        team.good()
        first = team.last
        warehouse.execute("grant select on gold.moved to public")
        team.pipeline(PIPELINE.replace(layers, LAYERS.format("fct_orders", "'sales moved'")))
        with polling("select amount from gold.moved") as seen:
            team.deliver((1, None, 2))
            assert list(team.run().values())[-1] == ExitCode.TEST_FAILED, team.output
            team.deliver((1, "SE", 3))
            team.good()
            roll_back(warehouse, "shop", first, "abc")
        assert seen <= {(1,), (3,)}
        assert warehouse.execute("select amount from gold.moved").fetchone() == (1,)
        granted = "select has_table_privilege('public', 'gold.moved', 'select')"
        assert warehouse.execute(granted).fetchone() == (True,)
