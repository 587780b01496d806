"""Which sheet of a workbook `new` reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from format_files import as_csv, as_parquet, workbook
from medallion.infer.proof import proved_contract
from medallion.infer.refusal import NotTabular

TABLE = [["id", "name"], *[[n, f"n{n}"] for n in range(30)]]


@pytest.mark.parametrize(
    "cover",
    [[], [["Report"]], [["Report"], ["May"], ["Internal"]], [["Report of May"], [], ["by", "me"], ["for", "you"]]],
    ids=["empty", "title", "column", "remarks"],
)
def test_first_sheet_without_a_table_is_refused_with_the_others(cover: list[list[str]], tmp_path: Path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook({"Cover": cover, "Past": TABLE, "The data": TABLE}, hidden=["Past"]))
    with pytest.raises(NotTabular, match="if another sheet is meant, say so with --sheet 'The data'; "):
        proved_contract("a", path)
    text, proof = proved_contract("a", path, sheet="The data")
    assert yaml.safe_load(text)["dialect"] == {"format": "xlsx", "sheetName": "The data"}
    assert "# The sheet 'The data' is read, and not 'Cover', 'Past' (hidden)." in text
    assert proof.counts.loaded == 30


def test_sheet_with_one_column_is_read_if_it_is_named(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook({"Names": [["name"], ["a"], ["b"]], "Data": TABLE}))
    with pytest.raises(NotTabular, match=r"it has one column .* if this one is meant, say so with --sheet Names"):
        proved_contract("a", path)
    assert proved_contract("a", path, sheet="Names")[1].counts.loaded == 2


def test_sheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path):
    (tmp_path / "a").write_bytes(workbook({"Data": TABLE}))
    with pytest.raises(NotTabular, match="no sheet 'Date': its sheets are 'Data' — correct --sheet"):
        proved_contract("a", tmp_path / "a", sheet="Date")


@pytest.mark.parametrize("content", [as_csv(["a"], [["1"]]), as_parquet(["a"], [["1"]])], ids=["csv", "parquet"])
def test_sheet_of_a_file_that_has_none_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(NotTabular, match="has no sheets — leave --sheet out"):
        proved_contract("a", tmp_path / "a", sheet="Data")


def test_values_beyond_the_header_are_the_reason_of_a_refusal(tmp_path: Path):
    (tmp_path / "a").write_bytes(workbook({"Data": [TABLE[0], *[[*row, "x"] for row in TABLE[1:]]]}))
    with pytest.raises(NotTabular, match="line 2 has 3 values, the header has 2 — correct the header or the rows"):
        proved_contract("a", tmp_path / "a")
