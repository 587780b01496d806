"""Generated files: what `medallion new` writes, a run loads, and every value comes back as it was."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from guessed_files import NO_VALUE, Cell, File, files
from medallion.cleaner.skipping import MATCHES
from medallion.errors import ExitCode
from medallion.infer.proof import proved_contract
from medallion.infer.refusal import NotTabular
from medallion.warehouse.connection import Connection

TIMES = int(os.environ.get("MEDALLION_FUZZ", "1"))
QUERY = "select * from raw.things"
seen: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def totals() -> Iterator[None]:
    yield
    print(f"\ngenerated files: {dict(seen)}")
    # Text keeps everything, and so a guess that only guesses text would pass.
    assert seen["typed"] > seen["values"] / 5


def keeps(cell: Cell, got: Any) -> bool:
    """Whether a value of the table is what the cell of the file says."""
    text, meaning = cell
    text = text.strip()
    if got is None:
        return not text or text.lower() in NO_VALUE
    if isinstance(got, str):
        return got == text
    if isinstance(got, Decimal) and isinstance(meaning, Decimal):
        return got == meaning and ("e" in text or got.as_tuple().exponent == meaning.as_tuple().exponent)
    if isinstance(got, (bool, date, datetime)):
        return type(got) is type(meaning) and got == meaning
    return str(got) == text


@pytest.mark.fuzz
@settings(
    max_examples=60 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files())
def test_what_new_writes_loads_every_value_as_it_was(clean, warehouse: Connection, tmp_path: Path, file: File):
    path = tmp_path / "generated.csv"
    path.write_bytes(file.data)
    seen["files"] += 1
    try:
        contract, proof = proved_contract("things", path)
    except NotTabular:
        seen["refused"] += 1
        return
    done = clean(path, contract)
    assert done.code == ExitCode.OK, (done, contract)
    if done.row["status"] == "unchanged":
        return
    counts = (done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"])
    assert counts == (proof.counts.rows, proof.counts.loaded, proof.counts.rejected)
    totals = sorted(file.rows)[-left_out:] if (left_out := done.row["details"].get("dialect", {}).get(MATCHES)) else []
    assert all(next(text for text, _ in file.rows[line] if text.strip()) == "Total" for line in totals)
    assert all(any(not text.strip() for text, _ in file.rows[line]) for line in totals)
    assert set(done.reasons) == file.broken, (file.data[:300], contract)
    loaded = {row[-1]: row[:-1] for row in warehouse.execute(QUERY, prepare=False)}
    assert loaded.keys() == file.rows.keys() - {*totals}, (file.data[:300], contract)
    changed = [
        (line, cell[0], got)
        for line, row in file.rows.items()
        if line in loaded
        for cell, got in zip(row, loaded[line], strict=True)
        if not keeps(cell, got)
    ]
    assert not changed, contract
    seen["loaded"] += 1
    seen["values"] += sum(map(len, file.rows.values()))
    seen["typed"] += sum(value is not None and not isinstance(value, str) for row in loaded.values() for value in row)
