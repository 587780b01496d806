"""Texts that are judged once for all blocks are judged as each of them alone is."""

from __future__ import annotations

import os
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medallion.cleaner import clean, repeats
from medallion.cleaner.clean import Cleaner
from medallion.cleaner.judging import Judge, judge
from medallion.cleaner.records import RecordBlock
from medallion.cleaner.repeats import Repeats
from medallion.cleaner.rules import Column, compile_contract
from medallion.config.contract import Contract

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
FIELDS: list[dict[str, Any]] = [
    {"name": "v"},
    {"name": "v", "clean": ["trim", {"case": "upper"}], "constraints": {"required": True, "enum": ["A", "B,", '"']}},
    {"name": "v", "type": "integer", "constraints": {"minimum": 2}, "missingValues": ["", "?"]},
    {"name": "v", "type": "number", "decimals": 1},
    {"name": "v", "type": "date", "format": ["%Y-%m-%d", "%d.%m.%Y"]},
    {"name": "v", "type": "boolean", "constraints": {"required": True}},
]
texts = st.sampled_from(
    [
        "",
        " ",
        "a",
        "A",
        "b,",
        '"',
        "?",
        "1",
        "01",
        "2",
        "2.55",
        "2.5",
        "-3",
        "true",
        "0",
        "2024-02-29",
        "29.2.2024",
        None,
    ]
)
blocks = st.lists(st.lists(texts, min_size=0, max_size=8), min_size=1, max_size=8)


def column(field: dict[str, Any]) -> Column:
    contract = Contract.model_validate({"name": "c", "table": "s.t", "fields": [field]})
    (compiled,) = compile_contract(contract, ["v"])
    return compiled


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: str(field.get("type", len(field))))
@settings(max_examples=60 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(blocks, st.sampled_from([0, 2, 1000]))
@example([["a", "a"], ["2", "2", "1"], ["true", "a", "true", "2"]], 1000)
@example([["a", "a", "a"], ["2", "1", None]], 2)
def test_any_blocks_are_judged_like_each_text_alone(
    field: dict[str, Any], given_blocks: list[list[str | None]], room: int
):
    compiled = column(field)
    one_by_one, remembering = compiled, Judge(compiled, room)
    for block in given_blocks:
        series = pl.Series(block, dtype=pl.String)
        found = remembering.judge(series, len(block))
        for place, text in enumerate(block):
            alone = judge(one_by_one, pl.Series([text], dtype=pl.String))
            assert found.values[place] == alone.values[0]
            assert at(found.broken, place) == at(alone.broken, 0)
            assert at(found.rounded, place) == at(alone.rounded, 0)


def at(series: pl.Series | None, place: int) -> int:
    return 0 if series is None else int(series[place])


def test_codes_last_over_many_blocks():
    """Codes begin again where no series has them: rows of later blocks would get other values."""
    remembering = Judge(column({"name": "v"}), 10_000)
    for number in range(60):
        series = pl.Series([f"{word}" for word in range(number, number + 40) for _ in range(3)])
        assert remembering.judge(series, series.len()).values.to_list() == series.to_list()
        del series
    assert remembering._known is not None


def test_columns_with_too_many_texts_are_not_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clean, "MAX_KNOWN", 0)
    cleaner = Cleaner([column({"name": "v"})])
    for start in range(0, 9000, 900):
        series = pl.Series([str(start + word // 3) for word in range(2700)])
        done = cleaner.clean(RecordBlock(pl.DataFrame({"0": series, "_line": range(2700)})))
        assert done.rows_csv.decode().splitlines() == [f"{text},{line}" for line, text in enumerate(series)]
    assert cleaner._judges[0][1]._known is None


keys = st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=9), min_size=1, max_size=5)


@settings(max_examples=100 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(keys, st.sampled_from([1, 4, 64, 1 << 10]))
def test_rows_that_are_not_held_back_have_distinct_keys(given_keys: list[list[tuple[str, int]]], cells: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "_CELLS", cells)
        found, free, held = Repeats(["a", "b"]), [], []
        for block in given_keys:
            rows = pl.DataFrame(block, schema={"a": pl.String, "b": pl.Int64}, orient="row")
            for taken, kept in zip((free, held), found.divide(rows), strict=True):
                taken += kept.rows()
    assert len(set(free)) == len(free)
    assert sorted(free + held) == sorted(row for block in given_keys for row in block)
