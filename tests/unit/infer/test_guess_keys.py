"""The key that `medallion new` writes: the smallest set of columns that the whole file keeps distinct."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
import pytest

from medallion.infer.choice import guess
from medallion.infer.keys import KeySearch
from medallion.infer.text import contract_text

LINES = [(f"{1000 + row // 3}", f"{row % 3 + 1}") for row in range(600)]


def key_lines(tmp_path: Path, header: str, rows: Iterable[Sequence[str]]) -> str:
    path = tmp_path / "keys.csv"
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n", encoding="utf-8")
    text = contract_text("things", guess(path), "keys.csv")
    return " ".join(text[: text.index("fields:")].replace("\n#", "\n").split())


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        (
            "invoice,line,qty",
            [(*one, str(row % 7)) for row, one in enumerate(LINES)],
            "The pairs of invoice and line are distinct in all 600 rows. A row that repeats an earlier one's key is "
            "rejected. primaryKey: [invoice, line]",
        ),
        (
            "shop_id,day,line,qty",
            [(str(row % 5), f"2024-01-{row // 5 % 28 + 1:02}", str(row // 140), "2") for row in range(700)],
            "The triples of shop_id, day and line are distinct in all 700 rows.",
        ),
        ("qty,order_id", [(str(row % 7), str(row)) for row in range(300)], "primaryKey: order_id"),
        ("uuid,order_no", [(f"u{row}", str(row)) for row in range(300)], "rejected. primaryKey: uuid"),
        (
            "date,time,value",
            [(f"{row // 24 % 12 + 1}/{row // 288 + 1}/2024", f"{row % 24:02}:00", "1.5") for row in range(900)],
            "primaryKey: [date, time]",
        ),
        (
            "order_id,qty",
            [*((str(row), "1") for row in range(998)), ("5", "1"), ("7", "2")],
            "998 of 1,000 values of order_id are distinct, 2 repeat an earlier one, such as line 1000, which repeats "
            "line 7. If it identifies a row: primaryKey: order_id # then these rows are rejected",
        ),
        (
            "order_id,qty",
            [*((str(row), "1") for row in range(998)), ("", "1"), ("", "2")],
            "998 of 1,000 values of order_id are distinct, 2 are empty. If it identifies a row: primaryKey: order_id",
        ),
        ("a,order_id", [("x", str(row)) for row in range(7)], "If they identify a row: primaryKey: order_id"),
    ],
)
def test_new_finds_the_key(tmp_path: Path, header: str, rows: list[Sequence[str]], words: str):
    assert words in key_lines(tmp_path, header, rows)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("price,n", [(f"{row}.5", "1") for row in range(300)]),
        ("n,price", [("1", f"{row}.5") for row in range(300)]),
        ("age,points", [(str(row * 7 % 53), str(row * 7919 % 97)) for row in range(150)]),
        ("note,n", [(f"it was number {row} of them", "1") for row in range(90)]),
        ("order_id,n", [(word, "1") for row in range(300) for word in (f"{row}",) * 2]),
    ],
)
def test_new_finds_no_key_in_measures_and_prose(tmp_path: Path, header: str, rows: list[Sequence[str]]):
    assert "primaryKey" not in key_lines(tmp_path, header, rows)


def test_a_date_written_in_two_ways_is_one_value_of_a_key(tmp_path: Path):
    days = [f"{day}/5/2024" for day in range(1, 32)] * 9
    rows = [(day, str(row // 31)) for row, day in enumerate(days)]
    assert "primaryKey: [date, run_no]" in key_lines(tmp_path, "date,run_no", rows)
    assert "primaryKey" not in key_lines(tmp_path, "date,run_no", [*rows, ("09/05/2024", "0")])


def test_a_key_that_ends_behind_the_first_rows_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("medallion.infer.keys._FIRST", 10)
    search = KeySearch(["a_id", "b_id"])
    for first in range(0, 1000, 100):
        numbers = [str(number) for number in range(first, first + 100)]
        frame = {"0": numbers, "1": numbers if first < 900 else ["5"] * 100}
        lines = pl.Series("_line", range(first + 2, first + 102))
        search.add(pl.DataFrame(frame).with_columns(lines, pl.lit("").alias("_record")))
    assert [(key.places, key.is_whole) for key in search.found()] == [((0,), True), ((1,), False)]


def test_hashes_are_given_up_where_they_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("medallion.infer.keys._FIRST", 10)
    monkeypatch.setattr("medallion.infer.keys._MOST_HASHES", 400)
    search = KeySearch(["a_id"])
    search._next_check = 100
    for first in range(0, 1000, 100):
        frame = pl.DataFrame({"0": [str(number) for number in range(first, first + 100)]})
        lines = pl.Series("_line", range(first + 2, first + 102))
        search.add(frame.with_columns(lines, pl.lit("").alias("_record")))
    assert search.found() == []
