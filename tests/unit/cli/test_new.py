"""`medallion new`: what it writes is valid as it is, and does not overwrite anything."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medallion.cli import app
from medallion.config.catalog import find
from medallion.config.contract import Contract
from medallion.config.retry import RetryConfig
from medallion.config.yaml_loader import parse
from medallion.infer.choice import guess
from medallion.infer.text import contract_text
from medallion.lint.checks import lint_folder

CSV = """\
Order ID;Ordered On;Amount;Express?;Zip;Note;2nd;Note
1;03/04/2026;10.505;Yes;00123;a;x;N/A
2;25/04/2026;7;no;90210;;y;b
"""


def medallion(dags: Path, *words: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words), "--dags", str(dags)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(CSV)
    return path


@pytest.mark.parametrize("sample", [True, False])
def test_a_new_pipeline_is_valid_as_it_is(tmp_path: Path, orders: Path, sample: bool):
    medallion(tmp_path, "new", "pipeline", "orders", *(("--from", orders) if sample else ()))
    assert lint_folder(tmp_path) == []
    assert find(tmp_path, "orders").pipeline.sources[0].path == "orders.csv"


@pytest.mark.parametrize("sample", [True, False])
def test_a_new_job_comes_with_its_contract_and_a_runner_file(tmp_path: Path, orders: Path, sample: bool):
    medallion(tmp_path, "new", "job", "orders", "--tenant", "acme-eu", *(("--from", orders) if sample else ()))
    assert lint_folder(tmp_path) == []
    assert find(tmp_path, "acme_eu_orders").pipeline.tenant == "acme-eu"


def test_a_second_job_says_what_to_add_to_the_runner_file(tmp_path: Path):
    medallion(tmp_path, "new", "job", "orders", "--tenant", "acme")
    output = medallion(tmp_path, "new", "job", "orders", "--tenant", "globex")
    before, _, schedule = output.partition("runner.yaml:\n\n")
    assert "add a schedule to" in before
    runner = tmp_path / "runner.yaml"
    runner.write_text(runner.read_text() + schedule)
    assert lint_folder(tmp_path) == []
    assert find(tmp_path, "globex_orders").pipeline.tenant == "globex"


def test_nothing_is_overwritten(tmp_path: Path, orders: Path):
    medallion(tmp_path, "new", "contract", "orders")
    before = (tmp_path / "contracts" / "orders.yaml").read_text()
    again = CliRunner().invoke(app, ["new", "contract", "orders", "--from", str(orders), "--dags", str(tmp_path)])
    assert again.exit_code == 64
    assert "is there already\nhint: choose another name, or edit it" in again.output
    assert (tmp_path / "contracts" / "orders.yaml").read_text() == before


@pytest.mark.parametrize("words", [("pipeline", "../up"), ("contract", "a b"), ("job", "x", "--tenant", "Acme_Co")])
def test_a_name_that_could_not_be_used_is_refused(tmp_path: Path, words: tuple[str, ...]):
    done = CliRunner().invoke(app, ["new", *words, "--dags", str(tmp_path)])
    assert done.exit_code == 64
    assert list(tmp_path.iterdir()) == []


def test_a_contract_is_guessed_from_header_and_rows(orders: Path):
    contract = parse(contract_text("orders", guess(orders), "orders.csv"), Contract, "orders.yaml")
    fields = {field.name: field for field in contract.fields}
    assert {name: (field.header, field.type) for name, field in fields.items()} == {
        "order_id": ("Order ID", "integer"),
        "ordered_on": ("Ordered On", "date"),
        "amount": ("Amount", "number"),
        "express": ("Express?", "boolean"),
        "zip": ("Zip", "string"),
        "note": ("Note (1)", "string"),
        "c_2nd": ("2nd", "string"),
        "note_2": ("Note (2)", "string"),
    }
    assert contract.dialect.delimiter == ";"
    assert fields["ordered_on"].formats == ("%d/%m/%Y",)
    assert fields["amount"].decimals is None
    assert (fields["express"].true_values, fields["express"].false_values) == (("yes",), ("no",))
    assert [name for name, field in fields.items() if not field.constraints.required] == ["note", "note_2"]
    assert contract.missing_values == ("",)


def test_a_date_that_fits_two_ways_says_so(tmp_path: Path):
    path = tmp_path / "days.csv"
    path.write_text("day\n03/04/2026\n05/06/2026\n")
    text = contract_text("days", guess(path), "days.csv")
    assert "`%d/%m/%Y` and `%m/%d/%Y` both fit every value" in text.replace("\n  #", "")
    assert parse(text, Contract, "days.yaml").fields[0].type == "string"


def test_a_gzipped_file_is_read_too(tmp_path: Path):
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    assert guess(path).rows == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00id"])
def test_what_no_contract_can_be_guessed_from_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "bad.csv").write_bytes(content)
    done = CliRunner().invoke(
        app, ["new", "contract", "x", "--from", str(tmp_path / "bad.csv"), "--dags", str(tmp_path)]
    )
    assert done.exit_code == 64
    assert "write the contract without --from" in done.output.replace("\n", " ")


def refused(dags: Path, *words: str | Path) -> str:
    done = CliRunner().invoke(app, [*map(str, words), "--dags", str(dags)])
    assert done.exit_code == 64, done.output
    return done.output.replace("\n", " ")


def test_new_says_what_its_proof_loads_and_rejects(tmp_path: Path):
    file = tmp_path / "total.csv"
    file.write_text("a,b\n1,5\n2,6\nTotal: 11\n")
    output = medallion(tmp_path, "new", "contract", "total", "--from", file)
    assert "total.csv: 3 rows, 2 load, 1 is rejected" in output
    assert "rejected: line 4 has 1 values, the header has 2" in output


def test_new_writes_nothing_for_a_file_that_it_refuses(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("1,alice\n2,bob\n")
    dags = tmp_path / "dags"
    for words in (("pipeline", "rows"), ("contract", "rows"), ("job", "rows", "--tenant", "acme")):
        assert "looks like a value" in refused(dags, "new", *words, "--from", tmp_path / "rows.csv")
    assert not dags.exists()
    medallion(dags, "new", "pipeline", "rows", "--from", tmp_path / "rows.csv", "--header-row", "1")
    assert lint_folder(dags) == []


def test_a_contract_that_is_there_already_must_load_the_file(tmp_path: Path, orders: Path):
    medallion(tmp_path, "new", "contract", "orders", "--from", orders)
    output = medallion(tmp_path, "new", "pipeline", "orders", "--from", orders)
    assert "orders.yaml is there already and stays; orders.csv: 2 rows, 2 load, 0 are rejected" in output
    other = tmp_path / "other.csv"
    other.write_text("id\n1\n")
    words = ("new", "job", "orders", "--tenant", "acme", "--from", other)
    assert "does not load" in refused(tmp_path, *words)
    other.write_text(CSV.replace("03/04/2026", "?").replace("25/04/2026", "?"))
    assert "2 of 2 rows of other.csv were rejected" in refused(tmp_path, *words)
    assert not (tmp_path / "jobs").exists()


def test_two_names_that_would_load_one_table_are_refused(tmp_path: Path):
    medallion(tmp_path, "new", "contract", "a-b")
    assert "a-b.yaml loads the table raw.a_b already" in refused(tmp_path, "new", "contract", "a_b")
    assert "invalid name" in refused(tmp_path, "new", "contract", "x" * 56)
    medallion(tmp_path, "new", "contract", "x" * 55)


@pytest.mark.parametrize("name", ["no", "on", "null", "true", "yes"])
def test_a_name_that_yaml_takes_for_a_value_stays_text(tmp_path: Path, name: str):
    medallion(tmp_path, "new", "pipeline", name)
    assert lint_folder(tmp_path) == []
    assert find(tmp_path, name).pipeline.name == name


@pytest.mark.parametrize("name", ["a: b.csv", "#1.csv", "[x]*.csv", "'q'.csv", "2024.csv", "null"])
def test_a_files_name_becomes_a_path_that_finds_it(tmp_path: Path, name: str):
    (tmp_path / name).write_text("a,b\n1,2\n")
    medallion(tmp_path / "dags", "new", "pipeline", "odd", "--from", tmp_path / name)
    (source,) = find(tmp_path / "dags", "odd").pipeline.sources
    assert [path.name for path in tmp_path.glob(source.path)] == [name]


def test_the_templates_name_every_code_that_is_retried(tmp_path: Path):
    medallion(tmp_path, "new", "pipeline", "orders")
    medallion(tmp_path, "new", "job", "orders", "--tenant", "acme")
    for path in (tmp_path / "pipelines" / "orders.yaml", tmp_path / "jobs" / "acme" / "orders.yaml"):
        codes = ", ".join(map(str, RetryConfig().retryable_exit_codes))
        assert f"# retryable_exit_codes: [{codes}]" in path.read_text()
