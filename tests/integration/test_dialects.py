"""A file in a dialect of its own, loaded: what is no row is left out and counted, in the ledger and in the log."""

from __future__ import annotations

from medallion.errors import ExitCode
from medallion.warehouse.connection import Connection

REPORT = (
    "Report of sales|~|January\r"
    "\r"
    "# made by hand\r"
    "id|~|note|~|kwh\r"
    "1|~|'first\nline'|~|2,5\r"
    "2|~|it!'s|~|3\r"
    "3|~|short\r"
    "4|~|long|~|1|~|and more\r"
    "x|~|no number|~|1\r"
    "Total|~||~|6,5\r"
    "end of report\r"
)
CONTRACT = {
    "name": "sales",
    "table": "raw.sales",
    "encoding": "cp1252",
    "dialect": {
        "delimiter": "|~|", "lineTerminator": "\r", "quoteChar": "'", "escapeChar": "!", "findHeader": True,
        "commentChar": "#", "skipLines": "^Total", "footerRows": 1, "shortRows": "pad", "longRows": "cut",
    },
    "fields": [
        {"name": "id", "type": "integer"},
        {"name": "note", "constraints": {"required": True}},
        {"name": "kwh", "type": "number", "decimalChar": ","},
    ],
    "rejects": {"max_share": 0.5},
}  # fmt: skip


def test_a_file_in_a_dialect_of_its_own_is_loaded(clean, warehouse: Connection, capsys):
    done = clean(REPORT.encode("cp1252"), CONTRACT)
    assert done.code == ExitCode.OK, done
    rows = warehouse.execute("select id, note, kwh, _line from raw.sales order by id").fetchall()
    assert [(number, note, kwh and float(kwh), line) for number, note, kwh, line in rows] == [
        (1, "first\nline", 2.5, 5), (2, "it's", 3.0, 6), (3, "short", None, 7), (4, "long", 1.0, 8)
    ]  # fmt: skip
    assert (done.row["rows_in"], done.row["rows_rejected"]) == (5, 1)
    assert [(one["line"], one["value"]) for one in done.rejects] == [(9, "x")]
    expected = {
        "lines above the header": 1, "comment lines": 1, "lines that `skipLines` finds": 1, "lines at the end": 1,
        "short rows padded": 1, "long rows cut": 1,
    }  # fmt: skip
    assert done.row["details"]["dialect"] == expected
    assert "as the dialect says: " in capsys.readouterr().out
    again = clean(REPORT.encode("cp1252"), CONTRACT)
    assert (again.row["status"], again.row["details"]["dialect"]) == ("unchanged", expected)


def test_a_file_without_a_header_has_the_fields_in_their_order(clean, warehouse: Connection):
    contract = {**CONTRACT, "encoding": "utf-8", "dialect": {"delimiter": ";", "header": False}}
    done = clean(b"1;a;2\n2;b;3;4\n3;c;5\n", contract)
    assert done.code == ExitCode.OK, done
    assert warehouse.execute("select id, note, kwh from raw.sales order by id").fetchall() == [(1, "a", 2), (3, "c", 5)]
    assert list(done.reasons) == [2]
    assert clean(b"", contract).code == ExitCode.BAD_INPUT
