"""Excel workbooks, written by XlsxWriter: each cell is the text that a careful export has, or the file is refused."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import datetime
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from format_files import as_csv, as_xlsx, read_all, workbook
from medallion.errors import BadInput

FUZZ = int(os.environ.get("MEDALLION_FUZZ", "1"))
XLSX = {"format": "xlsx"}
BARE = {"format": "xlsx", "header": False}


def cells(values: list[tuple[Any, str]], **options: Any) -> bytes:
    """Return a workbook of one column of numbers, each in a number format."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, **options})
    sheet = book.add_worksheet()
    for row, (value, code) in enumerate(values):
        sheet.write_number(row, 0, value, book.add_format({"num_format": code}) if code else None)
    book.close()
    return out.getvalue()


def edited(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """Return a workbook with a part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as read, zipfile.ZipFile(out, "w") as written:
        for name in read.namelist():
            content = read.read(name)
            if name == part:
                assert old in content, content[:2000]
                content = content.replace(old, new)
            written.writestr(name, content)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
NUMBERS = [
    (3.0, "", "3"), (0.1, "", "0.1"), (1e21, "", "1e+21"), (1e20, "", "100000000000000000000"), (1e-7, "", "0.0000001"),
    (1e-9, "", "1e-09"), (-0.0, "", "0"), (123456789012345, "", "123456789012345"), (-1.5, "", "-1.5"),
    (5.5, '"$"#,##0.00', "5.5"), (0.5, "0%", "0.5"), (7, "#,##0.00_);[Red](#,##0.00)", "7"), (7, '0.00E+00', "7"),
    (7, '0 "days"', "7"), (7, "General", "7"), (7, "0.0\\d", "7"),
]  # fmt: skip
INSTANTS = [
    (45322, "yyyy-mm-dd", "2024-01-31"), (45322, "yyyy-mm-dd hh:mm", "2024-01-31"), (45322.5, "d.m.yy", "2024-01-31T12:00:00"),
    (45322, "[$-409]d-mmm-yy;@", "2024-01-31"), (45322, "mmm yy", "2024-01-31"), (45322.524259259258, "yyyy-mm-dd hh:mm:ss", "2024-01-31T12:34:56"),
    (45322.524259271991, "hh:mm:ss.000", "2024-01-31T12:34:56.001"), (0.5, "hh:mm", "12:00:00"), (0.25, "h:mm AM/PM", "06:00:00"),
    (1.5, "[h]:mm:ss", "36:00:00"), (-1.5, "[h]:mm", "-36:00:00"), (0, "hh:mm", "00:00:00"), (1, "yyyy-mm-dd", "1900-01-01"),
    (59, "yyyy-mm-dd", "1900-02-28"), (60, "yyyy-mm-dd", "1900-02-29"), (61, "yyyy-mm-dd", "1900-03-01"), (0, "yyyy-mm-dd", "1900-01-00"),
    (-1, "yyyy-mm-dd", "-1"), (2958465, "yyyy-mm-dd", "9999-12-31"), (2958466, "yyyy-mm-dd", "2958466"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "text"), [*NUMBERS, *INSTANTS])
def test_number_in_a_format_is_its_text(value: float, code: str, text: str):
    assert read_all(cells([(value, code)]), BARE, ["a"]).rows == [(text,)]


def test_date_of_the_1904_system_is_right():
    data = cells([(0, "yyyy-mm-dd"), (43860, "yyyy-mm-dd")], date_1904=True)
    assert read_all(data, BARE, ["a"]).rows == [("1904-01-01",), ("2024-01-31",)]


def test_digits_of_a_long_number_stay():
    data = edited(cells([(7, "")]), SHEET, b"<v>7</v>", b"<v>1234567890123456789</v>")
    assert read_all(data, BARE, ["a"]).rows == [("1234567890123456789",)]
    data = edited(cells([(7, "")]), SHEET, b"<v>7</v>", b"<v>0.10000000000000001</v>")
    assert read_all(data, BARE, ["a"]).rows == [("0.1",)]


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_error_cell_is_its_text(error: str):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet().write_formula(0, 0, "=1/0", None, error)
    book.close()
    assert read_all(out.getvalue(), BARE, ["a"]).rows == [(error,)]


def test_other_cells_are_their_texts():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_boolean(1, 0, True)
    sheet.write_boolean(1, 1, False)
    sheet.write_string(2, 0, "007")
    sheet.write_formula(2, 1, "=1+1", None, 2)
    sheet.write_string(3, 1, "x")
    sheet.write_rich_string(4, 0, "plain ", book.add_format({"bold": True}), "bold")
    sheet.write_string(4, 1, 'two\nlines, "quoted"\r_x0041_')
    sheet.merge_range(5, 0, 5, 1, "merged")
    book.close()
    found = read_all(out.getvalue(), XLSX, ["a", "b"])
    assert found.rows == [
        ("true", "false"), ("007", "2"), (None, "x"), ("plain bold", 'two\nlines, "quoted"\r_x0041_'), ("merged", None)
    ]  # fmt: skip
    assert (found.lines, found.done) == ([2, 3, 4, 5, 6], {"merged cells, read as their first": 1})


def test_day_and_midnight_are_as_their_field_reads_them():
    data = cells([(45322, "yyyy-mm-dd hh:mm"), (45322.5, "yyyy-mm-dd hh:mm")])
    kinds = {"date": "2024-01-31", "datetime": "2024-01-31T00:00:00", "string": "2024-01-31"}
    for kind, text in kinds.items():
        found = read_all(data, BARE, [{"name": "a", "type": kind}])
        assert found.rows == [(text,), ("2024-01-31T12:00:00",)]
        assert found.records[0] == text
    own = {"name": "a", "type": "datetime", "format": ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]}
    assert read_all(data, BARE, [own]).rows[0] == ("2024-01-31",)


def test_rows_keep_their_numbers_and_what_is_no_row_is_left_out():
    rows = [["Report", None], [], ["a", "b"], ["# note"], ["1", "2"], [], ["3", None, "more"], ["Total", "2"], ["end"]]
    terms = {**XLSX, "headerRows": [3], "commentChar": "#", "skipLines": "^Total", "footerRows": 1}
    found = read_all(workbook({"S": rows}), terms, ["a", "b"])
    assert found.header == ["a", "b"]
    assert (found.rows, found.lines) == ([("1", "2")], [5])
    assert found.rejects == {7: "has 3 values, the header has 2"}
    assert found.done == {"comment lines": 1, "lines that `skipLines` finds": 1, "lines at the end": 1}
    assert read_all(workbook({"S": rows}), {**terms, "longRows": "cut"}, ["a", "b"]).rows == [("1", "2"), ("3", None)]
    assert read_all(workbook({"S": rows}), {**XLSX, "findHeader": True}, ["a", "b"]).lines[0] == 4


@pytest.mark.parametrize(
    ("area", "rows"),
    [
        ("B2:C3", [("1", "2")]), ("B2:C", [("1", "2"), ("3", "4")]), ("B:C", [("1", "2"), ("3", "4")]),
        ("2:3", None), ("$B$2:$C$3", [("1", "2")]),
    ],
)  # fmt: skip
def test_range_bounds_what_is_read(area: str, rows: list[tuple[str, ...]] | None):
    sheet = [[None, None, None, "x"], ["-", "a", "b", "x"], ["-", "1", "2", "x"], ["-", "3", "4", "x"]]
    found = read_all(workbook({"S": sheet}), {**XLSX, "range": area}, ["a", "b"])
    assert found.rows == (rows or [("-", "1", "2", "x")])


def test_sheet_is_the_one_that_is_named_or_the_first_not_hidden():
    data = workbook({"Old": [["a"], ["0"]], "New": [["a"], ["1"]], "More": [["a"], ["2"]]}, hidden=["Old"])
    assert read_all(data, XLSX, ["a"]).rows == [("1",)]
    assert read_all(data, XLSX, ["a"]).notes == ["the sheet 'New' is read, and not 'Old' (hidden), 'More'"]
    assert read_all(data, {**XLSX, "sheetName": "More"}, ["a"]).rows == [("2",)]
    assert read_all(data, {**XLSX, "sheetNumber": 1}, ["a"]).rows == [("0",)]
    for terms in ({"sheetName": "new"}, {"sheetNumber": 4}):
        with pytest.raises(BadInput, match=r"its sheets are 'Old' \(hidden\), 'New', 'More'"):
            read_all(data, {**XLSX, **terms}, ["a"])


def test_sheet_of_a_chart_is_refused():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet().write_row(0, 0, [1, 2])
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Sheet1!$A$1:$B$1"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.close()
    with pytest.raises(BadInput, match="'Chart' in file is no sheet of cells"):
        read_all(out.getvalue(), {**XLSX, "sheetName": "Chart"}, ["a"])


@pytest.mark.parametrize(("formula", "value"), [("=1+1", 0), ("=0", 0.0)])
def test_formula_of_a_program_that_calculates_nothing_is_refused(formula: str, value: float):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet().write_formula(0, 0, formula, None, value)
    book.close()
    with pytest.raises(BadInput, match="the workbook is to be calculated first"):
        read_all(out.getvalue(), BARE, ["a"])
    calculated = edited(out.getvalue(), "xl/workbook.xml", b' fullCalcOnLoad="1"', b"")
    assert read_all(calculated, BARE, ["a"]).rows == [("0",)]


@pytest.mark.parametrize("value", [b"", b"<v></v>", b"<v/>"])
def test_formula_that_was_never_calculated_is_refused(value: bytes):
    data = edited(
        workbook({"S": [["a"], ["=1+1"]]}),
        SHEET,
        b'<c r="A2" t="s"><v>1</v></c>',
        b'<c r="A2"><f>1+1</f>' + value + b"</c>",
    )
    with pytest.raises(BadInput, match="cell A2 of the sheet 'S' cannot be read: its formula has no value"):
        read_all(data, XLSX, ["a"])


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        (SHEET, b"</row>", b""), (SHEET, b"<v>1</v>", b"<v>99</v>"), (SHEET, b'<v>1</v>', b"<v>x</v>"),
        (SHEET, b'r="2"', b'r="1"'), (SHEET, b'<row r="2"', b'<row r="1048577"'), (SHEET, b't="s"><v>1', b's="77"><v>1'), ("xl/sharedStrings.xml", b"</si>", b""),
        ("xl/_rels/workbook.xml.rels", b"worksheets/sheet1.xml", b"worksheets/none.xml"),
    ],
)  # fmt: skip
def test_damaged_workbook_is_refused(part: str, old: bytes, new: bytes):
    with pytest.raises(BadInput):
        read_all(edited(as_xlsx(["a"], [["x"]]), part, old, new), XLSX, ["a"])


def test_any_cut_or_changed_byte_is_refused_or_changes_no_text():
    data = as_xlsx(["a", "b"], [["x", str(n)] for n in range(50)])
    whole = read_all(data, XLSX, ["a", "b"]).rows
    for at in range(0, len(data), max(len(data) // 150, 1)):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]):
            try:
                assert read_all(broken, XLSX, ["a", "b"]).rows == whole
            except BadInput:
                continue


def test_text_that_postgres_cannot_keep_is_rejected():
    shared = b"<si><t>y</t></si>"
    data = as_xlsx(["a"], [["y"], ["z"]])
    for code in (b"_x0000_", b"_xD800_"):
        found = read_all(edited(data, "xl/sharedStrings.xml", shared, b"<si><t>" + code + b"</t></si>"), XLSX, ["a"])
        assert (found.rows, found.rejects) == ([("z",)], {2: "holds a character that Postgres cannot keep"})


def test_formula_of_an_empty_text_has_no_value():
    formula = b'<c r="A2" t="str"><f>""</f><v></v></c>'
    data = edited(as_xlsx(["a", "b"], [["x", "y"]]), SHEET, b'<c r="A2" t="s"><v>2</v></c>', formula)
    assert read_all(data, XLSX, ["a", "b"]).rows == [(None, "y")]


def test_workbook_with_odd_names_of_parts_is_read():
    data, out = as_xlsx(["a"], [["x"]]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as read, zipfile.ZipFile(out, "w") as written:
        for name in read.namelist():
            other = name if name.startswith("[") else name.replace("/", "\\").upper()
            written.writestr(other, read.read(name))
    assert read_all(out.getvalue(), XLSX, ["a"]).rows == [("x",)]


def test_cell_of_an_empty_shared_text_has_no_value():
    data = edited(
        as_xlsx(["a", "b"], [["x", "y"]]), SHEET, b'<c r="A2" t="s"><v>2</v></c>', b'<c r="A2" t="s"><v></v></c>'
    )
    assert read_all(data, XLSX, ["a", "b"]).rows == [(None, "y")]


def test_rows_keep_their_numbers_over_blocks():
    rows: list[list[str]] = [["a"], *([str(number)] if number % 7 else [] for number in range(2, 12_001))]
    found = read_all(workbook({"S": rows}), XLSX, ["a"])
    assert found.lines == [number for number in range(2, 12_001) if number % 7]
    assert [value for (value,) in found.rows] == list(map(str, found.lines))


def test_far_cell_takes_no_memory():
    data = edited(
        as_xlsx(["a"], [["x"]]), SHEET, b'<row r="2" spans="1:1"><c r="A2"', b'<row r="1048576"><c r="A1048576"'
    )
    assert read_all(data, XLSX, ["a"]).lines == [1048576]


def test_columns_up_to_the_limit_of_postgres():
    names = [f"c{number}" for number in range(1598)]
    assert read_all(as_xlsx(names, [names]), XLSX, names).rows == [tuple(names)]


signs = st.sampled_from([*"ab7 ,;\"'\n\t#=_x<&>", "é", "\U0001f600", "_x0041_", "0.10", "1e5", "true"])
values = st.lists(signs, max_size=5).map("".join).map(lambda text: text.strip("\n\t ") or "-")


@settings(max_examples=100 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=6))
def test_table_as_csv_and_as_workbook_is_the_same(rows: list[tuple[str, str, str]]):
    header = ["a", "b", "c"]
    by_csv = read_all(as_csv(header, rows), {}, header)
    by_xlsx = read_all(as_xlsx(header, rows), XLSX, header)
    assert (by_xlsx.rows, by_xlsx.rejects) == (by_csv.rows, by_csv.rejects) == (rows, {})


@settings(max_examples=100 * FUZZ, deadline=None, derandomize=FUZZ == 1)
@given(
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    )
)
def test_moment_is_written_and_read_back(at: datetime):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet().write_datetime(0, 0, at, book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}))
    book.close()
    ((text,),) = read_all(out.getvalue(), BARE, ["a"]).rows
    assert abs((datetime.fromisoformat(text or "") - at).total_seconds()) <= 0.0011
