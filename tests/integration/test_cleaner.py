"""The cleaner's own command on a real Postgres: what is loaded, what is refused, and why."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from independent import retail_sales
from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection
from orders import CONTRACT, HEADER, REPO, arguments, command, entry, environment, quarantine, rows
from readers import polling

Load = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def load(warehouse: Connection, tmp_path: Path) -> Load:
    """Loads text or bytes under the contract, with changes to it, as run `run`."""

    def go(content: str | bytes, run: str = "one", name: str = "orders.csv", **changes: Any):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return command(path, run, {**CONTRACT, **changes})

    return go


def test_values_are_cleaned_and_typed_and_money_stays_exact(load: Load, warehouse: Connection):
    done = load(HEADER + '1, ann ,2025-01-31,"$1,234.565",3,yes\n2,bob,31/01/2025,0.10,3,N/A\n3,,N/A,(0),,no\n')
    assert done.returncode == 0, done.stdout + done.stderr
    assert quarantine(warehouse) == []
    assert rows(warehouse, "id, who, day::text, price, total, paid, _line") == [
        (1, "ANN", "2025-01-31", Decimal("1234.57"), Decimal("3703.71"), True, 2),
        (2, "BOB", "2025-01-31", Decimal("0.10"), Decimal("0.30"), None, 3),
        (3, None, None, Decimal("0.00"), None, False, 4),
    ]


def test_rejected_rows_keep_line_column_value_and_reason(load: Load, warehouse: Connection):
    load(HEADER + "x,a,2025-01-01,1,1,yes\n,a,31.12.2025,-1,1.5,maybe\n3,abcdefghijkl,2025-01-01,1,1,no\n4,a,,1,1,\n")
    assert quarantine(warehouse) == [
        (2, "id", "x", "is not a whole number"),
        (3, "day", "31.12.2025", "is not a date written as %Y-%m-%d or %d/%m/%Y"),
        (3, "id", "", "is required and missing"),
        (3, "paid", "maybe", "is not one of yes, no"),
        (3, "pieces", "1.5", "is not a whole number"),
        (3, "price", "-1", "is below the minimum 0"),
        (4, "who", "abcdefghijkl", "is longer than 10 characters"),
    ]
    found = entry(warehouse)
    assert (found["rows_in"], found["rows_loaded"], found["rows_rejected"]) == (4, 1, 3)


def test_repeated_keys_go_to_quarantine_and_the_first_row_stays(load: Load, warehouse: Connection):
    load(HEADER + "1,a,,1,1,\n1,a,,1,1,\n1,b,,1,1,\n2,c,,1,1,\n")
    assert rows(warehouse, "id, who") == [(1, "A"), (2, "C")]
    assert quarantine(warehouse) == [
        (3, "id", "1", "repeats an earlier row"),
        (4, "id", "1", "is the key of an earlier row with other values"),
    ]
    assert entry(warehouse)["rows_rejected"] == 2


def test_row_without_key_is_rejected_without_required(load: Load, warehouse: Connection):
    fields = [{**field, "constraints": {}} for field in CONTRACT["fields"]]  # type: ignore[attr-defined]
    assert load(HEADER + ",a,,1,1,\n2,b,,1,1,\n", fields=fields).returncode == 0
    assert rows(warehouse, "id") == [(2,)]
    assert quarantine(warehouse) == [(2, "id", "", "is required and missing")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2,a,,1\n", "has 4 values, the header has 6"),
        (b"2,a,,1,1,yes,extra\n", "has 7 values, the header has 6"),
        (b"2,a\0b,,1,1,\n", "holds a NUL byte"),
        (b"2,a\xff,,1,1,\n", "is not UTF-8"),
        (b'2,"a,,1,1,\n', "opens a quote that is never closed"),
        (b'2,a"b"c,,1,1,\n', "has a quote in the middle of a value"),
        (b"2," + b"a" * (1 << 20) + b",,1,1,\n", "is longer than 1048576 bytes"),
    ],
)
def test_line_that_is_no_record_is_rejected_rest_loaded(load: Load, warehouse: Connection, line: bytes, reason: str):
    good = b"1,a,,1,1,\n"
    done = load(b"\xef\xbb\xbf" + HEADER.encode() + good + line + b"3,c,,1,1,\n", **{"primaryKey": []})
    if "longer" in reason:
        # Read in one piece it is a value too long for its column; either way the row is refused.
        assert [found[0] for found in quarantine(warehouse)] == [3]
    else:
        assert [(found[0], found[3]) for found in quarantine(warehouse)] == [(3, reason)]
    assert done.returncode == 0, done.stdout
    assert rows(warehouse, "id, _line") == [(1, 2), (3, 4)]
    found = entry(warehouse)
    assert found["rows_in"] == found["rows_loaded"] + found["rows_rejected"] == 3


def test_quoted_values_may_hold_delimiters_quotes_and_line_ends(load: Load, warehouse: Connection):
    load(HEADER + '1,"a, b",,1,1,\r\n2,"say ""x""",,1,1,\r\n\r\n3,"two\nlines",,1,1,\r\n')
    assert rows(warehouse, "who, _line") == [("A, B", 2), ('SAY "X"', 3), ("TWO\nLINES", 5)]


