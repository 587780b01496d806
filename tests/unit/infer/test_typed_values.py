"""Values with types: their guess is that of the same table in CSV, and better where text is at a loss."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medallion.infer.proof import Proof, proved_contract
from typed_files import WRITERS, Table, has_no_times, tables, typed_csv, typed_parquet

ROWS = 120


def guessed(folder: Path, content: bytes) -> tuple[dict[str, Any], Proof]:
    (folder / "a").write_bytes(content)
    text, proof = proved_contract("a", folder / "a")
    return yaml.safe_load(text), proof


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tables(), st.sampled_from([*WRITERS]))
def test_typed_values_are_guessed_as_csv_is_and_load(tmp_path: Path, table: Table, name: str):
    other, proof = guessed(tmp_path, WRITERS[name](table))
    same, of_csv = guessed(tmp_path, typed_csv(table))
    assert other["dialect"] == {"format": name}
    types, in_csv = ([field.get("type") for field in one["fields"]] for one in (other, same))
    if name == "parquet":  # A column of one truth, or of no value, has a type there.
        in_csv = [a if b is None and not isinstance(column[0], str) else b
                  for a, b, column in zip(types, in_csv, table.values(), strict=True)]  # fmt: skip
    if name == "xlsx":
        in_csv = ["date" if b == "datetime" and has_no_times(column) else b
                  for b, column in zip(in_csv, table.values(), strict=True)]  # fmt: skip
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
