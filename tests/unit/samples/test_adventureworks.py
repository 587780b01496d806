"""The made-up bicycle maker: the same every time, in the shape that the contracts ask for, and as dirty as promised."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medallion.cli import app
from medallion.config.load_pipeline import PipelineFile, load_pipeline
from medallion.samples.adventureworks import LATE_LINES, adventureworks, net_amount, write_adventureworks

DAGS = Path(__file__).resolve().parents[3] / "dags"


@pytest.fixture(scope="module")
def pipeline() -> PipelineFile:
    return load_pipeline(DAGS / "pipelines" / "dbt_transform.yaml")


def files(landing: Path) -> dict[str, bytes]:
    return {str(path.relative_to(landing)): path.read_bytes() for path in landing.rglob("*.csv")}


def test_sample_depends_on_its_seed_only(tmp_path: Path):
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        write_adventureworks(tmp_path / name, orders=20, seed=seed)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert files(tmp_path / "one") != files(tmp_path / "other")


def test_sample_has_each_source_with_columns_of_its_contract(pipeline: PipelineFile, tmp_path: Path):
    write_adventureworks(tmp_path, orders=20)
    for source in pipeline.pipeline.sources:
        contract = pipeline.contracts[source.contract]
        header = (tmp_path / source.path).read_text(encoding="utf-8").splitlines()[0].split(",")
        wanted = {field.header for field in contract.fields}
        assert wanted <= set(header), source.path
        assert contract.unknown_columns == "ignore" or wanted == set(header), source.path


@pytest.mark.parametrize("orders", [1, 20, 300])
def test_sample_orders_sum_their_lines_and_some_lines_are_early(orders: int):
    tables = adventureworks(orders, seed=3)
    worth: dict[object, Decimal] = defaultdict(Decimal)
    for line in tables["sales/salesorderdetail"]:
        worth[line["salesorderid"]] += net_amount(line)
    booked = {order["salesorderid"]: order["subtotal"] for order in tables["sales/salesorderheader"]}
    assert len(booked) == orders
    assert len(worth) == orders + LATE_LINES
    assert all(abs(worth[order] - Decimal(str(subtotal))) <= Decimal("0.00005") for order, subtotal in booked.items())


def test_sample_has_broken_names_and_missing_persons():
    tables = adventureworks(orders=120, seed=7)
    assert any("Ã" in str(row["firstname"]) for row in tables["person/person"])
    persons = {row["businessentityid"] for row in tables["person/person"]}
    addresses = {row["addressid"] for row in tables["person/address"]}
    assert {row["personid"] for row in tables["sales/customer"]} - persons
    assert {row["shiptoaddressid"] for row in tables["sales/salesorderheader"]} - addresses


def test_the_command_line_writes_it_where_the_pipeline_looks(pipeline: PipelineFile, tmp_path: Path):
    arguments = ["sample", "--kind", "adventureworks", "--rows", "5", "--output", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "5 orders in" in done.output) == (0, True), done.output
    assert all((tmp_path / source.path).is_file() for source in pipeline.pipeline.sources)