def test_a_file_may_be_gzipped_whatever_its_name(load: Load, warehouse: Connection):
    assert load(gzip.compress((HEADER + "1,a,,1,1,\n").encode())).returncode == 0
    assert len(rows(warehouse)) == 1


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", ExitCode.BAD_INPUT, "the file is empty: it has no header"),
        (HEADER.encode(), ExitCode.BAD_INPUT, "has a header and no rows"),
        (
            b"id,Who,day,price,pieces,paid,extra\n1,a,,1,1,,\n",
            ExitCode.CONTRACT_VIOLATION,
            "orders.csv, line 1: column 'Who?' is missing (the file has 'Who'); column 'extra' is unknown",
        ),
        (HEADER.replace("day", "id").encode(), ExitCode.CONTRACT_VIOLATION, "column 'id' is there twice"),
        (gzip.compress(HEADER.encode() * 9, mtime=0)[:-9], ExitCode.BAD_INPUT, "damaged or cut-off gzip file"),
    ],
)
def test_refused_file_says_why_and_leaves_the_table(
    load: Load, warehouse: Connection, content: bytes, code: ExitCode, words: str
):
    load(HEADER + "7,kept,,1,1,\n", run="zero")
    done = load(content)
    assert done.returncode == code
    assert words in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert rows(warehouse, "id") == [(7,)]
    assert entry(warehouse)["status"] == "failed"


def test_policies_allow_what_is_refused_by_default(load: Load, warehouse: Connection):
    assert load(HEADER, empty="allow").returncode == 0
    assert rows(warehouse) == []
    changes = {"unknown_columns": "ignore", "missing_columns": "null"}
    assert load("id,more\n1,x\n", run="two", **changes).returncode == 0
    assert rows(warehouse, "id, who") == [(1, None)]


def test_a_missing_file_names_what_is_there_instead(load: Load, tmp_path: Path, warehouse: Connection):
    (tmp_path / "other.csv").touch()
    done = command(tmp_path / "orders.csv", "one", CONTRACT)
    assert done.returncode == ExitCode.INPUT_NOT_FOUND
    assert "the folder holds: other.csv" in done.stdout


def test_too_many_rejects_publish_nothing_and_keep_the_reasons(load: Load, warehouse: Connection):
    load(HEADER + "7,kept,,1,1,\n", run="zero")
    done = load(HEADER + "x,a,,1,1,\n1,a,,1,1,\n", rejects={"max_share": 0.4})
    assert done.returncode == ExitCode.TOO_MANY_REJECTS
    assert "1 of 2 rows of orders.csv were rejected, 40.0% are allowed: 1 × id is not a whole number" in done.stdout
    assert rows(warehouse, "id") == [(7,)]
    assert quarantine(warehouse) == [(2, "id", "x", "is not a whole number")]
    assert entry(warehouse)["rows_rejected"] == 1


