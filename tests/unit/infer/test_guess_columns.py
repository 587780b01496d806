"""Units, groups, words for "no value", enumerations and misfits of columns that `medallion new` guesses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from medallion.config.contract import Contract
from medallion.config.yaml_loader import parse
from medallion.infer.proof import Proof, proved_contract
from medallion.infer.refusal import NotTabular


def contract_of(tmp_path: Path, *columns: Sequence[str], header: str = "") -> tuple[Contract, str, Proof]:
    """Guess the contract of columns, each of its own length; the shorter ones are repeated."""
    rows = max(map(len, columns))
    names = header or ";".join(f"c{place}" for place in range(len(columns)))
    lines = [";".join(values[row % len(values)] for values in columns) for row in range(rows)]
    path = tmp_path / "columns.csv"
    path.write_text("\n".join([f"{names};end", *(f"{line};z" for line in lines)]) + "\n", encoding="utf-8")
    text, proof = proved_contract("things", path)
    return parse(text, Contract, "things.yaml"), " ".join(text.replace("\n  #", "").replace("\n#", "").split()), proof


NUMBERS = [f"{number}.5" for number in range(10, 40)]
WHOLE = [str(number) for number in range(1000, 1300)]


@pytest.mark.parametrize(
    ("values", "terms"),
    [
        (["$5.00", "$1,234.50"], {"bareNumber": False, "groupChar": ",", "pattern": r"\$.*"}),
        (["$4,000", "$500"], {"bareNumber": False, "groupChar": ",", "pattern": r"\$.*"}),
        (["1.234,50 €", "7,00 €"], {"bareNumber": False, "groupChar": ".", "decimalChar": ",", "pattern": ".*€"}),
        (["EUR 12", "EUR 13"], {"bareNumber": False, "pattern": "EUR.*"}),
        (["12 %", "3.5 %"], {"bareNumber": False, "pattern": ".*%"}),
        (["3.5kg", "4kg"], {"bareNumber": False, "pattern": ".*kg"}),
        (["0", "5 €", "6 €"], {"bareNumber": False, "pattern": ".*€|[0.,]+"}),
        (["-$5.50", "$6.50"], {"clean": 2}),
        (["$-5.50", "$6.50"], {"bareNumber": False, "pattern": r"\$.*"}),
        (["(5.50)", "6.50", "7.50"], {"clean": 2}),
        (["($5.50)", "$6.50", "$7.50"], {"clean": 3}),
        (["5.50-", "6.50", "7.50"], {"clean": 2}),
        (["5 m²", "6.5 m²"], {"clean": 2}),
    ],
)
def test_new_takes_away_one_unit(tmp_path: Path, values: list[str], terms: dict[str, object]):
    contract, text, proof = contract_of(tmp_path, values * 5)
    field = contract.fields[0]
    assert field.type == "number", text
    written = field.model_dump(by_alias=True, exclude_unset=True, exclude={"name", "type", "source"})
    found = {**written, **written.get("constraints", {})}
    found["clean"] = len(field.clean)
    assert {key: found.get(key) for key in terms} == terms, text
    assert proof.counts.rejected == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["$5", "€6"], "another unit or none"),
        (["5 kg", "6 kg", "7 kg", "8 lb"], "3 end with `kg`, 1 have another unit or none (line 5: `8 lb`)"),
        (["5 kg", "6 kg", "7"], "(line 4: `7`)"),
        (["$5.6M", "$537K", "$7.1M"], "(line 3: `$537K`)"),
        (["12A", "13A", "14A"], "text"),
        (["(2019)", "2020", "2021"], "which may be a remark on a whole number"),
        (["(5.5)", "-6.5", "7.5", "8.5"], "not how the others show a negative number"),
    ],
)
def test_new_keeps_text_where_units_are_in_doubt(tmp_path: Path, values: list[str], words: str):
    contract, text, _ = contract_of(tmp_path, values)
    assert contract.fields[0].type == "string"
    assert words in text


def test_another_unit_than_the_guessed_one_is_rejected(tmp_path: Path):
    from medallion.infer.proof import prove

    contract, _, _ = contract_of(tmp_path, ["$5.00", "$6.00"], ["-$5.00", "$6.00"])
    path = tmp_path / "columns.csv"
    path.write_text("c0;c1;end\n€5.00;$1.00;z\n$5.00;€1.00;z\n$5.00;-$1.00;z\n5.00;$1.00;z\n", encoding="utf-8")
    assert prove(contract, path).counts.loaded == 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1,234", "56", "7,890", "12,340"] * 4, "integer"),
        (["1,234,567", "23,456", "1,000"] * 4, "integer"),
        (["1.234.567", "23.456", "1.000"] * 4, "integer"),
        (["101,102", "103", "104,105,106", "107,110"] * 3, "string"),
        (["552 100 554", "123 456 789"] * 9, "string"),
        (["1,234", "5,678"] * 9, "string"),
        (["1,234.5", "17", "1,000"], "number"),
    ],
)
def test_new_finds_groups_of_digits_beyond_doubt(tmp_path: Path, values: list[str], kind: str):
    contract, text, _ = contract_of(tmp_path, values)
    assert contract.fields[0].type == kind, text


def test_groups_of_one_column_speak_for_another(tmp_path: Path):
    sure, few, lists = ["1,234", "56", "7,890", "12,340"] * 4, ["1,234", "56,780"], ["101,102"]
    contract, _, _ = contract_of(tmp_path, sure, few, lists)
    assert [field.type for field in contract.fields[:3]] == ["integer", "integer", "string"]


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([*NUMBERS, "$$$", "$$$", "--"], ["", "$$$", "--"]),
        ([*NUMBERS * 3, "see note", "see note"], ["", "see note"]),
        ([*NUMBERS, *["unknown"] * 12, *["N/A"] * 9], ["", "unknown", "N/A"]),
        ([*WHOLE, "ERROR", "n.b.", "n.b."], ["", "n.b.", "ERROR"]),
        (["2024-01-02", "2024-01-03", "2024-05-06"] * 5 + ["0000-00-00"], ["", "0000-00-00"]),
    ],
)
def test_new_names_words_for_no_value_with_their_count(tmp_path: Path, values: list[str], missing: list[str]):
    contract, text, proof = contract_of(tmp_path, values)
    field = contract.fields[0]
    assert (field.type != "string", list(field.missing_values or ())) == (True, missing), text
    for word in missing[1:]:
        rows = values.count(word)
        assert f"{rows} {'is' if rows == 1 else 'are'} `{word}`" in text
    assert proof.counts.rejected == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([*WHOLE[:30], *["N/A"] * 90], "integer"),
        ([*["Yes", "No"] * 15, *["NA"] * 90], "boolean"),
        ([*["Yes", "No"] * 15, *["Unknown"] * 4], "boolean"),
        ([*WHOLE[:9], *["N/A"] * 90], "string"),
    ],
)
def test_most_of_a_column_may_be_no_value(tmp_path: Path, values: list[str], kind: str):
    contract, text, proof = contract_of(tmp_path, values)
    assert (contract.fields[0].type, proof.counts.rejected) == (kind, 0), text


def test_numbers_that_name_places_keep_their_words(tmp_path: Path):
    contract, text, _ = contract_of(tmp_path, [*WHOLE, "At-Large", "At-Large"], header="District")
    assert contract.fields[0].type == "string", text


@pytest.mark.parametrize(
    "values",
    [
        ["K", "1", "2", "3"] * 30 + ["1", "2", "3"] * 99,  # grades
        [*WHOLE, "POST", "POST", "C1200"],
        [*NUMBERS, *["sold out"] * 9],
        [*NUMBERS, *["?"] * 40],
    ],
)
def test_new_keeps_words_that_may_be_values(tmp_path: Path, values: list[str]):
    contract, text, _ = contract_of(tmp_path, values)
    assert (contract.fields[0].type, contract.fields[0].missing_values) == ("string", None), text


def test_codes_keep_their_words(tmp_path: Path):
    contract, text, _ = contract_of(tmp_path, [*WHOLE, "POST", "POST"], header="StockCode")
    assert contract.fields[0].type == "string", text


def test_a_word_for_no_value_of_several_columns_is_one_in_text(tmp_path: Path):
    number, city = [*NUMBERS, "unknown", "ERROR"], [*["Berlin", "Rome", "NA"] * 10, "UNKNOWN", "undefined"]
    contract, text, _ = contract_of(tmp_path, number, city, number)
    assert contract.fields[1].missing_values == ("", "UNKNOWN")
    assert "10 are `NA`" in text
    status = [*["OK", "OK", "WARN"] * 10, "ERROR", "ERROR"]
    contract, _, _ = contract_of(tmp_path, number, status, number, header="n;status;m")
    assert contract.fields[1].missing_values is None
    more = [["a", "b", "undefined"], ["c", "undefined"], ["d", "e", "f", "undefined"]]
    assert all(one.missing_values == ("", "undefined") for one in contract_of(tmp_path, *more)[0].fields[:3])


def test_few_misfits_are_rejected_for_a_certain_type(tmp_path: Path):
    dates = [f"{day:02}/05/2024" for day in range(1, 32)] * 10
    contract, text, proof = contract_of(tmp_path, [*dates, "31/02/2024"], [*NUMBERS * 8, "1o.5"])
    assert [field.type for field in contract.fields[:2]] == ["date", "number"], text
    assert "The row with another value is rejected (line 312: `31/02/2024`)." in text
    assert proof.counts.rejected == proof.columns["c0"] + proof.columns["c1"]
    contract, text, _ = contract_of(tmp_path, [*dates[:31], "31/02/2024"])
    assert contract.fields[0].type == "string"
    assert "All but 1 (line 33: `31/02/2024`) are dates written %d/%m/%Y: text keeps them." in text


def test_dates_in_two_orders_reject_what_may_be_two_dates(tmp_path: Path):
    certain = [f"{day}-05-2024" for day in range(13, 29)] + [f"05-{day}-2024" for day in range(13, 29)]
    contract, text, proof = contract_of(tmp_path, [*certain * 10, "03-04-2024", "05-05-2024"])
    assert contract.fields[0].formats == ("%d-%m-%Y", "%m-%d-%Y"), text
    assert (proof.counts.rejected, contract.fields[0].type) == (1, "date")
    contract, text, _ = contract_of(tmp_path, [*certain, "03-04-2024"] * 5)
    assert contract.fields[0].type == "string", text


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        ([f"{day:02}.05.2{day % 2}" for day in range(1, 29)], "%d.%m.%y"),
        ([f"2{day % 2}-05-{day:02}" for day in range(1, 29)], "%y-%m-%d"),
        ([f"{day:02}.05.{day + 20}" for day in range(1, 29)], None),
        ([f"{day:02}/05/21" for day in range(1, 9)], None),
        ([f"{day:02}-Jan-2{day % 3}" for day in range(1, 29)], "%d-%b-%y"),
        ([f"5/{day}/{year}" for day in range(1, 29) for year in ("98", "04")], "%m/%d/%y"),
    ],
)
def test_years_of_two_digits_are_read_where_they_are_recent(tmp_path: Path, values: list[str], pattern: str | None):
    contract, text, _ = contract_of(tmp_path, values)
    assert contract.fields[0].format == pattern, text


def test_an_enumeration_is_listed_and_only_offered(tmp_path: Path):
    contract, text, _ = contract_of(
        tmp_path, ["paid", "paid", "open"] * 10, ["b", ""] * 15, [f"n{n}" for n in range(30)]
    )
    assert contract.fields[0].constraints.enum is None
    assert "2 distinct: 20 are `paid`, 10 are `open`." in text
    assert '# constraints: {required: true, enum: ["paid", "open"]} # instead, to reject rows with' in text
    assert text.count("enum:") == 1


@pytest.mark.parametrize(
    ("text", "skipped", "rows"),
    [
        ("a,b\n1,x\n,\n2,y\n,\n", r'^[,"\s]*$', 2),
        ("a,b\n1,x\n2,y\nSource: the office,\n", r'^["\s]*(?:Source):', 2),
        ("a,b\n1,x\nSource: me,y\n2,y\nSource: the office,\n", None, 4),
        ("Total,b\np,x\nq,y\nTotal,\n", None, 3),
        ('a,b\n1,","\n,\n2,y\n', r'^[,"\s]*$', 2),
        ('a,b\n",",","\n,\n2,y\n', None, 3),
    ],
)
def test_lines_without_a_row_are_left_out(tmp_path: Path, text: str, skipped: str | None, rows: int):
    path = tmp_path / "lines.csv"
    path.write_text(text)
    written, proof = proved_contract("things", path)
    assert parse(written, Contract, "things.yaml").dialect.skip_lines == skipped
    assert (proof.counts.loaded, proof.counts.rejected) == (rows, 0)


def test_a_header_that_is_repeated_is_rejected(tmp_path: Path):
    path = tmp_path / "twice.csv"
    path.write_text("a,b\n" + "1,x\n2,y\n" * 3 + "a,b\n" + "3,z\n" * 3)
    text, proof = proved_contract("things", path)
    assert parse(text, Contract, "things.yaml").fields[0].type == "integer"
    assert "line 8: the header again" in " ".join(text.split())
    assert (proof.counts.loaded, proof.counts.rejected) == (9, 1)


def test_years_that_follow_each_other_are_names(tmp_path: Path):
    path = tmp_path / "years.csv"
    path.write_text("CO2 by year,,,\n,,,\nsector,2005,2006,2007\nsteel,5,6,7\nclay,2,3,4\n")
    fields = parse(proved_contract("things", path)[0], Contract, "things.yaml").fields
    assert [field.header for field in fields] == ["sector", "2005", "2006", "2007"]
    path.write_text("state,2018\nDE,5\nFR,7\n")
    assert parse(proved_contract("things", path)[0], Contract, "things.yaml").fields[1].header == "2018"
    path.write_text("DE,2018\nFR,2018\nIT,2019\n")
    with pytest.raises(NotTabular, match="'2018' looks like a value"):
        proved_contract("things", path)


def test_an_encoding_is_found_where_carriage_returns_end_lines(tmp_path: Path):
    path = tmp_path / "mac.csv"
    path.write_bytes("name,n\rJosé,1\rMüller,2\rAnna,3\r".encode("cp1252"))
    contract = parse(proved_contract("things", path)[0], Contract, "things.yaml")
    assert contract.codec == "cp1252"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,price\na,£5.00\nb,£6.00\nc,£7.00\n", "cp1252"),
        ("name,pri\x8c\xe6ce\na,5.00\nb,6.00\n", "cp1252"),
        ("name,much\xca\nnot\xca,5.00\nso\xca,6.00\n", "mac-roman"),
        ("name,price\nC\xf4te,5.00\nb,6.00\n", "utf-8"),  # one stray byte, of which the reading is in doubt
    ],
)
def test_an_encoding_is_found_by_amounts_or_needed_by_names(tmp_path: Path, text: str, encoding: str):
    path = tmp_path / "old.csv"
    path.write_bytes(text.encode("latin-1"))
    contract = parse(proved_contract("things", path)[0], Contract, "things.yaml")
    assert contract.codec == encoding


@pytest.mark.parametrize(
    ("second", "headers"),
    [
        (",Yes or no,first,second", ["id", "seen Yes or no", "rank first", "second", "third"]),
        (",Yes or no,first,,", None),
        (",Yes or no,first,2,3", None),
    ],
)
def test_a_second_line_of_names_is_part_of_the_header(tmp_path: Path, second: str, headers: list[str] | None):
    second = f"{second},third" if headers else second
    path = tmp_path / "survey.csv"
    path.write_text(f"id,seen,rank,,\n{second}\n" + "".join(f"{row},yes,{row % 3},1,2\n" for row in range(9)))
    contract = parse(proved_contract("things", path)[0], Contract, "things.yaml")
    assert contract.dialect.header_rows == ((1, 2) if headers else (1,))
    if headers:
        assert [field.header for field in contract.fields] == headers
        assert [field.type for field in contract.fields] == ["integer", "string", "integer", "integer", "integer"]


@pytest.mark.parametrize(
    ("below", "rows", "skipped"),
    [
        ("Units:,percent,days\n", 30, r'^(?:[,]|["\s])*(?:Units:):?"?\s*(?:[,]|$)'),
        ("unit,percent,days\nnote,see (1),net\n", 30, r'^(?:[,]|["\s])*(?:unit|note):?"?\s*(?:[,]|$)'),
        ("unit,percent,5\n", 31, None),
        ("x7,percent,days\n", 31, None),
        ("name,rate,term\n", 31, None),
    ],
)
def test_lines_that_describe_the_columns_are_no_rows(tmp_path: Path, below: str, rows: int, skipped: str | None):
    path = tmp_path / "units.csv"
    lines = "".join(f"x{row},{row}.5,{row}\n" for row in range(30))
    path.write_text(f"name,rate,term\n{below}{lines},,\n")
    text, proof = proved_contract("things", path)
    found = parse(text, Contract, "things.yaml").dialect.skip_lines
    blank = r'^[,"\s]*$'
    assert found == (f"{skipped}|{blank}" if skipped else blank)
    assert proof.counts.loaded + proof.counts.rejected == rows


def test_the_header_is_found_below_long_titles(tmp_path: Path):
    path = tmp_path / "titles.csv"
    path.write_text(f"{'A report. ' * 900}\n\na,b,c\n" + "1,x,y\n" * 9)
    contract = parse(proved_contract("things", path)[0], Contract, "things.yaml")
    assert (contract.dialect.header_rows, contract.fields[0].type) == ((3,), "integer")
