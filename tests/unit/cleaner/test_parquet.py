"""Parquet: each type as the text that stands for exactly its values; batches; damaged files."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from format_files import read_all
from medallion.errors import BadInput

PARQUET = {"format": "parquet"}
AT = datetime(2024, 1, 31, 12, 0, 0, 500_000)


def parquet(frame: pl.DataFrame, **options: Any) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("series", "text"),
    [
        (pl.Series([3.0]), "3"), (pl.Series([0.1]), "0.1"), (pl.Series([1e21]), "1e+21"), (pl.Series([1e20]), "100000000000000000000"),
        (pl.Series([0.1], dtype=pl.Float32), "0.1"), (pl.Series([float("nan")]), "NaN"), (pl.Series([-0.0]), "0"),
        (pl.Series([2**63 - 1]), "9223372036854775807"), (pl.Series([2**64 - 1], dtype=pl.UInt64), "18446744073709551615"),
        (pl.Series([Decimal("1.10")], dtype=pl.Decimal(38, 2)), "1.10"), (pl.Series([True]), "true"),
        (pl.Series([date(2024, 1, 31)]), "2024-01-31"), (pl.Series([AT]), "2024-01-31T12:00:00.500"),
        (pl.Series([AT]).dt.replace_time_zone("Europe/Berlin"), "2024-01-31T12:00:00.500+01:00"),
        (pl.Series([time(1, 2, 3)]), "01:02:03"), (pl.Series([timedelta(days=1, seconds=3)]), "P1DT3S"),
        (pl.Series([b"ab"]), "ab"), (pl.Series(["x"], dtype=pl.Categorical), "x"), (pl.Series([[1, None]]), "[1,null]"),
        (pl.Series([{"x": 1, "y": ["é"]}]), '{"x":1,"y":["é"]}'),
    ],
)  # fmt: skip
def test_value_of_each_type_is_its_text(series: pl.Series, text: str):
    data = parquet(pl.DataFrame({"a": pl.concat([series, series.clear(1)]), "b": ["x", None]}))
    found = read_all(data, PARQUET, ["a", "b"])
    assert (found.rows, found.lines) == ([(text, "x"), (None, None)], [1, 2])


def test_instant_is_as_its_field_reads_it():
    zoned = pl.Series([datetime(2024, 1, 31, 12)]).dt.replace_time_zone("Europe/Berlin")
    data = parquet(pl.DataFrame({"day": [date(2024, 1, 31)], "midnight": [datetime(2024, 1, 31)], "zoned": zoned}))
    fields = [
        {"name": name, "type": kind}
        for name, kind in (("day", "datetime"), ("midnight", "date"), ("zoned", "datetime"))
    ]
    found = read_all(data, PARQUET, fields)
    assert found.rows == [("2024-01-31T00:00:00", "2024-01-31", "2024-01-31T11:00:00")]
    assert found.records == ["2024-01-31T00:00:00,2024-01-31,2024-01-31T11:00:00"]


def test_rows_are_numbered_over_batches_and_row_groups():
    count = 1_200_000
    data = parquet(pl.DataFrame({"a": pl.int_range(count, eager=True)}), row_group_size=100_000)
    found = read_all(data, PARQUET, ["a"])
    assert found.lines == list(range(1, count + 1))
    assert found.rows[-1] == (str(count - 1),)


def test_record_of_a_row_is_csv():
    frame = pl.DataFrame({"a": ['say "x", y', None], "b": ["two\nlines", "z"]})
    assert read_all(parquet(frame), PARQUET, ["a", "b"]).records == ['"say ""x"", y","two\nlines"', ",z"]
    assert read_all(parquet(frame.select("a")), PARQUET, ["a"]).records[1] == '""'


def test_bytes_that_are_no_text_are_refused_unless_ignored():
    data = parquet(pl.DataFrame({"a": [b"x", b"\xff"], "b": ["y", "z\0"]}))
    with pytest.raises(BadInput, match="row 2: 'a' holds bytes that are not UTF-8"):
        read_all(data, PARQUET, ["a", "b"])
    found = read_all(data, PARQUET, ["b"], unknown_columns="ignore")
    assert (found.rows, found.rejects) == ([("y",)], {2: "holds a NUL character"})


def test_cut_off_file_is_refused():
    data = parquet(pl.DataFrame({"a": list(range(1000))}))
    for end in range(4, len(data), len(data) // 20):
        with pytest.raises(BadInput, match="cannot be read as a Parquet file"):
            read_all(data[:end], PARQUET, ["a"])


def test_rows_that_are_lost_without_an_error_are_noticed():
    data = parquet(pl.DataFrame({"a": list(range(1000))}), statistics=False)
    count, other = b"\x16\xd0\x0f", b"\x16\xd2\x0f"  # 1,000 and 1,001, as Parquet's metadata has them
    places = [at for at in range(len(data)) if data.startswith(count, at)]
    refused = 0
    for at in places:
        try:
            assert len(read_all(data[:at] + other + data[at + 3 :], PARQUET, ["a"]).rows) == 1000
        except BadInput as error:
            refused += "can be read" in error.message
    assert refused >= 1
