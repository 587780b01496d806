"""Values in Postgres are what the file says, or their rows are rejected with line and reason."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

KWH = b"meter;read_on;kwh\nM1;01.02.2024;0,512\nM2;01.02.2024;1,234\nM3;01.02.2024;12,750\nM4;01.02.2024;1.234,5\n"
METERS = [{"name": "meter"}, {"name": "read_on", "type": "date", "format": "%d.%m.%Y"}]


def contract(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "c", "table": "raw.t", "rejects": {"max_share": 1}, "fields": list(fields), **more}


def number(**options: Any) -> dict[str, Any]:
    return {"name": "kwh", "type": "number", "clean": ["trim", "currency"], **options}


def table(warehouse: Connection, columns: str) -> list[Any]:
    return warehouse.execute(f"select {columns} from raw.t order by _line").fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "values", "lines"),
    [
        ({"decimals": 3}, [], {2, 3, 4, 5}),
        ({"decimalChar": ","}, ["0.512", "1.234", "12.750"], {5}),
        ({"decimalChar": ",", "groupChar": "."}, ["0.512", "1.234", "12.750", "1234.5"], set()),
        ({"groupChar": ","}, ["1234", "12750"], {2, 5}),
    ],
)
def test_separators_are_read_only_as_declared(clean, warehouse, options, values, lines):
    """Case 01: 0,512 kWh were loaded as 512."""
    done = clean(KWH, contract(*METERS, number(**options), dialect={"delimiter": ";"}))
    assert [row[0] for row in table(warehouse, "kwh::text")] == values
    assert set(done.reasons) == lines


def test_fractions_of_a_second_are_kept(clean, warehouse):
    """Case 03: `.%f`, as Python writes it, read 123 nanoseconds."""
    field = {"name": "at", "type": "datetime", "format": ["%Y-%m-%d %H:%M:%S.%f", "%H:%M:%S,%f %d.%m.%y"]}
    body = "id,at\n1,2024-01-15 10:30:00.123\n2,2024-01-15 10:30:00.999999000\n3,2024-01-15 10:30:00.1234567\n"
    body += '4,"10:30:00,5 15.01.69"\n5,2024-01-15 10:30:60.1\n6,2024-01-15 24:00:00.0\n'
    done = clean(body.encode(), contract({"name": "id"}, field))
    assert [row[0].isoformat(sep=" ") for row in table(warehouse, "at")] == [
        "2024-01-15 10:30:00.123000",
        "2024-01-15 10:30:00.999999",
        "1969-01-15 10:30:00.500000",
    ]
    assert set(done.reasons) == {4, 6, 7}


def test_offsets_become_utc_across_a_change_of_clocks(clean, warehouse):
    """Case 04. In Berlin 02:30 comes twice on 27 October 2024."""
    field = {"name": "at", "type": "datetime", "format": ["%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f%z"]}
    times = ["2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+0100", "2024-10-27 01:30:00Z", "2024-03-31 03:00:00+02"]
    times += [
        "2020-12-31 21:25:58.745232+02",
        "2024-10-27 02:30:00",
        "2024-10-27 02:30:00 CET",
        "2024-10-27 02:30:00+99:00",
    ]
    bound = {**field, "constraints": {"minimum": "2021-01-01T00:00:00+01:00"}}
    body = "id,at\n" + "".join(f"{at},{text}\n" for at, text in enumerate(times))
    done = clean(body.encode(), contract({"name": "id"}, bound))
    assert [row[0] for row in table(warehouse, "at")] == [
        datetime(2024, 10, 27, 0, 30),
        datetime(2024, 10, 27, 1, 30),
        datetime(2024, 10, 27, 1, 30),
        datetime(2024, 3, 31, 1, 0),
    ]
    assert done.reasons[6] == {"is below the minimum 2021-01-01 00:00:00+01:00"}
    assert set(done.reasons) == {6, 7, 8, 9}


def test_plain_times_stay_plain_where_clocks_change(clean, warehouse):
    field = {"name": "at", "type": "datetime"}
    clean(b"id,at\n1,2024-03-31 02:30:00\n2,2024-10-27T02:30:00\n", contract({"name": "id"}, field))
    assert table(warehouse, "at") == [(datetime(2024, 3, 31, 2, 30),), (datetime(2024, 10, 27, 2, 30),)]


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_long_ids_are_loaded_whole(clean, warehouse, kind):
    """Case 06: ids of 19 digits were too large for either type."""
    ids = [1234567890123456789, 9223372036854775807, -9223372036854775808]
    body = "id,n\n" + "".join(f"{one},1\n" for one in ids) + "9223372036854775808,1\n"
    done = clean(body.encode(), contract({"name": "id", "type": kind}, {"name": "n"}))
    loaded = [int(row[0]) for row in table(warehouse, "id")]
    assert loaded == (ids if kind == "integer" else [*ids, 2**63])
    assert set(done.reasons) == ({5} if kind == "integer" else set())


def test_codes_and_fractions_are_no_integers(clean, warehouse):
    """Case 05: zip codes lost their zero, and 12.000 its places."""
    body = b"n\n07104\n007\n12.000\n12.\n1e5\n+5\n-0\n0\n1_000\n\xd9\xa1\xd9\xa2\n1,234\n"
    done = clean(body, contract({"name": "n", "type": "integer"}, dialect={"delimiter": ";"}))
    assert table(warehouse, "n") == [(5,), (0,), (0,)]
    assert done.reasons[2] == {"has leading zeros, which an integer does not keep"}
    assert done.reasons[4] == {"is not a whole number"}
    assert done.reasons[12] == {"is not a whole number: its separators are not the ones that `groupChar` declare"}
    assert set(done.reasons) == {2, 3, 4, 5, 6, 10, 11, 12}


def test_lines_of_copys_own_marks_are_text(clean, warehouse):
    r"""Case 09: `\.` ends a COPY, and `\N` is its null."""
    body = b'id,note,n\n1,"first line\n\\.\nlast line",5\n2,"a\rb",6\n3,plain\\.,7\n4,"\\.",8\n5,\\N,9\n'
    clean(body, contract({"name": "id"}, {"name": "note"}, {"name": "n", "type": "integer"}))
    assert table(warehouse, "note, n") == [
        ("first line\n\\.\nlast line", 5), ("a\rb", 6), ("plain\\.", 7), ("\\.", 8), ("\\N", 9),
    ]  # fmt: skip


def test_a_carriage_return_before_a_delimiter_is_kept(clean, warehouse):
    fields = [{"name": "a", "clean": []}, {"name": "b", "clean": []}]
    clean(b'a,b\r\nx\r,1\r\n"y\r",2\r\nz,3\r\r\n"w\r\nw",4\r\n\rv,"5"\r\n', contract(*fields))
    assert table(warehouse, "a, b") == [("x\r", "1"), ("y\r", "2"), ("z", "3\r"), ("w\r\nw", "4"), ("\rv", "5")]


def test_what_is_rounded_is_counted_in_ledger_and_log(clean, warehouse, capsys):
    body = b"kwh,id\n1.005,1\n2.50,2\n-1.2e-3,3\n1.999,4\n1.2300,5\nx,6\n7.777,\n"
    key = {"name": "id", "type": "integer", "constraints": {"required": True}}
    done = clean(body, contract(number(decimals=2), key))
    assert [row[0] for row in table(warehouse, "kwh")] == [
        Decimal(one) for one in ("1.01", "2.50", "0.00", "2.00", "1.23")
    ]
    assert done.row["details"]["rounded"] == {"kwh": 3}
    assert "rounded to `decimals`: 3 of kwh" in capsys.readouterr().out
    assert clean(body, contract(number(decimals=2), key)).row["details"]["rounded"] == {"kwh": 3}


def test_number_keeps_its_places_unless_decimals_is_set(clean, warehouse):
    clean(b"kwh\n1.083457\n1e-20\n123456789012345678901234567890.5\n5e3\n", contract(number()))
    assert [row[0] for row in table(warehouse, "kwh::text")] == [
        "1.083457", "0.00000000000000000001", "123456789012345678901234567890.5", "5000",
    ]  # fmt: skip
    # The table's type changes with the contract, and readers see it.
    assert clean(b"kwh\n1.083457\n", contract(number(decimals=2))).code == ExitCode.OK
    assert table(warehouse, "kwh::text") == [("1.08",)]


def test_a_bound_is_exact_where_floats_are_not(clean, warehouse):
    limits = {"minimum": 9007199254740993, "maximum": 9007199254740995}
    fields = [{"name": "a", "type": kind, "constraints": limits} for kind in ("integer",)]
    done = clean(b"a\n9007199254740992\n9007199254740993\n9007199254740996\n", contract(*fields))
    assert table(warehouse, "a") == [(9007199254740993,)]
    assert done.reasons[4] == {"is above the maximum 9007199254740995"}


NAMES = "id,name\n" + "".join(f"{at},{name}\n" for at, name in enumerate(["plain"] * 500 + ["Café", "Müller", "Ñandú"]))


@pytest.mark.parametrize("codec", ["cp1252", "iso-8859-1", "mac-roman", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])  # fmt: skip
def test_a_declared_encoding_loads_every_row(clean, warehouse, codec):
    text = NAMES.replace("Ñandú", "北京") if codec == "gb18030" else NAMES
    place = {"encoding": codec} if codec != "utf-16" else {"dialect": {"encoding": codec}}
    done = clean(text.encode(codec), contract({"name": "id"}, {"name": "name"}, **place))
    assert done.code == ExitCode.OK
    assert [",".join(row) for row in table(warehouse, "id, name")] == text.splitlines()[1:]


@pytest.mark.parametrize(
    ("written", "declared", "named"),
    [
        ("cp1252", None, "cp1252"),
        ("mac-roman", None, "mac-roman"),
        ("utf-16", None, "utf-16"),
        ("utf-16-le", None, "utf-16-le"),
        ("utf-8", "cp1252", "utf-8"),
        ("utf-8-sig", "cp1252", "utf-8"),
        ("utf-16-le", "utf-16", "utf-16-le"),
        ("cp1252", "ascii", "cp1252"),
    ],
)
def test_a_file_in_another_encoding_is_refused_whole(clean, warehouse, capsys, written, declared, named):
    done = clean(NAMES.encode(written), contract({"name": "id"}, {"name": "name"}, encoding=declared))
    assert done.code == ExitCode.BAD_INPUT
    assert f"`encoding: {named}`" in capsys.readouterr().out
    assert warehouse.execute("select to_regclass('raw.t')").fetchone() == (None,)


@pytest.mark.parametrize("broken", [b"a\xff", b"caf\xe9", b"\xc3", b"\xed\xa0\x80"])
def test_a_stray_byte_rejects_its_own_line(clean, warehouse, broken):
    body = b"id,name\n1,Ren\xc3\xa9\n2," + broken + b"\n3,plain\n"
    done = clean(body, contract({"name": "id"}, {"name": "name"}))
    assert done.reasons == {3: {"is not UTF-8"}}
    assert table(warehouse, "id, name") == [("1", "René"), ("3", "plain")]


def test_a_mix_of_encodings_is_refused_and_shown(clean, capsys):
    lines = ["Café".encode()] * 5 + ["Müller".encode("cp1252")] * 5
    done = clean(
        b"id,name\n" + b"".join(b"1,%s\n" % line for line in lines), contract({"name": "id"}, {"name": "name"})
    )
    assert done.code == ExitCode.BAD_INPUT
    messages = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert any(
        "5 lines, from line 7 on, cannot be decoded and read well in cp1252 (`Müller`)" in one for one in messages
    )


def test_currency_sign_without_an_amount_is_no_missing_value(clean, warehouse):
    done = clean(
        "id;kwh\n1;$\n2;€\n3;$ -\n4;$5\n5;\n".encode(), contract({"name": "id"}, number(), dialect={"delimiter": ";"})
    )
    assert table(warehouse, "id, kwh") == [("4", Decimal(5)), ("5", None)]
    assert set(done.reasons) == {2, 3, 4}


def test_sign_like_a_minus_is_not_removed_as_text(clean, warehouse):
    signs = "\N{SUPERSCRIPT MINUS}\N{SUBSCRIPT MINUS}\N{HEAVY MINUS SIGN}\N{SOFT HYPHEN}\N{MINUS SIGN}\N{EN DASH}±∓"
    body = "id;kwh\n" + "".join(f"{sign};{sign}5 kg\n" for sign in signs) + "ok;-5 kg\n"
    clean(body.encode(), contract({"name": "id"}, number(bareNumber=False), dialect={"delimiter": ";"}))
    assert table(warehouse, "id, kwh") == [("ok", Decimal(-5))]


def test_blanks_in_a_file_of_one_column_are_a_value(clean, warehouse):
    clean("a\n1\n  \n\n\N{NO-BREAK SPACE}\r\n".encode(), contract({"name": "a", "clean": []}))
    assert table(warehouse, "a, _line") == [("1", 2), ("  ", 3), ("\N{NO-BREAK SPACE}", 5)]


def test_pattern_too_large_for_the_engine_is_not_retried(clean):
    done = clean(b"a\n1\n", contract({"name": "a", "constraints": {"pattern": r"\w{1000}"}}))
    assert done.code == ExitCode.USAGE


def test_text_that_postgres_cannot_keep_is_not_retried(clean):
    assert clean(b"a\n1\n", contract({"name": "a", "title": "a\0b"})).code == ExitCode.BAD_INPUT
