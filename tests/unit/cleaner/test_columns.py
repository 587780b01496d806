"""Columns of a file that share a name, and a header that is not on the first line."""

from __future__ import annotations

import io
from typing import Any

import pytest

from medallion.cleaner.columns import check_columns, labels
from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.yaml_loader import parse
from medallion.errors import BadInput, ContractViolation

TITLED = b"sep=;\nQuarterly report;;\n\nDay;Region;Region\n1;North;EU\n"


def contract(*sources: str, **terms: Any) -> Contract:
    fields = [{"name": f"c{place}", "source": source} for place, source in enumerate(sources)]
    return Contract.model_validate({"name": "things", "table": "raw.things", "fields": fields, **terms})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["Day", "Region", "Region "], ["Day", "Region (1)", "Region (2)"]),
        (["a", "", "", " "], ["a", "(1)", "(2)", "(3)"]),
        (["a", ""], ["a", ""]),
        (["Id", "ID"], ["Id", "ID"]),
    ],
)
def test_labels_number_only_columns_that_share_a_name(header: list[str], expected: list[str]):
    assert labels(header) == expected


def test_numbered_sources_find_each_twin():
    assert check_columns(contract("Region (2)", "Region (1)"), ["Region", "Region"], "x.csv") == [
        "Region (1)",
        "Region (2)",
    ]


@pytest.mark.parametrize("policy", ["error", "ignore"])
def test_a_plain_source_of_twins_is_refused_with_what_to_write(policy: str):
    with pytest.raises(ContractViolation) as caught:
        check_columns(contract("Region", "Day", unknown_columns=policy), ["Day", "Region", "Region"], "x.csv", 5)
    assert caught.value.message == "x.csv, line 5: column 'Region' is there twice"
    assert caught.value.remedy.startswith("For 'Region' write `source: 'Region (1)' or 'Region (2)'`.")


def test_a_name_that_a_numbered_twin_would_get_is_refused():
    with pytest.raises(ContractViolation, match=r"'Region \(2\)' is there twice"):
        check_columns(contract("Region (1)", "Region (2)"), ["Region", "Region", "Region (2)"], "x.csv")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("[{name: a, source: Region}, {name: b, source: Region}]", "a and b both read the column 'Region'"),
        ("[{name: region}, {name: b, source: region}]", "write `source: 'region (1)'` and `source: 'region (2)'`"),
        ("[{name: a, source: ''}, {name: b, source: ''}]", "write `source: '(1)'` and `source: '(2)'`"),
        ("[{name: a, source: ' Region'}]", "trimmed — write 'Region'"),
        ("[{name: xmin}]", "`xmin` is a system column of Postgres"),
    ],
)
def test_lint_finds_fields_that_no_file_or_table_can_have(fields: str, words: str):
    with pytest.raises(ConfigError) as caught:
        parse(f"name: things\ntable: raw.things\nfields: {fields}\n", Contract, "things.yaml")
    assert words in str(caught.value)


def test_header_rows_skips_what_is_above_the_header():
    dialect = contract("x", dialect={"delimiter": ";", "headerRows": [4]}).dialect
    records = Records(line_blocks(io.BytesIO(TITLED), 7), dialect)
    assert (records.header_line, records.header) == (4, ["Day", "Region", "Region"])
    rows = [row for block in records for row in block.frame.rows()]
    assert rows == [("1", "North", "EU", 5)]


def test_header_rows_below_the_end_of_the_file_is_bad_input():
    dialect = contract("x", dialect={"headerRows": [9]}).dialect
    with pytest.raises(BadInput, match="ends above line 9"):
        Records(line_blocks(io.BytesIO(TITLED)), dialect)
