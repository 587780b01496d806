"""Whatever the bytes: never a traceback, never a lost row, and the same answer however the file is cut into blocks."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medallion.cleaner.lines import line_blocks
from medallion.cleaner.records import Records
from medallion.config.dialect import Dialect
from medallion.errors import BadInput, ExitCode
from medallion.warehouse.connection import Connection

pytestmark = pytest.mark.fuzz
FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))

TYPED: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "a",
    "fields": [
        {"name": "a", "type": "string", "clean": ["trim"], "constraints": {"required": True}},
        {"name": "b", "type": "number", "clean": ["currency"]},
        {"name": "c", "type": "date", "format": ["%Y-%m-%d", "%d/%m/%y"]},
        {"name": "d", "type": "integer"},
        {"name": "e", "type": "number", "derive": {"multiply": ["b", "d"]}},
    ],
    "unknown_columns": "ignore",
    "missing_columns": "null",
    "empty": "allow",
    "rejects": {"max_share": 1},
}
HEADER = b"a,b,c,d\n"
KNOWN = {int(code) for code in (ExitCode.OK, ExitCode.BAD_INPUT, ExitCode.CONTRACT_VIOLATION)}

# Bytes that mean something to a reader of CSV, far more often than chance would have them.
meaningful = st.sampled_from(
    [b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b" ", b"\t", b"a", b"7",
     b"1.5", b"$1,000", b"(2)", b"2024-02-30", b"2024-02-29", b"9" * 20, b"1e300", b"nan", "\u0661".encode(), b"\\.",
     b"\\N", b"-", b"\x1f", b"\x0b", b"x,1,2024-01-01,1\n"]
)  # fmt: skip
anything = st.lists(st.one_of(meaningful, st.binary(max_size=3)), max_size=60).map(b"".join)
every_time = settings(
    max_examples=60 * FUZZ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=FUZZ == 1,
)


@every_time
@given(anything)
@example(b'x,"1\n')
@example(b"x,1,0024-01-01,1\n")
@example(b"\r\r\n\r")
@example(b"\xae\n\xff")
@example(b"x,999999999999.999,,1\n")
@example("x,٣,,٣\n".encode())
def test_any_bytes_end_with_every_row_loaded_or_rejected(clean, warehouse: Connection, body: bytes):
    done = clean(HEADER + body, TYPED)
    if done.code == ExitCode.BAD_INPUT and "is not in utf-8" in done.row["details"]["message"]:
        return  # another encoding: refused as a whole, and nothing is loaded
    assert done.code == ExitCode.OK, done
    if done.row["status"] == "unchanged":
        return
    (loaded,) = warehouse.execute("select count(*) from cleaned.things").fetchone() or (None,)
    assert done.row["rows_loaded"] == loaded
    assert done.row["rows_rejected"] == len(done.reasons)
    assert done.row["rows_in"] == done.row["rows_loaded"] + done.row["rows_rejected"]


@every_time
@given(anything)
def test_any_header_bytes_are_reported_and_raise_nothing(clean, data: bytes):
    assert clean(data, TYPED).code in KNOWN


def covered(data: bytes, size: int) -> tuple[dict[int, tuple[Any, ...]], dict[int, str], set[int]]:
    """Records by line, rejects by line, and all the lines that they stand for."""
    records: dict[int, tuple[Any, ...]] = {}
    rejects: dict[int, str] = {}
    lines: set[int] = set()
    for block in Records(line_blocks(io.BytesIO(data), size), Dialect()):
        for row in block.frame.with_columns(block.records().alias("_record")).iter_rows(named=True):
            number = row["_line"]
            assert number not in records
            records[number] = tuple(row.values())
            lines |= set(range(number, number + row["_record"].count("\n") + 1))
        for reject in block.rejects:
            assert reject.line not in rejects
            rejects[reject.line] = reject.reason
            lines |= set(range(reject.line, reject.line + reject.record.count("\n") + 1))
    return records, rejects, lines


@settings(max_examples=400 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(anything, st.integers(1, 40))
def test_every_line_is_a_record_or_a_reject_at_any_block_size(body: bytes, size: int):
    data = HEADER + body
    whole, cut = covered(data, 1 << 20), covered(data, size)
    assert whole == cut
    assert not whole[0].keys() & whole[1].keys()
    written = {
        number for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r\x0b\x0c") and number > 1
    }
    # Lines of white space of any script are blank too.
    missing = {
        number for number in written - whole[2] if data.split(b"\n")[number - 1].decode(errors="replace").strip()
    }
    assert not missing


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@settings(max_examples=200 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=12), st.integers(1, 64))
def test_what_a_csv_writer_writes_is_read_back(rows: list[tuple[str, str, str]], size: int):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("x", "y", "z"))
    writer.writerows(rows)
    frames = [
        block.frame.select("0", "1", "2", "_line")
        for block in Records(line_blocks(io.BytesIO(text.getvalue().encode()), size), Dialect())
    ]
    assert pl.concat(frames).sort("_line").drop("_line").rows() == rows


@settings(max_examples=100 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(st.lists(st.sampled_from(['x,"open,1', 'x,"a"b,1', 'x,y"z,1', '"', "too,few", "good,1,2"]), max_size=30))
def test_broken_lines_never_take_a_good_one_with_them(lines: list[str]):
    data = "x,y,z\n" + "\n".join(lines) + "\n"
    records, rejects, _ = covered(data.encode(), 1 << 20)
    good = {number for number, line in enumerate(lines, 2) if line == "good,1,2"}
    inside = {line for number, row in records.items() for line in range(number, number + row[-1].count("\n") + 1)}
    assert good <= inside
    assert len(records.keys() | rejects.keys()) == len(records) + len(rejects)


def test_a_header_that_cannot_be_read_is_bad_input():
    with pytest.raises(BadInput):
        Records(line_blocks(io.BytesIO(b'a,"b\nc')), Dialect())
