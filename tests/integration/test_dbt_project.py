"""The dbt project of this repository as it is parsed, and how it is put into a warehouse."""

from __future__ import annotations

import copy
from typing import Any

import pytest

pytest.importorskip("dbt.cli.main")

from medallion.config.places import dbt_project
from medallion.dbt.checkout import Checkout
from medallion.dbt.commands import as_failure
from medallion.dbt.manifest import FolderStore, load_manifest
from medallion.dbt.relocate import relocate
from medallion.errors import ModelFailed, WarehouseUnavailable


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The project, parsed with no database anywhere near."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"):
            patch.delenv(name, raising=False)
        checkout = Checkout(dbt_project())
        return load_manifest(checkout, FolderStore(checkout, tmp_path_factory.mktemp("baked"))).manifest


@pytest.fixture
def manifest(parsed: Any) -> Any:
    return copy.deepcopy(parsed)


def placed(manifest: Any) -> dict[str, str]:
    nodes = [*manifest.nodes.values(), *manifest.sources.values()]
    return {node.name: node.relation_name for node in nodes if node.relation_name and node.resource_type != "test"}


def test_models_live_in_the_schema_of_their_layer(manifest: Any):
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    assert {node.name: node.schema for node in models} == {node.name: node.fqn[-2] for node in models}


def test_every_relation_moves_with_the_database_and_the_prefix(manifest: Any):
    relocate(manifest, "elsewhere", "acme_")
    assert placed(manifest)["fact_transactions"] == '"elsewhere"."acme_silver"."fact_transactions"'
    assert placed(manifest)["customer_transactions"] == '"elsewhere"."acme_cleaned_data"."customer_transactions"'
    assert all(name.startswith('"elsewhere"."acme_') for name in placed(manifest).values())


def test_only_the_models_that_are_published_go_to_the_build(manifest: Any):
    relocate(manifest, "w", "", {"model.medallion.agg_monthly_sales": "gold__0123abcd"})
    assert placed(manifest)["agg_monthly_sales"] == '"w"."gold__0123abcd"."agg_monthly_sales"'
    assert placed(manifest)["agg_product_sales"] == '"w"."gold"."agg_product_sales"'


def test_every_model_and_column_is_described_with_grain(manifest: Any):
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    assert [model.name for model in models if "Grain: one row per" not in model.description] == []
    bare = [f"{m.name}.{c.name}" for m in models for c in m.columns.values() if not c.description]
    assert bare == []


def test_every_model_has_a_tested_key(manifest: Any):
    tests = [node for node in manifest.nodes.values() if node.resource_type == "test" and node.test_metadata]
    unique = {node.attached_node for node in tests if node.test_metadata.name == "unique"}
    assert {uid for uid, node in manifest.nodes.items() if node.resource_type == "model"} <= unique


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('connection to server at "db", port 5432 failed: Connection refused', WarehouseUnavailable),
        ("terminating connection due to administrator command\nSSL connection has been closed", WarehouseUnavailable),
        ('Database Error in model x\n  column "y" does not exist', ModelFailed),
    ],
)
def test_only_a_database_that_is_away_is_worth_a_retry(message: str, kind: type[Exception]):
    assert type(as_failure(message)) is kind
