"""JSON lines: exact numbers, absent values, and a reason for each line that is no record."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from format_files import read_all
from medallion.errors import BadInput, ContractViolation

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
JSONL = {"format": "jsonl"}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.10", "1.10"), ("1234567890123456789", "1234567890123456789"), ("1E400", "1E400"), ("-0", "-0"),
        ("true", "true"), ("false", "false"), ("null", None), ('""', ""), ('"x"', "x"), ('"007"', "007"),
        ('"\\u00e9\\ud83d\\ude00"', "é\U0001F600"), ('"a\\nb"', "a\nb"),
        ('{"x": 1.10, "y": [null, true, "é\\n"]}', '{"x": 1.10, "y": [null, true, "é\\n"]}'), ("[]", "[]"), ("{}", "{}"),
    ],
)  # fmt: skip
def test_value_is_its_text(written: str, text: str | None):
    line = f'{{"a": {written}}}'
    found = read_all(f"{line}\r\n\n".encode(), JSONL, ["a"])
    assert (found.rows, found.records, found.lines) == ([(text,)], [line], [1])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "is not a JSON object"), ("1", "is not a JSON object"), ("oops", "is not JSON: Expecting value, at character 1"),
        ('{"a": 1', "is not JSON: Expecting ',' delimiter, at character 8"), ('{"a": 1} x', "is not JSON: Extra data, at character 10"),
        ('{"a": 1, "a": 2}', 'has the key "a" twice'), ('{"a": NaN}', "is not JSON: it holds NaN"),
        ('{"a": -Infinity}', "is not JSON: it holds -Infinity"), ('{"b": 1, "c": 2}', 'has the unknown key "b", "c"'),
        ('{"a": "\\u0000"}', "holds a character that Postgres cannot keep"), ('{"a": "\\ud800"}', "holds a character that Postgres cannot keep"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"), ("\0", "holds a NUL byte"),
    ],
)  # fmt: skip
def test_line_that_is_no_record_is_rejected(line: str, reason: str):
    found = read_all(b'{"a": 1}\n' + line.encode() + b'\n{"a": 2}\n', JSONL, ["a"])
    assert (found.rows, found.lines, found.rejects) == ([("1",), ("2",)], [1, 3], {2: reason})


def test_key_that_is_missing_has_no_value():
    data = b'{"a": 1}\n{"b": 2}\n'
    assert read_all(data, JSONL, ["a", "b"]).rows == [("1", None), (None, "2")]
    with pytest.raises(ContractViolation, match='no object has the key "c"'):
        read_all(data, JSONL, ["a", "b", "c"])
    assert read_all(data, JSONL, ["a", "b", "c"], missing_columns="null").rows == [("1", None, None), (None, "2", None)]
    assert read_all(data, JSONL, ["a"], unknown_columns="ignore").rows == [("1",), (None,)]


def test_line_in_another_encoding_is_decoded():
    line, fields = '{"é": "ü"}\n', [{"name": "a", "source": "é"}]
    assert read_all(line.encode("utf-16"), JSONL, fields, encoding="utf-16").rows == [("ü",)]
    assert read_all(line.encode("cp1252"), {**JSONL, "encoding": "cp1252"}, fields).rows == [("ü",)]
    assert read_all(b'{"a": "\xff"}\n{"a": 1}', JSONL, ["a"]).rejects == {1: "is not UTF-8"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"a": 1}]', "is one JSON array"), ('[\n  {"a": 1}\n]', "is one JSON array"),
        ('{\n  "a": 1\n}', "one JSON document over several lines"), ("a,b\n1,2\n", "is not JSON lines"),
    ],
)  # fmt: skip
def test_file_that_is_no_json_lines_is_refused(text: str, words: str):
    with pytest.raises(BadInput, match=words):
        read_all(text.encode(), JSONL, ["a"])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(st.lists(st.fixed_dictionaries({"a": json_values, "b": json_values}), min_size=1, max_size=5), st.booleans())
def test_generated_objects_are_read_back(rows: list[dict[str, object]], ascii_only: bool):
    text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    found = read_all(text.encode(), JSONL, ["a", "b"])
    assert not found.rejects

    def meant(text: str | None, value: object) -> object:
        return text if value is None or isinstance(value, str) else json.loads(text or "")

    expected = [[row["a"], row["b"]] for row in rows]
    read = [list(map(meant, *pair)) for pair in zip(found.rows, expected, strict=True)]
    assert read == expected
