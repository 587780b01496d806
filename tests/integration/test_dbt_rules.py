"""The dbt project keeps the rules of dbt-project-evaluator; and each rule finds a project that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("dbt.cli.main")

from dbt_rules import RULES, Model, Project, Source, project_of
from medallion.config.places import dbt_project
from medallion.dbt.checkout import Checkout
from medallion.dbt.manifest import FolderStore, load_manifest

EXCEPTIONS = {
    # Its dimensions are made of the same rows, and it points only at members that they have.
    "fct_rejoining_of_upstream_concepts": {"fact_transactions"},
    # Pipelines without `source_freshness: true` have no limits; and what hardly ever changes need not be delivered again.
    "fct_sources_without_freshness": {
        "cleaned_data.customer_transactions", "sales.salesreason", "sales.store", "sales.creditcard",
        "production.productcategory", "production.productsubcategory", "person.address", "person.stateprovince",
        "person.countryregion", "calendar.dates",
    },
}  # fmt: skip

SILVER = {"folder": "models/shop/silver", "yaml_folder": "models/shop/silver"}
GOOD = Project(
    models={
        "stg_orders": Model(parents=frozenset({"shop.orders"}), code="select * from {{ source('shop', 'orders') }}"),
        "dim_orders": Model(**SILVER, parents=frozenset({"stg_orders"})),
    },
    sources={"shop.orders": Source("shop.orders")},
    exposures={"report": frozenset({"dim_orders"})},
)


def with_model(name: str, model: Model) -> Project:
    return replace(GOOD, models={**GOOD.models, name: model})


def reads(*parents: str, **more: str) -> Model:
    return Model(**{**SILVER, "parents": frozenset(parents), **more})  # type: ignore[arg-type]


OFFENDERS = {
    "fct_direct_join_to_source": ("dim_x", with_model("dim_x", reads("stg_orders", "shop.orders"))),
    "fct_marts_or_intermediate_dependent_on_source": ("dim_x", with_model("dim_x", reads("shop.orders"))),
    "fct_staging_dependent_on_staging": ("stg_x", with_model("stg_x", Model(parents=frozenset({"stg_orders"})))),
    "fct_staging_dependent_on_marts_or_intermediate": ("stg_x", with_model("stg_x", Model(parents=frozenset({"dim_orders"})))),
    "fct_multiple_sources_joined": (
        "stg_x",
        replace(with_model("stg_x", Model(parents=frozenset({"shop.orders", "shop.x"}))), sources={**GOOD.sources, "shop.x": Source("shop.x")}),
    ),
    "fct_source_fanout": ("shop.orders", with_model("stg_x", Model(parents=frozenset({"shop.orders"})))),
    "fct_unused_sources": ("shop.x", replace(GOOD, sources={**GOOD.sources, "shop.x": Source("shop.x")})),
    "fct_duplicate_sources": ("shop.orders", replace(GOOD, sources={**GOOD.sources, "shop.x": Source("shop.orders")})),
    "fct_root_models": ("dim_x", with_model("dim_x", reads())),
    "fct_model_fanout": ("stg_orders", replace(GOOD, models={**GOOD.models, **{f"dim_{n}": reads("stg_orders") for n in range(3)}})),
    "fct_rejoining_of_upstream_concepts": ("dim_x", with_model("dim_x", reads("stg_orders", "dim_orders"))),
    "fct_too_many_joins": ("dim_x", with_model("dim_x", reads(*(f"stg_{n}" for n in range(7))))),
    "fct_hard_coded_references": ("dim_x", with_model("dim_x", reads("stg_orders", code="select 1 from bronze.stg_orders"))),
    "fct_missing_primary_key_tests": ("dim_x", with_model("dim_x", replace(reads("stg_orders"), key_tested=False))),
    "fct_sources_without_freshness": ("shop.orders", replace(GOOD, sources={"shop.orders": Source("shop.orders", fresh=False)})),
    "fct_undocumented_models": ("dim_x", with_model("dim_x", replace(reads("stg_orders"), described=False))),
    "fct_undocumented_sources": ("shop", replace(GOOD, sources={"shop.orders": Source("shop.orders", described=False)})),
    "fct_undocumented_source_tables": ("shop.orders", replace(GOOD, sources={"shop.orders": Source("shop.orders", table_described=False)})),
    "fct_model_naming_conventions": ("x_orders", with_model("x_orders", reads("stg_orders"))),
    "fct_model_directories": ("dim_x", with_model("dim_x", reads("stg_orders", folder="models/shop", yaml_folder="models/shop"))),
    "fct_source_directories": ("shop.orders", replace(GOOD, sources={"shop.orders": Source("shop.orders", "models/shop/gold")})),
    "fct_test_directories": ("dim_x", with_model("dim_x", reads("stg_orders", yaml_folder="models/shop/gold"))),
    "fct_chained_views_dependencies": (
        "dim_x",
        replace(GOOD, models={**GOOD.models, "dim_y": reads("stg_orders", materialized="view"), "dim_x": reads("dim_y", materialized="view")}),
    ),
    "fct_exposure_parents_materializations": ("report", with_model("dim_orders", reads("stg_orders", materialized="view"))),
}  # fmt: skip


@pytest.fixture(scope="module")
def project() -> Project:
    checkout = Checkout(dbt_project())
    return project_of(load_manifest(checkout, FolderStore(checkout)).manifest)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(rule, project: Project):
    assert rule(project) == EXCEPTIONS.get(rule.__name__, set())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_finds_its_violations_and_none_in_a_good_project(rule, project: Project):
    assert rule(GOOD) == set()
    offender, bad = OFFENDERS[rule.__name__]
    assert rule(bad) == {offender}


def test_a_manifest_is_read_with_its_parents_keys_and_folders(project: Project):
    lines = project.models["fact_sales_order_lines"]
    assert lines.parents == {"stg_sales__order_lines", "stg_sales__orders", "dim_sales_products"}
    assert (lines.layer, lines.yaml_folder, lines.key_tested) == ("silver", lines.folder, True)
    assert project.sources["calendar.dates"].relation == "calendar.dates"
    assert project.exposures["sales_team"] >= {"agg_reason_sales"}
