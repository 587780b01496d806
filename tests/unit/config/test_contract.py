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
        (GOOD + "dialect: {delimiter: '1'}\n", "'1' is a part of values — use one of , ; | or a tab"),
        (GOOD + "dialect: {delimiter: x}\n", "'x' is a part of values"),
        (GOOD.replace("primaryKey: id", "primaryKey: [id, id]"), "`primaryKey` names a field twice"),
        (GOOD.replace("primaryKey: id", "duplicate_keys: keep_last"), "add `primaryKey`, or leave it out"),
        (GOOD.replace("cleaned_data.", "pg_raw."), "'pg_raw.orders' begins with `pg_`"),
        (GOOD.replace("cleaned_data.", "information_schema."), "the schema 'information_schema' belongs to Postgres"),
        (GOOD.replace("cleaned_data.", "medallion."), "the schema 'medallion' belongs to Medallion"),
        (GOOD.replace("number}", "number, constraints: {minimum: '20240131'}}"), "'20240131' is no number and no date"),
        (GOOD.replace("number}", "number, constraints: {minimum: 2, maximum: 1}}"), "the `minimum` of price is above its `maximum`"),
        (GOOD + 'title: "a\\0b"\n', "orders.yaml:8:8: holds a NUL character"),
    ],
)  # fmt: skip
def test_error_has_its_place_and_a_remedy(text: str, words: str):
    assert words in only_finding(text)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("decimals: 2", "total is a product, and `decimals` would be ignored"),
        ("constraints: {required: true}", "total is a product, and `constraints` would be ignored"),
        ("missingValues: [x]", "total is a product, and `missingValues` would be ignored"),
        ("clean: []", "total is a product, and `clean` would be ignored"),
        ("bareNumber: false", "total is a product, and `bareNumber` would be ignored"),
    ],
)
def test_product_with_a_key_of_no_effect_is_refused(key: str, words: str):
    assert words in only_finding(GOOD.replace("derive: ", f"{key}, derive: "))


def test_product_of_another_type_or_with_constant_is_refused():
    assert "its type is integer — write `type: number`" in only_finding(
        GOOD.replace("total, type: number", "total, type: integer")
    )
    assert "`multiply` and `constant` — keep one" in only_finding(GOOD.replace("id]}", "id], constant: '7'}"))


@pytest.mark.parametrize(
    "field",
    [
        "type: integer, derive: {constant: abc}",
        "type: integer, derive: {constant: '1.0'}",
        "type: number, derive: {constant: NaN}",
        "type: number, decimalChar: ',', derive: {constant: 1;5}",
        "type: boolean, derive: {constant: 'yes'}",
        "type: date, derive: {constant: 31.12.2024}",
        "derive: {constant: x}, constraints: {enum: [y]}",
        "derive: {constant: x}, constraints: {pattern: y+}",
        "derive: {}, constraints: {required: true}",
    ],
)
def test_constant_that_its_field_rejects_is_refused(field: str):
    words = only_finding(f"{GOOD}  - {{name: origin, {field}}}\n")
    assert "of origin is rejected in each row — correct it" in words


@pytest.mark.parametrize(
    "field",
    [
        "type: integer, derive: {constant: '-5'}",
        "type: integer, derive: {constant: n/a}",
        "type: number, decimalChar: ',', derive: {constant: '1,5'}",
        "type: datetime, derive: {constant: 2024-01-31T10:00:00}",
        "type: date, clean: [{replace: {today: 2024-01-31}}], derive: {constant: today}",
        "type: boolean, derive: {}",
    ],
)
def test_constant_that_its_field_takes_is_read(field: str):
    parse(
        f"{GOOD}missingValues: [n/a]\n".replace("fields:", f"fields:\n  - {{name: origin, {field}}}"),
        Contract,
        "c.yaml",
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "^{.*}$",
        "a{",
        "a{b}",
        "a{ 2}",
        "{{x}}",
        r"\0",
        r"\012",
        r"\1",
        r"[\0]",
        r"[\b]",
        r"[\<]",
        r"\<b\>",
        r"\é",
        r"[\é]",
        "(?ia)x",
    ],
)
def test_pattern_that_engines_read_differently_is_refused(pattern: str):
    for key in (f"constraints: {{pattern: '{pattern}'}}", f"clean: [{{replace_pattern: '{pattern}', by: x}}]"):
        with pytest.raises(
            ConfigError, match=r"is no regular expression|which only Python reads|repeats nothing|looks around"
        ):
            parse(GOOD.replace("type: number}", f"type: number, {key}}}"), Contract, "orders.yaml")


@pytest.mark.parametrize(
    "pattern",
    [r"a{2}", r"a{2,}", r"a{2,3}?", r"\{x\}", r"[{]x[}]", "a}", r"\\0", r"[\\]b", r"\x00", r"[\x00-\x1f]", r"\d+"],
)
def test_pattern_that_engines_read_alike_is_taken(pattern: str):
    parse(
        GOOD.replace("type: number}", f"type: number, constraints: {{pattern: '{pattern}'}}}}"), Contract, "orders.yaml"
    )
