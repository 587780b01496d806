"""Data contracts: what is refused, where, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.yaml_loader import load, parse

REPO = Path(__file__).resolve().parents[3]
GOOD = """\
name: orders
table: cleaned_data.orders
primaryKey: id
fields:
  - {name: id, type: integer}
  - {name: price, type: number}
  - {name: total, type: number, derive: {multiply: [price, id]}}
"""


def only_finding(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, Contract, "orders.yaml")
    (diagnostic,) = caught.value.diagnostics
    return str(diagnostic)


def test_a_short_contract_is_enough():
    contract = parse(GOOD, Contract, "orders.yaml")
    assert contract.primary_key == ("id",)
    assert [field.header for field in contract.fields] == ["id", "price", "total"]


@pytest.mark.parametrize("path", sorted((REPO / "dags" / "contracts").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_projects_contracts_are_valid_and_travel_as_json(path: Path):
    contract = load(path, Contract)
    again = contract.model_dump_json(by_alias=True, exclude_unset=True)
    assert parse(again, Contract, "MEDALLION_CONTRACT") == contract


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("primaryKey: id", "primaryKey: nr"), "names 'nr', which is no field of the file — the fields are"),
        (GOOD.replace("[price, id]", "[price, name]"), "total multiplies 'name', which is no number of the file"),
        (GOOD.replace("name: price", "name: id"), "field 'id' is there twice — give each field its own name"),
        (GOOD.replace("table: cleaned_data.orders", "table: orders"), "orders.yaml:2:1: table: "),
        (
            GOOD.replace("name: price, type: number", "name: price, constraints: {pattern: '(?=x)'}").replace("price, id", "id, id"),
            "looks around or back",
        ),
        (GOOD.replace("type: number}", "type: number, constraints: {minimum: 2020-01-01}}"), "`minimum` and `maximum` of a number"),
        (GOOD.replace("type: number}", "type: money}"), "orders.yaml:6:19: fields.1.type: "),
        (GOOD.replace("type: number}", "kind: number}"), "fields.1.kind: unknown key 'kind'"),
    ],
)  # fmt: skip
def test_error_has_its_place_and_a_remedy(text: str, words: str):
    assert words in only_finding(text)
