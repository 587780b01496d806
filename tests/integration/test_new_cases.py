"""`medallion new` on files from the field, and then `medallion run`: what is loaded is what the file says."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from medallion.lint.checks import lint_folder
from medallion.warehouse.connection import Connection

REPO = Path(__file__).resolve().parents[2]
CASES = REPO.parent / "shared" / "cases"
NewAndRun = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def new_and_run(tmp_path: Path, warehouse_url: str, warehouse: Connection) -> NewAndRun:
    """Runs `new`, lint and `run` on a file; returns the rows of its table in the order of the file."""
    variables = {**os.environ, "MEDALLION_HOME": str(tmp_path), "COLUMNS": "100"}

    def medallion(*words: str | Path) -> None:
        command = [sys.executable, "-m", "medallion.cli", *map(str, words), "--dags", str(tmp_path / "dags")]
        done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=REPO, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def go(file: Path) -> list[tuple[Any, ...]]:
        medallion("new", "pipeline", "things", "--from", file)
        assert lint_folder(tmp_path / "dags") == []
        medallion("run", "things", "--input", file, "--warehouse", warehouse_url)
        return warehouse.execute("select * from raw.things order by _line", prepare=False).fetchall()

    return go


def case(number: str, name: str) -> Path:
    found = sorted(CASES.glob(f"{number}-*/{name}"))
    if not found:
        pytest.skip(f"no case {number} here (looked in {CASES})")
    return found[0]


def test_case_05_keeps_zips_rates_countries_and_genders(new_and_run: NewAndRun):
    file = case("05", "zip.csv")
    rows = new_and_run(file)
    with file.open(newline="") as text:
        expected = [
            (int(row["customer_id"]), row["zip"], Decimal(row["rate"]), row["gender"], row["country"] or None)
            for row in csv.DictReader(text)
        ]
    assert [row[:-1] for row in rows] == expected
    assert Counter(row[4] for row in rows)["NA"] == 200


def test_case_06_loads_ids_of_nineteen_digits_whole(new_and_run: NewAndRun):
    rows = new_and_run(case("06", "id19.csv"))
    assert [row[0] for row in rows] == [1234567890123456789, 9223372036854775807, 1541815603606036480]


def test_case_06_loads_under_a_contract_of_integers(clean, load_table):
    done = clean(case("06", "id19.csv"), case("06", "id19b.yaml").read_text())
    assert (done.code, done.row["rows_loaded"]) == (0, 3)
    assert load_table("id", "raw.id19b")[1] == (9223372036854775807,)


@pytest.mark.parametrize("name", ["xl.csv", "xl2.csv"])
def test_case_07_loads_its_own_file_with_twin_columns_apart(new_and_run: NewAndRun, name: str):
    rows = new_and_run(case("07", name))
    assert [row[:-1] for row in rows] == [
        ("01/02/2024", "North", "EU", Decimal("100.00"), None),
        ("02/02/2024", "South", "EU", Decimal("50.00"), None),
    ]  # the total is no row: `new` writes `skipLines`


def test_real_files_load_or_reject_each_row(clean, warehouse: Connection, shared_data: Path):
    from medallion.infer.junk import MOST_REJECTED
    from medallion.infer.proof import proved_contract

    files = sorted(shared_data.rglob("*.csv"))
    assert files
    for file in files:
        text, proof = proved_contract("things", file)
        done = clean(file, text)
        print(f"{file.stem}: {proof}")
        assert (done.code, done.row["rows_rejected"]) == (0, proof.counts.rejected)
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            width = len(next(reader))
            rows = sum(len(row) == width for row in reader)
        assert done.row["rows_loaded"] + done.row["rows_rejected"] == rows
        assert done.row["rows_rejected"] <= MOST_REJECTED * rows
        # What is rejected is a date that may be two.
        assert all("is another date in each of" in reason for reasons in done.reasons.values() for reason in reasons)


def test_a_wide_row_that_new_takes_fits_into_postgres(clean, tmp_path: Path):
    from medallion.infer.proof import proved_contract

    file = tmp_path / "wide.csv"
    header = ",".join(f"c{place}" for place in range(450))
    file.write_text(f"{header}\n" + f"{','.join(['x' * 30, 'y' * 15, '12345'] * 150)}\n" * 3)
    text, _ = proved_contract("things", file)
    done = clean(file, text)
    assert (done.code, done.row["rows_loaded"]) == (0, 3), done
