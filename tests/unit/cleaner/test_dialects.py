"""Files in any dialect: what is written is read back, at any block size; what is left out is counted."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.config.dialect import Dialect
from medallion.errors import BadInput

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))


def dialect(**terms: Any) -> Dialect:
    return Dialect.model_validate(terms)


def read(
    text: str, terms: dict[str, Any], size: int = 1 << 20, names: Sequence[str] = ()
) -> tuple[list[tuple[str, ...]], dict[int, str], dict[str, int], list[str]]:
    """Records in the order of their lines, rejects by line, what was left out, and the header."""
    form = dialect(**terms)
    records = Records(line_blocks(io.BytesIO(text.encode()), size, end=form.line_end.encode()), form, names)
    frames, rejects = [], {}
    for block in records:
        frames.append(block.frame.drop("_record", strict=False))
        rejects.update({reject.line: reject.reason for reject in block.rejects})
    found = pl.concat(frames).sort("_line").drop("_line").rows() if frames else []
    return found, rejects, dict(records.done), records.header


def written(rows: list[tuple[str, ...]], form: Dialect, quoted: st.DataObject) -> str:
    """Write rows as a dialect says, with a quote where one is needed or drawn."""
    quote, escape, delimiter = form.quote_char, form.escape_char, form.delimiter
    end = form.line_terminator

    def value(text: str) -> str:
        needs = any(sign in text for sign in (*delimiter, quote or "\n", "\n", "\r", escape or "\n"))
        blank = form.skip_initial_space and text.startswith(" ")
        inside = text if escape is None else text.replace(escape, escape * 2)
        if quote is not None and (needs or blank or not text.strip() or quoted.draw(st.booleans())):
            return quote + inside.replace(quote, (escape or quote) + quote) + quote
        if escape is None:
            return text
        for sign in (*dict.fromkeys(delimiter), "\n", *([quote] if quote else [])):
            inside = inside.replace(sign, escape + sign)
        return inside

    space = " " if form.skip_initial_space else ""
    return "".join((delimiter + space).join(map(value, row)) + end for row in rows)


delimiters = st.sampled_from([",", ";", "\t", "|", "||", "¦", "~|~", "^", ":"])
forms = st.one_of(
    st.fixed_dictionaries({"delimiter": delimiters, "quoteChar": st.sampled_from(['"', "'", "`"])}),
    st.fixed_dictionaries(
        {"delimiter": delimiters, "quoteChar": st.sampled_from(['"', "'"]), "escapeChar": st.sampled_from(["\\", "!"])}
    ),
    st.fixed_dictionaries(
        {"delimiter": delimiters, "lineTerminator": st.just("\r"), "quoteChar": st.sampled_from(['"', "'"])}
    ),
    st.fixed_dictionaries({"delimiter": st.sampled_from([",", ";", "||"]), "skipInitialSpace": st.just(True)}),
    st.fixed_dictionaries({"delimiter": delimiters, "quoteChar": st.none(), "escapeChar": st.just("\\")}),
)
signs = st.sampled_from([*"\",;|\t'`~^:!¦ \\", "\n", "a", "é", "\x1f", "7", "\u2028"])
values = st.lists(signs, max_size=6).map("".join)


@settings(max_examples=300 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(forms, st.lists(st.tuples(values, values, values), min_size=1, max_size=8), st.integers(1, 64), st.data())
def test_what_a_dialect_writes_is_read_back(
    terms: dict[str, Any], rows: list[tuple[str, ...]], size: int, data: st.DataObject
):
    text = "x" + dialect(**terms).delimiter + "y" + dialect(**terms).delimiter + "z"
    text += dialect(**terms).line_terminator + written(rows, dialect(**terms), data)
    found, rejects, done, _ = read(text, terms, size)
    assert (found, rejects, done) == (rows, {}, {})


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "terms", "expected", "done"),
    [
        ("#c\na,b\n# no\n1,2\n", {"commentChar": "#"}, [("1", "2")], {"comment lines": 2}),
        ('a,b\n"1\n# in","2"\n', {"commentChar": "#"}, [("1\n# in", "2")], {}),
        ('a,b\n# it\'s "odd\n1,2\n', {"commentChar": "#"}, [("1", "2")], {"comment lines": 1}),
        ("a,b\n-,-\n1,2\n", {"commentRows": [2]}, [("1", "2")], {"comment lines": 1}),
        ("a,b\n1,2\nTotal,2\n", {"skipLines": "^Total"}, [("1", "2")], {"lines that `skipLines` finds": 1}),
        ("a,b\n1,2\n\nSum,2\n\n-\n\n", {"footerRows": 2}, [("1", "2")], {"lines at the end": 2}),
        ("a,b\n1,2\n", {"footerRows": 0}, [("1", "2")], {}),
        ("a,b\n1\n1,2\n\n", {"shortRows": "pad"}, [("1", ""), ("1", "2")], {"short rows padded": 1}),
        ('a,b\n"1,""\n"\n', {"shortRows": "pad"}, [('1,"\n', "")], {"short rows padded": 1}),
        ("a,b\n1,2,3,\n1,2\n", {"longRows": "cut"}, [("1", "2"), ("1", "2")], {"long rows cut": 1}),
        ('a,b\n"1\n","2",3\n', {"longRows": "cut"}, [("1\n", "2")], {"long rows cut": 1}),
        ('a,b\n6" pipe,2\n"a,",3"\n', {"strayQuotes": "keep"}, [('6" pipe', "2"), ("a,", '3"')], {}),
        ("a,b\n1,'2'\n", {"quoteChar": None}, [("1", "'2'")], {}),
        ('a,b\n1,"2\n', {"quoteChar": None}, [("1", '"2')], {}),
        ("a, b\n1,  2\n\"3\", \"4,5\"\n", {"skipInitialSpace": True}, [("1", "2"), ("3", "4,5")], {}),
        ("a||b\n1||2|3\n", {"delimiter": "||"}, [("1", "2|3")], {}),
        ("a b\n1 2\n", {"delimiter": " "}, [("1", "2")], {}),
        ("a,b\r1,2\r", {"lineTerminator": "\r"}, [("1", "2")], {}),
    ],
)  # fmt: skip
def test_each_option_of_a_dialect(
    text: str, terms: dict[str, Any], expected: list[tuple[str, ...]], done: dict[str, int], size: int
):
    found, rejects, counted, header = read(text, terms, size)
    assert (found, rejects, counted) == (expected, {}, done)
    assert [name.strip() for name in header] == ["a", "b"]


@pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "terms", "header", "rows"),
    [
        ("1,2\n3,4\n", {"header": False}, ["a", "b"], 2),
        ("", {"header": False}, ["a", "b"], 0),
        ("2021,2022\nsales,\n1,2\n", {"headerRows": [1, 2]}, ["2021 sales", "2022"], 1),
        ("x\n\np,q,\nr,,s\n1,2,3\n", {"headerRows": [3, 4], "headerJoin": "_"}, ["p_r", "q", "s"], 1),
        ("Report\nof, today\n\na,b,c\n1,2,3\n", {"findHeader": True}, ["a", "b", "c"], 1),
        ('"Rep\nort",x\nb,c,a\n1,2,3\n', {"findHeader": True}, ["b", "c", "a"], 1),
        ('"a\nb",c\n1,2\n', {}, ["a\nb", "c"], 1),
    ],
)
def test_each_kind_of_header(text: str, terms: dict[str, Any], header: list[str], rows: int, size: int):
    found, rejects, _, names = read(text, terms, size, ["a", "b"])
    assert (names, len(found), rejects) == (header, rows, {})


def test_lines_above_a_header_that_is_found_are_counted():
    assert read("Report\n\nof,today\na,b\n1,2\n", {"findHeader": True}, names=["a", "b"])[2] == {
        "lines above the header": 2
    }
    with pytest.raises(BadInput, match="none of its first 10,000 lines has all of a, z"):
        read("a,b\n1,2\n", {"findHeader": True}, names=["a", "z"])


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "ab"}, "part of values"),
        ({"quoteChar": ","}, "',' has two meanings"),
        ({"escapeChar": '"'}, "has two meanings"),
        ({"commentChar": ","}, "has two meanings"),
        ({"escapeChar": "\\", "doubleQuote": True}, "exclude each other"),
        ({"headerRows": [1, 3]}, "have a gap"),
        ({"headerRows": [2, 1]}, "have a gap"),
        ({"header": False, "headerRows": [2]}, "exclude each other"),
        ({"findHeader": True, "headerRows": [2]}, "exclude each other"),
        ({"skipLines": "(?=x)"}, "looks around"),
        ({"skipInitialSpace": True, "delimiter": " "}, "spaces of the delimiter"),
        ({"quoteChar": "''"}, "not one ASCII sign"),
        ({"lineTerminator": ";"}, "lineTerminator"),
    ],
)
def test_a_dialect_that_cannot_be_read_is_refused(terms: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        dialect(**terms)
