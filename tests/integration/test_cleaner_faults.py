"""The cleaner and bad input: nothing lost, nothing half done, and a reason for everything refused."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from medallion.errors import ExitCode
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from task_file import task_file

THINGS: dict[str, Any] = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "id",
    "fields": [
        {"name": "id", "constraints": {"required": True}},
        {"name": "note"},
        {"name": "amount", "type": "number", "decimals": 2, "clean": ["currency"], "constraints": {"minimum": 0}},
    ],
    "rejects": {"max_share": 1},
}
HEADER = b"id,note,amount\n"
GOOD = [("a", "one", "1.50"), ("b", "two", "2.50")]
SHOWN = "id, note, amount::text"


def things(**changes: Any) -> dict[str, Any]:
    return {**THINGS, **changes}


@pytest.fixture
def good(clean: Any, load_table: Any) -> None:
    """Readers see two rows before the test begins."""
    clean(HEADER + b"a,one,1.5\nb,two,2.5\n", THINGS)
    assert load_table(SHOWN) == GOOD


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x\0x,n,1", "NUL"),
        (b"caf\xe9,n,1", "UTF-8"),
        (b"x,n", "2 values"),
        (b"x,n,1,", "4 values"),
        (b'x,"n,1', "quote"),
        (b'x,"n"n,1', "quote"),
        (b"y" * (2 << 20) + b",n,1", "longer"),
        (b",n,1", "required"),
        (b"x,n,two hundred", "not a number"),
        (b"x,n,-3", "below the minimum 0"),
        (b"x,n,(3)", "below the minimum 0"),
        (b'x,n,"1,2"', "not a number"),
        (b'x,n,"12,50"', "not a number"),
        (b"x,n,1.234.567", "not a number"),
        (b"x,n," + b"9" * 36 + b".5", "more than 35 digits"),
        (b"x,n,1e9999", "number"),
        (b"x,n,nan", "not a number"),
    ],
    ids=lambda value: value[:24].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_bad_line_is_rejected_by_number_neighbours_are_loaded(clean, load_table, line: bytes, reason: str):
    done = clean(HEADER + b"a,one,1.5\n" + line + b"\nb,two,2.5\n", THINGS)
    assert done.code == ExitCode.OK
    assert load_table(SHOWN) == GOOD
    assert [reject["line"] for reject in done.rejects] == [3]
    assert reason in done.rejects[0]["reason"]
    assert (done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]) == (3, 2, 1)


def test_a_stray_quote_costs_its_own_line_however_many_there_are(clean, load_table):
    rows = [b"r%d,n,1" % number for number in range(50)]
    rows[10], rows[30], rows[40], rows[48] = b'x,"open,1', b'y,"open,1', b'z,5" pipe,1', b'"'
    done = clean(HEADER + b"\n".join(rows), THINGS)
    assert done.row["rows_in"] == 50
    assert set(done.reasons) == {12, 32, 42, 50}
    assert len(load_table("id")) == 46


def test_value_over_several_lines_has_its_first_lines_number(clean, load_table):
    done = clean(HEADER + b'a,"one\r\n\r\ntwo",1\r\nb,n,2\r\n', THINGS)
    assert done.code == ExitCode.OK
    assert load_table("id, note, _line") == [("a", "one\r\n\r\ntwo", 2), ("b", "n", 5)]


def test_a_bad_line_inside_a_value_rejects_the_whole_row(clean, load_table):
    done = clean(HEADER + b'a,"one\ncaf\xe9\ntwo",1\nb,n,2\n', THINGS)
    assert load_table("id") == [("b",)]
    assert 2 in done.reasons


def test_byte_order_mark_and_carriage_returns_are_no_dirt(clean, load_table):
    done = clean(b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n") + b"a,one,1.5\r\nb,two,2.5", THINGS)
    assert done.code == ExitCode.OK
    assert load_table(SHOWN) == GOOD


@pytest.mark.usefixtures("good")
def test_a_cut_off_gzip_file_loads_nothing(clean, load_table):
    whole = gzip.compress(HEADER + b"".join(b"%d,n,%d\n" % (n, n * 7919 % 1000) for n in range(50_000)))
    done = clean(whole[: len(whole) // 2], THINGS)
    assert done.code == ExitCode.BAD_INPUT
    assert load_table(SHOWN) == GOOD


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ExitCode.BAD_INPUT),
        (b"\n\n", ExitCode.BAD_INPUT),
        (HEADER, ExitCode.BAD_INPUT),
        (b"id,note\na,b\n", ExitCode.CONTRACT_VIOLATION),
        (b"id,note,amount,extra\na,b,1,2\n", ExitCode.CONTRACT_VIOLATION),
        (b"id,note,amount,id\na,b,1,2\n", ExitCode.CONTRACT_VIOLATION),
        (b"id;note;amount\na;b;1\n", ExitCode.CONTRACT_VIOLATION),
        (b"\xff\xfei\0d\0", ExitCode.BAD_INPUT),
        (b'"id,note,amount\n', ExitCode.BAD_INPUT),
        (b"caf\xe9,note,amount\na,b,1\n", ExitCode.BAD_INPUT),
    ],
)
def test_file_of_another_shape_is_refused_readers_keep_data(clean, load_table, data: bytes, code: int):
    done = clean(data, THINGS)
    assert done.code == code
    assert done.row["status"] == "failed"
    assert load_table(SHOWN) == GOOD


@pytest.mark.parametrize("contract", [{}, [], {"name": "x"}, {**THINGS, "surprise": 1}])
def test_a_contract_that_cannot_be_used_is_a_usage_error(clean, contract: Any):
    assert clean(HEADER, contract).code == ExitCode.USAGE


def test_first_row_of_a_key_stays_and_repeats_are_distinguished(clean, load_table):
    done = clean(HEADER + b"a,one,1\nb,two,2\na,one,1\nb,other,2\na,one,1\n", THINGS)
    assert load_table("id, note") == [("a", "one"), ("b", "two")]
    assert {line: len(reasons) for line, reasons in done.reasons.items()} == {4: 1, 5: 1, 6: 1}
    assert done.reasons[4] == done.reasons[6] != done.reasons[5]
    assert (done.row["rows_in"], done.row["rows_loaded"], done.row["rows_rejected"]) == (5, 2, 3)


def test_a_row_wrong_in_two_columns_counts_once_and_names_both(clean):
    done = clean(HEADER + b"a,n,1\n,n,x\n", THINGS)
    assert [reject["column_name"] for reject in done.rejects] == ["amount", "id"]
    assert done.row["rows_rejected"] == 1


@pytest.mark.usefixtures("good")
def test_too_many_rejects_publish_nothing_keep_quarantine(clean, load_table, warehouse: Connection):
    done = clean(HEADER + b"a,n,1\n,n,1\n,n,1\n", things(rejects={"max_share": 0.5}))
    assert done.code == ExitCode.TOO_MANY_REJECTS
    assert load_table(SHOWN) == GOOD
    assert set(done.reasons) == {3, 4}
    assert (done.row["status"], done.row["rows_in"], done.row["rows_rejected"]) == ("failed", 3, 2)
    left = warehouse.execute("select count(*) from pg_namespace where nspname like 'cleaned\\_\\_%'").fetchone()
    assert left == (1,)


def test_the_same_file_again_changes_nothing_and_says_so(clean, warehouse: Connection):
    data = HEADER + b"a,one,1\n,bad,1\n"
    first, second = clean(data, THINGS), clean(data, THINGS)
    assert (first.row["status"], second.row["status"]) == ("succeeded", "unchanged")
    for name in ("rows_in", "rows_loaded", "rows_rejected", "input_checksum"):
        assert first.row[name] == second.row[name]
    assert clean(data, things(title="Another contract")).row["status"] == "succeeded"


def test_run_cleared_after_another_file_keeps_readers_served(clean, load_table, warehouse: Connection):
    clean(HEADER + b"a,one,1.5\nb,two,2.5\n", THINGS, run_id="same")
    warehouse.execute("create view public.report as select id from cleaned.things")
    refused = clean(HEADER + b",n,1\n", things(rejects={"max_share": 0.5}), run_id="same")
    assert refused.code == ExitCode.TOO_MANY_REJECTS
    assert load_table(SHOWN) == GOOD
    clean(HEADER + b"c,three,3\n", THINGS, run_id="same")
    assert warehouse.execute("select id from public.report").fetchall() == [("c",)]


def test_log_and_ledger_name_the_parts_of_a_step(clean, capsys):
    done = clean(HEADER + b"a,n,1\n", THINGS)
    names = [part["name"] for part in done.row["details"]["parts"]]
    assert {"create_cleaned_table", "clean_and_transform_csv", "load_cleaned_csv_to_postgres"} < set(names)
    events = [json.loads(line)["event_type"] for line in capsys.readouterr().out.splitlines()]
    assert [event for event in events if event in names] == names


def test_a_retry_of_a_run_does_not_double_its_quarantine(clean):
    refused = things(rejects={"max_share": 0})
    for _ in range(2):
        done = clean(HEADER + b"a,n,1\n,n,1\n", refused, run_id="same")
    assert [reject["line"] for reject in done.rejects] == [3]


def test_schemas_take_the_prefix(clean, load_table):
    clean(HEADER + b"a,one,1.5\nb,two,2.5\n", THINGS, prefix="team_")
    assert load_table(SHOWN, "team_cleaned.things") == GOOD


def start(path: Path, run_id: str) -> subprocess.Popen[bytes]:
    arguments = task_file(
        ["--pipeline", "p", "--run-id", run_id, "--step", "clean.input", "--input", str(path)], THINGS
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "medallion.cleaner", *arguments], env=environment, stdout=subprocess.PIPE
    )


def write_rows(path: Path, rows: int) -> Path:
    with path.open("wb") as file:
        file.write(HEADER)
        file.writelines(b"%d,note number %d,%d.25\n" % (n, n * 7919, n % 977) for n in range(rows))
    return path


def wait_for(connection: Connection, query: str) -> None:
    """Asks again until the query has a row; the database sets the pace."""
    while connection.execute(query).fetchone() is None:  # type: ignore[arg-type]
        connection.execute("select pg_sleep(0.01)")


COPYING = (
    "select from pg_stat_progress_copy where tuples_processed > 0 and relid <> 'medallion.rejected_rows'::regclass"
)


@pytest.mark.usefixtures("good")
def test_cleaner_stopped_in_copy_says_so_rerun_loads_all(load_table, warehouse: Connection, tmp_path: Path):
    path = write_rows(tmp_path / "big.csv", 400_000)
    process = start(path, "stopped")
    wait_for(warehouse, COPYING)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == ExitCode.TERMINATED, output.decode()[-2000:]
    assert load_table(SHOWN) == GOOD
    assert ledger.list_steps(warehouse, "p", "stopped") == []
    assert start(path, "stopped").wait(120) == ExitCode.OK
    checksum = "select count(*), sum(id::bigint), md5(string_agg(note, ',' order by _line)) from cleaned.things"
    first = warehouse.execute(checksum).fetchone()  # type: ignore[arg-type]
    assert first is not None
    assert first[:2] == (400_000, 400_000 * 399_999 // 2)


@pytest.mark.usefixtures("good")
def test_lost_session_is_retryable_and_loses_nothing(load_table, warehouse: Connection, tmp_path: Path):
    process = start(write_rows(tmp_path / "big.csv", 400_000), "lost")
    wait_for(warehouse, COPYING)
    warehouse.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'medallion%p clean.input%'"
    )
    process.communicate(timeout=120)
    assert process.returncode == ExitCode.WAREHOUSE_UNAVAILABLE
    assert load_table(SHOWN) == GOOD


def test_memory_stays_flat_when_the_file_is_ten_times_larger(warehouse: Connection, tmp_path: Path):
    peaks = []
    for rows in (200_000, 2_000_000):
        process = start(write_rows(tmp_path / f"{rows}.csv", rows), f"rows-{rows}")
        watched, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
                process.wait(0.05)
            except (subprocess.TimeoutExpired, psutil.NoSuchProcess):
                continue
        assert process.returncode == ExitCode.OK
        peaks.append(peak / 2**20)
    # The small file is a block and a half, so the large one may take a few blocks more; all of its rows would take 400.
    assert peaks[1] < peaks[0] + 150, f"MiB at 200 thousand and at 2 million rows: {peaks}"
