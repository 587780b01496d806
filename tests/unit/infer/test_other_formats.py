"""Files that are no delimited text: their contracts say the same as that of the same table in CSV, and load them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from format_files import PACKERS, WRITERS, as_csv, as_xlsx, workbook
from medallion.infer.proof import Proof, proved_contract
from medallion.infer.refusal import NotTabular

FORMATS = ["jsonl", "parquet", "xlsx"]
HEADER = ["id", "code", "day", "amount", "kind"]
ROWS = [
    [str(n), f"{n % 40:05}", f"2024-01-{n % 28 + 1:02}", "n/a" if n % 9 == 0 else f"{n}.50", "ab"[n % 2]]
    for n in range(1, 120)
]


def guessed(folder: Path, content: bytes, **how: Any) -> tuple[dict[str, Any], Proof]:
    (folder / "a").write_bytes(content)
    text, proof = proved_contract("a", folder / "a", **how)
    return yaml.safe_load(text), proof


@pytest.mark.parametrize("name", FORMATS)
def test_contract_is_that_of_the_same_table_in_csv(name: str, tmp_path: Path):
    other, proof = guessed(tmp_path, WRITERS[name](HEADER, ROWS))
    same, _ = guessed(tmp_path, as_csv(HEADER, ROWS))
    assert other.pop("dialect") == {"format": name}
    assert other == same
    assert [field.get("type", "string") for field in same["fields"]] == [
        "integer",
        "string",
        "date",
        "number",
        "string",
    ]
    assert (proof.counts.loaded, proof.counts.rejected) == (len(ROWS), 0)


@pytest.mark.parametrize("packer", [*PACKERS])
@pytest.mark.parametrize("name", FORMATS)
def test_packed_file_is_guessed_as_well(name: str, packer: str, tmp_path: Path):
    contract, _ = guessed(tmp_path, PACKERS[packer](WRITERS[name](["a", "b"], [["é", "2"], ["x", "3"]])))
    assert contract["dialect"] == {"format": name}
    assert contract["fields"][1]["type"] == "integer"


def test_titles_and_totals_of_a_sheet_are_no_rows(tmp_path: Path):
    rows = [["Report of May"], [], HEADER, *ROWS, ["Total", "", "", "99.5"]]
    contract, proof = guessed(tmp_path, workbook({"May": rows}))
    assert contract["dialect"]["headerRows"] == [3]
    assert "Total" in contract["dialect"]["skipLines"]
    assert (proof.counts.loaded, proof.counts.rejected) == (len(ROWS), 0)


def test_comment_names_the_sheet_and_those_that_are_not_read(tmp_path: Path):
    (tmp_path / "a.xlsx").write_bytes(
        workbook({"Old": [["x"], [1]], "May": [HEADER, *ROWS], "June": []}, hidden=["Old"])
    )
    text, _ = proved_contract("a", tmp_path / "a.xlsx")
    assert "# The sheet 'May' is read, and not 'Old' (hidden), 'June'." in text


def test_cells_with_dates_errors_and_numbers_have_types(tmp_path: Path):
    rows = [[n, datetime(2024, 1, n % 28 + 1, 10 * (n % 2)), 1.5 * n, n % 2 == 0] for n in range(1, 99)]
    rows[4][2], rows[6][2] = "#DIV/0!", "#N/A"
    content = workbook({"S": [["id", "at", "amount", "ok"], *rows]}, default_date_format="yyyy-mm-dd hh:mm")
    contract, proof = guessed(tmp_path, content)
    assert [field["type"] for field in contract["fields"]] == ["integer", "datetime", "number", "boolean"]
    assert (proof.counts.loaded, proof.counts.rejected) == (98, 0)


def test_keys_of_json_lines_are_those_of_all_objects(tmp_path: Path):
    lines = [
        '{"id": 1, "b": "x"}',
        "no object",
        *(f'{{"id": {n}, "late": {n}.25, "in": {{"a": [1]}}}}' for n in range(2, 60)),
    ]
    contract, proof = guessed(tmp_path, "\n".join(lines).encode())
    assert [field["name"] for field in contract["fields"]] == ["id", "b", "late", "in"]
    assert (proof.counts.loaded, proof.counts.rejected) == (59, 1)


def test_keys_of_json_lines_are_trimmed_as_a_header_is(tmp_path: Path):
    lines = '{"id": 1, " b ": "x"}\n{"id": 2, "b": "y"}\n{" b": 1, "b": 2}\n'
    contract, proof = guessed(tmp_path, lines.encode())
    assert [field["name"] for field in contract["fields"]] == ["id", "b"]
    assert (proof.counts.loaded, proof.first) == (2, ['line 3 has the key "b" twice'])


@pytest.mark.parametrize("codec", ["cp1252", "utf-16"])
def test_json_lines_in_another_encoding_are_json_lines(codec: str, tmp_path: Path):
    lines = "".join(f'{{"id": {n}, "name": "Müller"}}\n' for n in range(30))
    contract, _ = guessed(tmp_path, lines.encode(codec), encoding=codec)
    assert contract["dialect"] == {"format": "jsonl"}
    assert contract["encoding"] == codec


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}\n{}\n", "no object has a key"),
        ("\n".join([json.dumps({f"k{n}": n for n in range(1700)})] * 3), "the objects have 1,700 keys"),
        ('{\n"a": 1\n}\n', "is one JSON document over several lines"),
        ('[{\n"a": 1\n}]\n', "is one JSON array"),
    ],
)
def test_objects_that_make_no_table_are_refused(content: str, message: str, tmp_path: Path):
    with pytest.raises(NotTabular, match=message):
        guessed(tmp_path, content.encode())


def test_midnights_of_columns_of_one_name_are_instants(tmp_path: Path):
    rows = [[n, datetime(2024, 1, n % 28 + 1, 12 * (n == 50)), "x"] for n in range(1, 99)]
    content = workbook({"S": [["id", "at", "at"], *rows]}, default_date_format="yyyy-mm-dd hh:mm")
    contract, _ = guessed(tmp_path, content)
    assert contract["fields"][1]["type"] == "datetime"


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("parquet", {"header_row": 2}, "no row names the columns — leave --header-row out"),
        ("jsonl", {"header_row": 1}, "no row names the columns — leave --header-row out"),
        ("xlsx", {"encoding": "cp1252"}, "has no encoding — leave --encoding out"),
        ("xlsx", {"header_row": 9}, "has no header on line 9"),
    ],
)
def test_options_without_a_meaning_are_refused(name: str, how: dict[str, Any], message: str, tmp_path: Path):
    with pytest.raises(NotTabular, match=message):
        guessed(tmp_path, WRITERS[name](["a"], [["1"]]), **how)


def test_sheet_without_a_header_gets_names(tmp_path: Path):
    contract, _ = guessed(tmp_path, as_xlsx(ROWS[0], ROWS[1:]), header_row=0)
    assert contract["dialect"] == {"header": False, "format": "xlsx"}
    assert [field["name"] for field in contract["fields"]][:2] == ["column_1", "column_2"]


def test_empty_sheet_is_refused(tmp_path: Path):
    with pytest.raises(NotTabular, match="has no cells"):
        guessed(tmp_path, workbook({"S": []}))


def test_old_workbook_is_refused_with_the_remedy_of_a_run(tmp_path: Path):
    with pytest.raises(NotTabular, match="save it as an Excel workbook"):
        guessed(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))


WORDS = st.sampled_from(
    ["n/a", "ERROR", "x", "North", "Süd", "00123", "1.5", "2", "-7", "1,234.50", "2024-05-06", "true", "5 %"]
)
COLUMNS = st.one_of(
    st.lists(st.integers(-9999, 99999).map(str), min_size=12, max_size=12),
    st.lists(st.dates().map(str), min_size=12, max_size=12),
    st.lists(st.decimals(0, 999, places=2).map(str), min_size=12, max_size=12),
    st.lists(WORDS, min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), WORDS), min_size=12, max_size=12),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(COLUMNS, min_size=2, max_size=4), st.sampled_from(FORMATS))
def test_every_format_is_guessed_as_csv_is_and_loads(tmp_path: Path, columns: list[list[str | None]], name: str):
    header = [f"name{place}" for place in range(len(columns) + 1)]
    rows = [[str(100 + n), *values] for n, values in enumerate(zip(*columns, strict=True))]
    other, proof = guessed(tmp_path, WRITERS[name](header, rows))
    same, of_csv = guessed(tmp_path, as_csv(header, rows))
    assert other.pop("dialect") == {"format": name}
    assert other == same
    assert (proof.counts.loaded, proof.counts.rejected) == (of_csv.counts.loaded, of_csv.counts.rejected)


def test_guess_of_csv_imports_no_library_of_another_format(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(as_csv(HEADER, ROWS))
    code = (
        "import sys; from pathlib import Path; from medallion.infer.proof import proved_contract; "
        "proved_contract('a', Path(sys.argv[1])); others = [name for name in sys.modules if name.startswith(("
        "'backports.zstd', 'xml.', 'medallion.cleaner.workbook', 'medallion.cleaner.formats.'))]; print(*others)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.csv"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["medallion.cleaner.formats.csv"]