def test_the_same_input_again_changes_nothing_and_says_so(load: Load, warehouse: Connection):
    content = HEADER + "1,a,,1,1,\nx,a,,1,1,\n"
    load(content)
    before = warehouse.execute("select pg_get_viewdef('cleaned_data.orders')").fetchone()
    done = load(content, run="two")
    assert "is the same as in the load of run one" in done.stdout
    found = entry(warehouse, "two")
    assert (found["status"], found["rows_in"], found["rows_rejected"]) == ("unchanged", 2, 1)
    assert warehouse.execute("select pg_get_viewdef('cleaned_data.orders')").fetchone() == before


def test_another_contract_for_the_same_input_loads_again(load: Load, warehouse: Connection):
    content = HEADER + "1,a,,1,1,\n"
    load(content)
    load(content, run="two", missingValues=["", "A"])
    assert entry(warehouse, "two")["status"] == "succeeded"
    assert rows(warehouse, "who") == [(None,)]


def test_killed_load_changes_nothing_rerun_gives_the_table(warehouse: Connection, tmp_path: Path):
    """Rows from a pipe keep the cleaner in its COPY for as long as the test wants."""
    content = (HEADER + "".join(f"{n},a,,1,1,\n" for n in range(400_000))).encode()
    path = tmp_path / "orders.csv"
    path.write_bytes(HEADER.encode() + b"7,kept,,1,1,\n")
    assert command(path, "zero", CONTRACT).returncode == 0
    path.write_bytes(content)
    process = subprocess.Popen(arguments(path, "one"), env=environment(), stdout=subprocess.DEVNULL)
    copying = "select count(*) from pg_stat_progress_copy where datname = current_database()"
    while warehouse.execute(copying).fetchone() == (0,):
        assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait(120)
    assert rows(warehouse, "id") == [(7,)]
    assert command(path, "one", CONTRACT).returncode == 0
    assert warehouse.execute("select count(*), sum(id) from cleaned_data.orders").fetchone() == (
        400_000,
        79_999_800_000,
    )


def test_two_loads_of_one_table_at_once_are_serialised(warehouse: Connection, tmp_path: Path):
    codes = []
    for run in ("one", "two"):
        (tmp_path / f"{run}.csv").write_text(HEADER + "".join(f"{n},{run},,1,1,\n" for n in range(2000)))

    def go(run: str) -> None:
        codes.append(command(tmp_path / f"{run}.csv", run, CONTRACT).returncode)

    threads = [threading.Thread(target=go, args=(run,)) for run in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert codes == [0, 0]
    assert len(set(rows(warehouse, "who"))) == 1


def test_a_reader_sees_the_old_or_the_new_table_and_never_none(load: Load):
    load(HEADER + "1,a,,1,1,\n", run="zero")
    with polling("select count(*) from cleaned_data.orders") as seen:
        load(HEADER + "".join(f"{n},a,,1,1,\n" for n in range(50_000)))
    assert seen <= {(1,), (50_000,)}


def test_wrong_arguments_and_wrong_contract_are_named(warehouse: Connection, tmp_path: Path):
    done = subprocess.run(
        [*arguments(tmp_path, "one"), "--more"], env=environment(), capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, "unrecognized arguments: --more" in done.stderr) == (ExitCode.USAGE, True)
    done = command(tmp_path, "one", {**CONTRACT, "tabel": "x"})
    assert (done.returncode, "work.contract.tabel: unknown field" in done.stdout) == (ExitCode.USAGE, True)


def test_retail_export_equals_an_independent_computation(warehouse: Connection, shared_data: Path):
    path = shared_data / "retail" / "retail_store_sales.csv"
    contract = yaml.safe_load((REPO / "dags" / "contracts" / "retail_store_sales.yaml").read_text())
    done = command(path, "one", json.loads(json.dumps(contract, default=str)))
    assert done.returncode == 0, done.stdout
    sales, rejected = retail_sales(path)
    query = """select transaction_id, customer_id, product_id, transaction_date, quantity, unit_price, total_amount
               from cleaned_data.customer_transactions"""
    there = {str(row[0]): row[1:] for row in warehouse.execute(query)}
    assert there == {s.id: (s.customer, s.product, s.day, s.quantity, s.price, s.total) for s in sales}
    found = entry(warehouse)
    assert (found["rows_in"], found["rows_rejected"]) == (13_203, rejected)
    lines = warehouse.execute("select count(distinct line) from medallion.rejected_rows").fetchone()
    assert lines == (rejected,)
