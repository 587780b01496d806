"""Generated files: what `medallion new` writes, a run loads, and every value comes back as it was."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from guessed_files import Cell, File, files
from medallion.cleaner.skipping import MATCHES
from medallion.config.contract import Contract
from medallion.config.field import ContractField
from medallion.config.yaml_loader import parse
from medallion.errors import ExitCode
from medallion.infer.junk import MOST_REJECTED
from medallion.infer.proof import proved_contract
from medallion.infer.refusal import NotTabular
from medallion.warehouse.connection import Connection
from typed_files import WRITERS, Table, as_text, tables

TIMES = int(os.environ.get("MEDALLION_FUZZ", "1"))
NUMBER = re.compile(r"[-+0-9.,'()\s]|(?<=[0-9])[eE](?=[-+0-9])")
QUERY = "select * from raw.things"
seen: Counter[str] = Counter()


how = settings(
    max_examples=60 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module", autouse=True)
def totals() -> Iterator[None]:
    yield
    print(f"\ngenerated files: {dict(seen)}")
    # Text keeps everything, and so a guess that only guesses text would pass.
    assert seen["typed"] > seen["values"] / 5


def keeps(cell: Cell, got: Any, field: ContractField) -> bool:
    """Whether a value of the table is what the cell of the file says, or the contract lists it as no value."""
    text, meaning = cell
    text = text.strip()
    if got is None:
        return not text or not {text, text.lower()}.isdisjoint(field.missing_values or ())
    if isinstance(got, str):
        return got == text
    if isinstance(got, Decimal) and isinstance(meaning, Decimal):
        return got == meaning and ("e" in text or got.as_tuple().exponent == meaning.as_tuple().exponent)
    if isinstance(got, (bool, date, datetime)):
        return type(got) is type(meaning) and got == meaning
    return got == meaning if isinstance(meaning, int) else str(got) == text


def counted(word: str, field: int, file: File) -> str:
    """What the contract has to say of a word that it takes for no value."""
    spelled = Counter(row[field][0].strip() for row in file.rows.values())
    word = next((text for text in spelled if text == word), None) or next(
        text for text in spelled if text.lower() == word
    )
    return f"{spelled[word]:,} {'is' if spelled[word] == 1 else 'are'} `{word}`"


def units(file: File, place: int, field: ContractField) -> set[str]:
    """What stands around the numbers of a column; nothing for zero, and rejected rows left out."""
    texts = {row[place][0].strip() for row in file.rows.values()} - {*(field.missing_values or ())}
    return {NUMBER.sub("", text) for text in texts if re.search("[1-9]", text) and not re.search("[a-z][0-9]", text)}


@pytest.mark.fuzz
@how
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
    blank = {line for line, row in file.rows.items() if not any(text.strip() for text, _ in row)}
    left_out = done.row["details"].get("dialect", {}).get(MATCHES, 0)
    blank = blank if left_out >= len(blank) else set()
    totals = sorted(file.rows.keys() - blank)[-(left_out - len(blank)) :] if left_out > len(blank) else []
    assert all(next(text for text, _ in file.rows[line] if text.strip()) == "Total" for line in totals)
    assert all(any(not text.strip() for text, _ in file.rows[line]) for line in totals)
    totals = [*totals, *blank]
    rejected = {line: reasons for line, reasons in done.reasons.items() if line not in file.broken}
    assert set(done.reasons) - {*rejected} == file.broken, (file.data[:300], contract)
    # A few rows give way to the type of a column, none to a key.
    assert len(rejected) <= MOST_REJECTED * len(file.rows), (rejected, contract)
    assert not any("key" in reason for reasons in rejected.values() for reason in reasons), (rejected, contract)
    loaded = {row[-1]: row[:-1] for row in warehouse.execute(QUERY, prepare=False)}
    assert loaded.keys() == file.rows.keys() - {*totals} - {*rejected}, (file.data[:300], contract)
    made = parse(contract, Contract, "things.yaml")
    text = " ".join(contract.replace("\n  #", "").split())
    if file.key and not totals:
        assert made.primary_key, contract
        seen["keys"] += 1
    for place, field in enumerate(made.fields):
        if field.type in ("integer", "number"):
            assert len(units(file, place, field)) < 2, (units(file, place, field), contract)
        for word in field.missing_values or ():
            assert not word or totals or counted(word, place, file) in text, (word, contract)
            seen["words for no value"] += bool(word)
    changed = [
        (line, cell[0], got)
        for line, row in file.rows.items()
        if line in loaded
        for cell, got, field in zip(row, loaded[line], made.fields, strict=True)
        if not keeps(cell, got, field)
    ]
    assert not changed, contract
    seen["loaded"] += 1
    seen["values"] += sum(map(len, file.rows.values()))
    seen["typed"] += sum(value is not None and not isinstance(value, str) for row in loaded.values() for value in row)


def same(value: Any, got: Any, field: ContractField) -> bool:
    """Whether a value of the table is the value of the file, or the contract lists it as no value."""
    if got is None:
        return value is None or as_text(value) in (field.missing_values or ())
    if field.type == "string":
        return bool(got == str(as_text(value)))
    if field.type == "date" and isinstance(value, datetime):
        return bool(datetime.combine(got, time()) == value)
    return bool(got == (Decimal(str(value)) if isinstance(value, float) else value)) or str(got) == value


@pytest.mark.fuzz
@how
@given(tables(), st.sampled_from([*WRITERS]))
def test_what_new_writes_of_types_loads_every_value_as_it_was(
    clean, warehouse: Connection, tmp_path: Path, table: Table, name: str
):
    path = tmp_path / f"generated.{name}"
    path.write_bytes(WRITERS[name](table))
    contract, _ = proved_contract("things", path)
    done = clean(path, contract)
    assert done.code == ExitCode.OK, (done, contract)
    assert not done.rejects
    if done.row["status"] == "unchanged":
        return
    fields = parse(contract, Contract, "things.yaml").fields
    loaded = {row[0]: row for row in warehouse.execute(QUERY, prepare=False)}
    for row in zip(*table.values(), strict=True):
        for value, got, field in zip(row, loaded[row[0]], fields, strict=False):
            assert same(value, got, field), (value, got, field.name, contract)
    seen["values"] += len(table) * len(loaded)
    seen["typed"] += sum(field.type != "string" for field in fields) * len(loaded)
