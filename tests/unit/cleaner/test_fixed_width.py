"""Columns of fixed widths: cut by characters, at any block size; what does not fit is rejected or counted."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from format_files import read_all
from medallion.errors import ContractViolation

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
FIXED = {"format": "fixed-width", "widths": [3, 5, 4]}
FILE = (
    "Report\n"
    "id name amt \n"
    "# made by hand\n"
    " 1 ann   1.5\n"
    " 2 élan  2.5   \n"
    "\n"
    " 3 short\n"
    " 4 long  1.5x\n"
    "Total    3.0\n"
    "end of report\n"
)
TERMS = {**FIXED, "headerRows": [2], "commentChar": "#", "skipLines": "^Total", "footerRows": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_cut_at_widths(end: str):
    data = FILE.replace("\n", end).encode()
    terms = {**TERMS, "lineTerminator": end}
    found = read_all(data, terms, ["id", "name", "amt"])
    assert (found.header, found.lines) == (["id", "name", "amt"], [4, 5])
    assert found.rows == [("1", "ann", "1.5"), ("2", "élan", "2.5")]
    assert found.records == [" 1 ann   1.5", " 2 élan  2.5   "]
    assert found.rejects == {
        7: "has fewer than 12 characters, the sum of `widths`", 8: "has more than 12 characters, the sum of `widths`"
    }  # fmt: skip
    assert found.done == {"comment lines": 1, "lines that `skipLines` finds": 1, "lines at the end": 1}


def test_short_lines_are_padded_and_long_ones_cut():
    found = read_all(FILE.encode(), {**TERMS, "shortRows": "pad", "longRows": "cut"}, ["id", "name", "amt"])
    assert found.rows[2:] == [("3", "short", ""), ("4", "long", "1.5")]
    assert {"short rows padded": 1, "long rows cut": 1}.items() <= found.done.items()


def test_file_without_a_header_has_the_fields_in_their_order():
    found = read_all(b"12 name 1.5 \n", {**FIXED, "header": False}, ["x", "y", "z"])
    assert (found.header, found.rows) == (["x", "y", "z"], [("12", "name", "1.5")])
    with pytest.raises(ContractViolation, match="has 3 columns, and it has 2 fields"):
        read_all(b"12 name 1.5 \n", {**FIXED, "header": False}, ["x", "y"])


values = st.lists(st.sampled_from([*"ab7,;\"'#|", "é", "\U0001f600"]), max_size=4).map("".join)


@settings(max_examples=100 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(st.lists(st.tuples(values, values, values).filter(any), min_size=1, max_size=6), st.booleans())
def test_generated_rows_are_read_back(rows: list[tuple[str, str, str]], right: bool):
    text = "".join("".join(value.rjust(4) if right else value.ljust(4) for value in row) + "\n" for row in rows)
    terms = {"format": "fixed-width", "widths": [4, 4, 4], "header": False}
    found = read_all(text.encode(), terms, ["a", "b", "c"])
    assert (found.rows, found.rejects) == (rows, {})
