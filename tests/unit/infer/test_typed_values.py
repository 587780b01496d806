"""Values with types: their guess is that of the same table in CSV, and better where text is at a loss."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from format_files import workbook
from medallion.infer.proof import Proof, proved_contract

ROWS = 120
Table = dict[str, list[Any]]


def guessed(folder: Path, content: bytes) -> tuple[dict[str, Any], Proof]:
    (folder / "a").write_bytes(content)
    text, proof = proved_contract("a", folder / "a")
    return yaml.safe_load(text), proof


def as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else value


def typed_csv(table: Table) -> bytes:
    out = io.StringIO()
    rows = zip(*table.values(), strict=True)
    csv.writer(out, lineterminator="\n").writerows([[*table], *(map(as_text, row) for row in rows)])
    return out.getvalue().encode()


def typed_jsonl(table: Table) -> bytes:
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return "".join(json.dumps(row, default=as_text) + "\n" for row in rows).encode()


def typed_xlsx(table: Table) -> bytes:
    rows = zip(*table.values(), strict=True)
    return workbook({"S": [[*table], *rows]}, default_date_format="yyyy-mm-dd hh:mm:ss")


def typed_parquet(table: Table | pl.DataFrame) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(table).write_parquet(out)
    return out.getvalue()


WRITERS = {"jsonl": typed_jsonl, "xlsx": typed_xlsx, "parquet": typed_parquet}
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda time: time.replace(microsecond=0, second=1))
VALUES = st.sampled_from([
    st.integers(-9999, 99999),
    st.integers(0, 999).map(lambda number: number + 0.25),
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    TIMES,
    st.booleans(),
    st.sampled_from(["North", "00123", "12", "n/a", "2024-05-06", "x, y"]),
])  # fmt: skip
COLUMNS = st.tuples(VALUES, st.booleans()).flatmap(
    lambda one: st.lists(st.none() | one[0] if one[1] else one[0], min_size=12, max_size=12)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(COLUMNS, min_size=1, max_size=4), st.sampled_from([*WRITERS]))
def test_typed_values_are_guessed_as_csv_is_and_load(tmp_path: Path, columns: list[list[Any]], name: str):
    table: Table = {"id": [*range(100, 112)], **{f"name{place}": column for place, column in enumerate(columns)}}
    other, proof = guessed(tmp_path, WRITERS[name](table))
    same, of_csv = guessed(tmp_path, typed_csv(table))
    assert other["dialect"] == {"format": name}
    types, in_csv = ([field.get("type") for field in one["fields"]] for one in (other, same))
    if name == "parquet":  # A column of one truth, or of no value, has a type there.
        in_csv = [a if b is None and not isinstance(column[0], str) else b
                  for a, b, column in zip(types, in_csv, table.values(), strict=True)]  # fmt: skip
    assert types == in_csv
    assert other.get("primaryKey") == same.get("primaryKey")
    assert (proof.counts.loaded, proof.counts.rejected) == (of_csv.counts.loaded, of_csv.counts.rejected)


def column_of(values: list[Any] | pl.Series, folder: Path, name: str = "a") -> dict[str, Any]:
    content = typed_parquet(pl.DataFrame({"id": range(len(values)), name: values}))
    contract, proof = guessed(folder, content)
    assert (proof.counts.loaded, proof.counts.rejected) == (len(values), 0)
    field: dict[str, Any] = contract["fields"][1]
    return field


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([float(n) for n in range(ROWS)], "number"),
        ([True] * ROWS, "boolean"),
        (pl.Series([None] * ROWS, dtype=pl.Int32), "integer"),
        (pl.Series([None] * ROWS, dtype=pl.Date), "date"),
        ([Decimal(n).scaleb(-2) for n in range(ROWS)], "number"),
        ([datetime(2024, 1, n % 28 + 1) for n in range(ROWS)], "datetime"),
        ([f"{n:05}" for n in range(ROWS)], None),
        ([str(n) for n in range(ROWS)], "integer"),
        (pl.Series([2**63 + n for n in range(ROWS)], dtype=pl.UInt64), None),
        ([float("nan")] * ROWS, None),
    ],
)
def test_type_of_a_parquet_column_decides_what_text_leaves_open(values: Any, kind: str | None, tmp_path: Path):
    assert column_of(values, tmp_path).get("type") == kind


def test_zip_codes_of_a_number_column_have_no_zero_to_lose(tmp_path: Path):
    assert column_of([*range(10000, 10120)], tmp_path, "zip")["type"] == "integer"
    assert "type" not in column_of([str(n) for n in range(10000, 10120)], tmp_path, "zip")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_instants_of_parquet_with_a_zone_are_datetimes(zone: str, tmp_path: Path):
    instants = pl.Series([datetime(2024, 1, n % 28 + 1, 5, 0, 0, n % 2 * 1000, UTC) for n in range(ROWS)])
    field = column_of(instants.dt.convert_time_zone(zone), tmp_path)
    assert (field["type"], field["format"]) == ("datetime", "%Y-%m-%dT%H:%M:%S%.f%z")
    assert f"instants of the zone {zone}, which become UTC" in proved_contract("a", tmp_path / "a")[0]


def test_value_that_is_the_name_of_its_column_is_no_header(tmp_path: Path):
    field = column_of([float("inf") if n % 40 == 0 else n + 0.5 for n in range(ROWS)], tmp_path, "inf")
    assert field["missingValues"] == ["", "inf"]
