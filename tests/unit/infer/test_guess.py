"""What a column is guessed to be: what every value of the file fits, or text; and which line the header is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from medallion.config.contract import Contract
from medallion.config.field import ContractField
from medallion.config.yaml_loader import parse
from medallion.infer.choice import guess
from medallion.infer.proof import proved_contract
from medallion.infer.refusal import NotTabular
from medallion.infer.text import contract_text


def contract_of(path: Path, header_row: int | None = None) -> tuple[Contract, str]:
    text, _ = proved_contract("things", path, header_row)
    return parse(text, Contract, "things.yaml"), " ".join(text.replace("\n  #", "").split())


def column(tmp_path: Path, *values: str, header: str = "x") -> tuple[ContractField, str]:
    path = tmp_path / "column.csv"
    path.write_text(f"{header};other\n" + "".join(f"{value};a\n" for value in values), encoding="utf-8")
    contract, text = contract_of(path)
    return contract.fields[0], text


COLUMNS = [
    (["1", "-20", "0"], "integer"),
    (["0", "1"], "integer"),
    (["9223372036854775807", "1541815603606036480"], "integer"),
    (["9223372036854775808", "1"], "string"),
    (["1" * 40, "2" * 40], "string"),
    (["07104", "90210"], "string"),
    (["90210"] * 1200 + ["07104"], "string"),
    (["+4917012345", "+4917012346"], "string"),
    (["-0", "1"], "string"),
    (["1.5", "2", ".25", "1.083457"], "number"),
    (["007.5", "1.5"], "string"),
    (["+1.5", "1.5"], "string"),
    (["-0.00", "1.50"], "string"),
    (["1.5e-05", "2e+10"], "number"),
    (["12E4", "13E5"], "string"),
    (["1.5"] * 1200 + ["1e5"], "string"),
    (["1.5"] * 1200 + ["1x5"], "number"),
    (["1" * 30 + ".5", "2.5"], "number"),
    (["5%", "7%"], "number"),
    (["$5.00", "$6.00"], "number"),
    (["(5.00)", "6.00", "7.00"], "number"),
    (["(2019)", "2020", "2021"], "string"),
    (["٣", "٤"], "string"),
    (["true", "False"], "boolean"),
    (["Y", "N"], "boolean"),
    (["t", "f"], "boolean"),
    (["T", "F"], "string"),
    (["F", "F"], "string"),
    (["Y", "Y"], "string"),
    (["true", "true"], "string"),
    (["F", "M"], "string"),
    (["true", "false"] * 800 + ["unknown"], "boolean"),
    (["12", "7", "3", "4", "8", "9"] * 3 + ["ERROR", "-"], "integer"),
    (["1.5"] * 9 + ["Unknown"], "number"),
    (["2024-01-02"] * 9 + ["#REF!"], "date"),
    (["XL"] + ["12"] * 50, "string"),
    (["unknown", "Berlin"], "string"),
    (["2024-02-29", "2024-3-1"], "date"),
    (["2024-02-30", "2024-03-01"], "string"),
    (["0000-00-00", "2024-03-01"], "string"),
    (["20240229", "20240301"], "integer"),
    (["25/04/2026", "03/04/2026"], "date"),
    (["25/04/2026", "04/25/2026"], "date"),
    (["03/04/2026", "05/06/2026"], "string"),
    (["03.04.2026", "05.06.2026"], "string"),
    (["25/04/26", "26/04/26"], "string"),
    (["2024-01-02", "25/04/2026", "3.12.2025", "31.12.2025"], "date"),
    (["2024-01-02", "05/04/2026"], "string"),
    (["2024-01-02", "25/04/2026", "04/25/2026"], "date"),
    (["2024-01-02", "2024/01/02", "-"] + ["2024-01-03"] * 9, "date"),
    (["2024-01-02", "2024/01/02", "soon"] * 9, "string"),
    (["2024-02-30", "2024/01/02"], "string"),
    (["True", "FALSE", "y", "N", "1"], "boolean"),
    (["y", "n", "1", "0"], "string"),
    (["yes", "no", "maybe"], "string"),
    (["2024-01-02T03:04:05", "2024-01-02T03:04:06"], "datetime"),
    (["2024-01-02 03:04:05.123456", "2024-01-02 03:04:05.5"], "datetime"),
    (["2024-01-02 03:04:05.123456789", "2024-01-02 03:04:05.5"], "string"),
    (["2024-01-02T03:04:05Z", "2024-01-02T03:04:06Z"], "datetime"),
    (["2024-01-02T03:04:05+02:00", "2024-01-02T03:04:06+02:00"], "string"),
    (["2016-12-31 23:59:60", "2016-12-31 23:59:59"], "string"),
    (["2016-12-31 24:00:00", "2016-12-31 23:59:59"], "string"),
    (["-", "-"], "string"),
    (["1", "-", "2", "3"], "integer"),
    (["NA", "US", "DE"], "string"),
    (["Null", "Smith"], "string"),
    (["NA", "NA", "1"], "integer"),
]  # fmt: skip


def test_guess_takes_a_type_only_if_nothing_is_lost(tmp_path: Path):
    # One file: its columns are judged one by one, and reading a file costs more than a column.
    rows = max(len(values) for values, _ in COLUMNS)
    path = tmp_path / "columns.csv"
    lines = [";".join(f"c{place}" for place in range(len(COLUMNS)))]
    lines += [";".join(values[row % len(values)] for values, _ in COLUMNS) for row in range(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fields = contract_of(path)[0].fields
    wrong = [
        (values[-2:], field.type) for (values, kind), field in zip(COLUMNS, fields, strict=True) if field.type != kind
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("values", "signs"),
    [
        (["1,5", "2,25"], (",", None)),
        (["1.234,56", "5,00"], (",", ".")),
        (["1 234,56", "5,00"], (",", " ")),
        (["1,234.56", "5.00"], (".", ",")),
        (["1'234.50", "5.00"], (".", "'")),
    ],
)
def test_guess_finds_the_decimal_sign_where_it_is_certain(tmp_path: Path, values: list[str], signs: tuple[str, str]):
    field, _ = column(tmp_path, *values)
    assert (field.type, field.decimal_char, field.group_char) == ("number", *signs)


@pytest.mark.parametrize(
    "values", [["1,234", "5,678"], ["1.234.567", "5.678"], ["101,102,103", "1,102"], ["552 100 554", "123 456 789"]]
)
def test_guess_keeps_text_where_a_sign_may_group_or_separate(tmp_path: Path, values: list[str]):
    field, text = column(tmp_path, *values)
    assert field.type == "string"
    assert "may separate decimals, or groups of digits" in text


def test_guess_reads_a_point_by_what_the_other_columns_have(tmp_path: Path):
    path = tmp_path / "points.csv"
    path.write_text("x;y\n1.234;1.5\n5.678;2\n")
    contract, text = contract_of(path)
    assert contract.fields[0].type == "number"
    assert "If the point separates groups of digits: `decimalChar: ','` with `groupChar: .`" in text
    path.write_text("x;y\n1.234;1,5\n5.678;2\n")
    assert [field.type for field in contract_of(path)[0].fields] == ["string", "number"]


def test_guess_takes_no_decimal_comma_between_commas(tmp_path: Path):
    path = tmp_path / "lists.csv"
    path.write_text('x,y\n"1,5",a\n"2,7",b\n')
    assert contract_of(path)[0].fields[0].type == "string"


@pytest.mark.parametrize("header", ["zip", "Postal Code", "phone", "EAN", "account_no"])
def test_guess_keeps_codes_as_text(tmp_path: Path, header: str):
    field, text = column(tmp_path, "90210", "90211", header=header)
    assert field.type == "string"
    assert "sounds like a code, which may begin with a zero" in text


def test_guess_reads_missing_words_only_in_their_own_column(tmp_path: Path):
    path = tmp_path / "na.csv"
    path.write_text("country,n\nNA,1\nUS,NA\nNA,3\n")
    contract, text = contract_of(path)
    country, n = contract.fields
    assert contract.missing_values == ("",)
    assert (country.type, country.missing_values, country.constraints.required) == ("string", None, False)
    assert (n.type, n.missing_values) == ("integer", ("", "NA"))
    assert "2 of 3 are whole numbers. 1 is `NA`: no value." in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1"] * 1200, "All 1,200 are whole numbers."),
        (["1"] * 1200 + ["Total"], "All but 1 (line 1202: `Total`) are whole numbers: text keeps them."),
        (["90210"] * 1200 + ["07104"], "an integer loses a zero or a sign, or does not hold them all (line 1202: `07104`)"),
        (["25/04/2026", "03/04/2026"], "All 2 are dates written %d/%m/%Y. Not %m/%d/%Y: in 1 of 2 the first number is above 12 (line 2: `25/04/2026`)."),
        (["03/04/2026", "05/06/2026"], "`%d/%m/%Y` and `%m/%d/%Y` both fit every value: text until you write"),
        (["25/04/26", "26/04/26"], "a year of two digits may be of either century"),
        (["2024-01-02T03:04:05+02:00"], "the offset is lost when the time is converted to UTC"),
        (["F", "F"], "All 2 have a value: always `F`."),
        (["", ""], "All 2 are empty."),
        (["a", ""], "1 is empty."),
        ([" a", "b "], "2 begin or end with blanks (line 2), which are cut: `clean: []` keeps them."),
    ],
)  # fmt: skip
def test_guess_states_its_evidence(tmp_path: Path, values: list[str], words: str):
    assert words in column(tmp_path, *values)[1]


@pytest.mark.parametrize("value", ["a\tb # c: d", "\N{NEXT LINE}x", "x\N{LINE SEPARATOR}y", "{[&*!|>'\"%@`"])
def test_comments_and_names_are_yaml_whatever_the_file_holds(tmp_path: Path, value: str):
    path = tmp_path / "odd.csv"
    quoted = '"' + value.replace('"', '""') + '"'
    path.write_text(f"{quoted},n\n{quoted},1\n", encoding="utf-8")
    assert contract_of(path)[0].fields[0].header == value.strip()


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("order,select,xmin,ctid", ["order", "select", "xmin_2", "ctid_2"]),
        ("no,null,true,y,on", ["no", "null", "true", "y", "on"]),
        ("Cust ID,cust_id,CUST-ID", ["cust_id", "cust_id_2", "cust_id_3"]),
        ("a,a,A", ["a", "a_2", "a_3"]),
        (f"{'x' * 70},{'x' * 70}y", ["x" * 50, "x" * 50 + "_2"]),
        ("2nd,Größe,\N{GRINNING FACE}", ["c_2nd", "gr_e", "column_3"]),
    ],
)
def test_names_are_ones_that_postgres_and_yaml_take(tmp_path: Path, header: str, names: list[str]):
    path = tmp_path / "names.csv"
    path.write_text(f"{header}\n{','.join('abcde'[: len(names)])}\n", encoding="utf-8")
    assert [field.name for field in contract_of(path)[0].fields] == names


@pytest.mark.parametrize(
    ("text", "line", "delimiter", "headers"),
    [
        ("sep=;\na;b\n1;2\n", 2, ";", ["a", "b"]),
        ("Report;;;\nof May;;;\n\na;b;;c\n1;2;;3\n2;3;;4\n", 4, ";", ["a", "b", "", "c"]),
        ("Report\n\na,b,c\nx,2,3\ny,3,4\n", 3, ",", ["a", "b", "c"]),
        ("a,,\nx,2,3\n", 1, ",", ["a", "(1)", "(2)"]),
        ("a|b\n1|x,y\n2|z\n", 1, "|", ["a", "b"]),
        ('"a, b";c\n"1,5";2\n', 1, ";", ["a, b", "c"]),
        ("a\tb\n1\t2\n", 1, "\t", ["a", "b"]),
        ("\N{BOM}a,b\n1,2\n".replace("\N{BOM}", "\ufeff"), 1, ",", ["a", "b"]),
        ("n\n1\n2", 1, ",", ["n"]),
        ('a,b\n"x\ny",1\n', 1, ",", ["a", "b"]),
    ],
)
def test_layout_finds_the_header_and_the_delimiter(
    tmp_path: Path, text: str, line: int, delimiter: str, headers: list[str]
):
    path = tmp_path / "layout.csv"
    path.write_text(text, encoding="utf-8", newline="")
    contract, _ = contract_of(path)
    assert contract.dialect.header_rows == (line,)
    assert (contract.dialect.delimiter, [field.header for field in contract.fields]) == (delimiter, headers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,alice\n2,bob\n", "line 1: '1' looks like a value"),
        ("a,b,c\n1,2,3,\n4,5,6,\n", "3 names in 3 columns, and most lines have 4 values"),
        ("Report\na,b\nc,d\n", "say with --header-row which line it is, such as 2"),
        (",,\n1,2,3\n", "0 names in 3 columns"),
        ("a,b\n", "a header and no rows"),
        ("a,b\r1,2\n3,4\r\n", "line 1 holds carriage returns"),
        ("a,\0b\n1,2\n", "holds a NUL byte"),
        ('a,"b\n1,2\n', "header"),
        ("name,text\nx,a,b\ny,c,d,e\nz,f\n", "of the file would be rejected: line 2 has 3 values"),
        (",".join(f"c{place}" for place in range(1700)) + "\n" + "1," * 1699 + "1\n", "has 1,700 columns"),
    ],
)  # fmt: skip
def test_a_file_in_doubt_is_refused_with_what_to_do(tmp_path: Path, text: str, words: str):
    path = tmp_path / "doubt.csv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(NotTabular) as caught:
        proved_contract("things", path)
    assert words in str(caught.value)
    assert "write the contract without --from" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "dialect", "rows"),
    [
        ("a,b\r1,2\r3,4\r", {"lineTerminator": "\r"}, 2),
        ("a;b\n'x;y';2\n'z';4\n'O''Neil';5\n", {"delimiter": ";", "quoteChar": "'"}, 3),
        ("a;b\nO'Neil;2\n'tis;4\n", {"delimiter": ";"}, 2),
        ('a,b\n"x \\"y\\", z",2\n"p",3\n', {"escapeChar": "\\"}, 2),
        ("# made by hand\na,b\n1,2\n# half\n3,4\n", {"headerRows": [2], "commentChar": "#"}, 2),
        ("a,b\n1,2\n#3,4\n# half\n", {}, 2),
        ('a,b\n6" pipe,2\n"x, y",3\n# 5" off\n', {"strayQuotes": "keep", "commentChar": "#"}, 2),
        ("#a,b\n1,2\n", {}, 1),
        ("a,b\n1,x\nTotal,\n", {"skipLines": r'^(?:[,]|["\s])*(?:Total):?"?\s*(?:[,]|$)'}, 1),
        ("a,b,c\n1,x,2\n2,y,3\n\nSum:,,5\nTOTAL\n", {"skipLines": r'^(?:[,]|["\s])*(?:TOTAL|Sum:):?"?\s*(?:[,]|$)'}, 2),
        ("a,b\nTotal,5\n", {}, 1),
        ("a,b,c\nTotal,2,3\nTotal,,3\n", {}, 2),
        ("shop,b,c\nTotal Wine,,2\n", {}, 1),
    ],
)
def test_layout_finds_more_of_a_dialect(tmp_path: Path, text: str, dialect: dict[str, object], rows: int):
    path = tmp_path / "form.csv"
    path.write_text(text, encoding="utf-8", newline="")
    written, proof = proved_contract("things", path)
    contract = parse(written, Contract, "things.yaml")
    found = contract.dialect.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert found == dialect, written
    assert (proof.counts.loaded, proof.counts.rejected) == (
        rows,
        int("# half" in text and "commentChar" not in dialect),
    )


def test_a_file_without_a_header_gets_names(tmp_path: Path):
    path = tmp_path / "bare.csv"
    path.write_text("1,alice\n2,bob\n")
    contract, text = contract_of(path, 0)
    assert [(field.name, field.type) for field in contract.fields] == [("column_1", "integer"), ("column_2", "string")]
    assert not contract.dialect.header
    assert "from all 2 rows" in text


def test_header_row_settles_a_header_in_doubt(tmp_path: Path):
    path = tmp_path / "years.csv"
    path.write_text("country,2019,2020\nDE,1,2\n")
    assert [field.header for field in contract_of(path, 1)[0].fields] == ["country", "2019", "2020"]
    path.write_text("Report\na,b\nc,d\n")
    contract, text = contract_of(path, 2)
    assert (contract.dialect.header_rows, [field.header for field in contract.fields]) == ((2,), ["a", "b"])
    assert "The lines above the header, line 2, are not read: Report" in text


def test_malformed_lines_raise_max_share_with_the_reason(tmp_path: Path):
    path = tmp_path / "total.csv"
    path.write_text("a,b\n1,5\n2,6\nTotal: 11\n")
    contract, text = contract_of(path)
    assert contract.rejects.max_share == 0.34
    assert "1 of 3 rows of total.csv is rejected: line 4 has 1 values, the header has 2." in text


def test_the_key_is_one_that_the_whole_file_keeps(tmp_path: Path):
    path = tmp_path / "keys.csv"
    rows = [f"{number},{number}" for number in range(3000)]
    path.write_text("\n".join(["order_id,customer_id", *rows, "3000,1"]) + "\n")
    assert "\nprimaryKey: order_id" in contract_text("things", guess(path), "keys.csv")
    path.write_text("\n".join(["order_id,customer_id", *rows, "1,3000"]) + "\n")
    assert "\nprimaryKey: customer_id" in contract_text("things", guess(path), "keys.csv")


def test_a_row_too_wide_for_postgres_is_seen_by_the_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("medallion.infer.proof._NEVER_TOO_WIDE", 1)
    monkeypatch.setattr("medallion.infer.proof.ROW_BYTES", 70)
    path = tmp_path / "wide.csv"
    path.write_text(f"a,b,c\n{'x' * 15},2,\n{'y' * 5000},1,2024-01-01\n")
    proved_contract("things", path)
    path.write_text(f"a,b,c\n{'x' * 15},{'y' * 15},{'z' * 15}\n")
    with pytest.raises(NotTabular, match="a row of 3 columns has about 80 bytes, and Postgres keeps 70"):
        proved_contract("things", path)


def test_a_value_too_long_for_an_index_is_no_key(tmp_path: Path):
    path = tmp_path / "url.csv"
    path.write_text(f"url_id,b\n{'x' * 6000},1\ny,2\n")
    assert "primaryKey" not in contract_text("things", guess(path), "url.csv")


def test_a_gzipped_file_without_the_suffix_is_read(tmp_path: Path):
    path = tmp_path / "orders.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,02\n"))
    assert [field.type for field in contract_of(path)[0].fields] == ["integer", "string"]


def test_a_type_that_fails_its_proof_becomes_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "late.csv"
    path.write_text("a,b\n1,1\n2,2\n")
    first = guess(path)
    path.write_text("a,b\n1,1\nx,2\n")
    monkeypatch.setattr("medallion.infer.proof.guess", lambda *_: first)
    contract, text = contract_of(path)
    assert [field.type for field in contract.fields] == ["string", "integer"]
    assert "The cleaner rejected values under the type that was guessed first." in text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,n\nJosé,1\nMüller,2\nAnna,3\n", "cp1252"),
        ("name,n\nJosé,1\n", "utf-16"),
        ("name,n\nJosé,1\n", "utf-8"),
    ],
)
def test_guess_declares_an_encoding_that_is_certain(tmp_path: Path, text: str, encoding: str):
    path = tmp_path / "accents.csv"
    path.write_bytes(text.encode(encoding))
    contract, _ = contract_of(path)
    assert contract.codec == encoding


def test_an_encoding_in_doubt_is_refused_until_it_is_given(tmp_path: Path):
    path = tmp_path / "doubt.csv"
    path.write_bytes("name,n\nИванов,1\nПетрова,2\nСидоров,3\n".encode("cp1251"))
    with pytest.raises(NotTabular, match=r"read well in cp1251 .* or cp874 .* say which one it is with --encoding"):
        proved_contract("things", path)
    with pytest.raises(NotTabular, match="unknown encoding 'latin-99'"):
        proved_contract("things", path, None, "latin-99")
    text, _ = proved_contract("things", path, None, "windows-1251")
    assert parse(text, Contract, "things.yaml").codec == "cp1251"
