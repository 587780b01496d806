"""Limits of Postgres, of Linux and of passwords: what cannot work ends at once, with the limit named."""

from __future__ import annotations

import hashlib
import json
import os
import random
import string
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from layers import entry, run_layer
from medallion.errors import ExitCode, StepFailure
from medallion.protocol.task import TaskSpec
from medallion.protocol.work import LayerWork
from medallion.runtime.session import Job
from medallion.runtime.step import run_step
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection, connect

REPO = Path(__file__).resolve().parents[2]
CASES = REPO.parent / "shared" / "cases"
KEYED = {
    "name": "things",
    "table": "cleaned.things",
    "primaryKey": "url",
    "fields": [{"name": "url"}, {"name": "hits", "type": "integer"}],
    "rejects": {"max_share": 1},
}
LONG = "".join(hashlib.sha512(str(n).encode()).hexdigest() for n in range(60))
"""7,680 characters that do not compress enough for any index."""


def loaded(warehouse: Connection) -> list[Any]:
    return warehouse.execute("select left(url, 5), hits from cleaned.things order by _line").fetchall()


def test_key_too_long_for_an_index_rejects_its_row(clean, warehouse: Connection):
    done = clean(f"url,hits\na,1\n{LONG},2\n{'x' * 6000},3\na,4\n{LONG}y,5\n".encode(), KEYED)
    assert done.code == ExitCode.OK
    assert loaded(warehouse) == [("a", 1), ("xxxxx", 3)]  # what compresses fits
    assert done.reasons == {
        3: {"is too long: a key may have about 2,700 bytes"},
        5: {"is the key of an earlier row with other values"},
        6: {"is too long: a key may have about 2,700 bytes"},
    }
    assert done.row["rows_in"] == done.row["rows_loaded"] + done.row["rows_rejected"] == 5


def test_a_key_of_several_columns_is_too_long_together(clean, warehouse: Connection):
    contract = {**KEYED, "primaryKey": ["url", "note"], "fields": [{"name": "url"}, {"name": "note"}]}
    half = LONG[:2600]
    done = clean(f"url,note\n{half},{half[::-1]}\n{half},b\na,{half}\n".encode(), contract)
    assert (done.code, set(done.reasons)) == (ExitCode.OK, {2})


def test_an_incremental_load_rejects_such_keys_too(clean, warehouse: Connection, tmp_path: Path):
    source = {"connector": "csv", "path": "in-*.csv", "incremental": {"mode": "files"}}
    (tmp_path / "in-1.csv").write_text("url,hits\na,1\n")
    assert clean(source, KEYED).code == ExitCode.OK
    (tmp_path / "in-2.csv").write_text(f"url,hits\nb,2\n{LONG},3\na,4\n")
    done = clean(source, KEYED)
    assert (done.code, done.row["rows_loaded"], done.row["rows_rejected"]) == (ExitCode.OK, 1, 2)
    assert done.reasons[3] == {"is too long: a key may have about 2,700 bytes"}
    assert loaded(warehouse) == [("a", 1), ("b", 2)]


def test_too_many_such_keys_fail_at_once_and_name_the_limit(clean):
    done = clean(f"url,hits\na,1\n{LONG},2\n".encode(), {**KEYED, "rejects": {"max_share": 0}})
    assert done.code == ExitCode.TOO_MANY_REJECTS
    assert "a key may have about 2,700 bytes" in done.row["details"]["message"]


def test_too_big_row_is_named_by_line_and_not_retried(clean):
    names = [f"f{n}" for n in range(900)]
    contract = {**KEYED, "primaryKey": [], "fields": [{"name": name} for name in names]}
    short, long = ",".join("x" for _ in names), ",".join(LONG[n : n + 40] for n in range(900))
    done = clean(f"{','.join(names)}\n{short}\n{short}\n{long}\n".encode(), contract)
    assert done.code == ExitCode.BAD_INPUT
    assert done.row["details"]["message"].startswith("line 4: Postgres cannot keep the row: a row may have 8160 bytes")


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        (
            f"create table public.wide ({', '.join(f'c{n} int' for n in range(1601))})",
            64,
            "Postgres has at most 1600 columns",
        ),
        ("select 1/0", 65, "division by zero"),
        ("select 'x'::int", 65, "invalid input syntax"),
        ("select * from nowhere", 64, "nowhere"),
        ("create role pg_x", 64, "reserved"),
        ("insert into medallion.runs values ('a', 'b', 'c', null)", 65, "null value"),
        ("set transaction_timeout = '10ms'; select pg_sleep(1)", 75, "timeout"),
        ("set statement_timeout = '10ms'; select pg_sleep(1)", 75, "statement timeout"),
        ("do $$ begin raise exception using errcode = '40P01'; end $$", 75, "40P01"),
        ("do $$ begin raise exception using errcode = '53300'; end $$", 75, "53300"),
        ("do $$ begin raise exception using errcode = '53400'; end $$", 64, "53400"),
        ("do $$ begin raise exception using errcode = '0A000'; end $$", 64, "0A000"),
        ("select pg_terminate_backend(pg_backend_pid())", 75, "terminating connection"),
    ],
)
def test_what_postgres_says_decides_about_another_attempt(
    warehouse: Connection, capsys: pytest.CaptureFixture[str], statement: str, code: int, words: str
):
    layer = LayerWork(kind="layer", layer="gold", select="gold")
    task = TaskSpec(protocol=1, pipeline="orders", run_id="run-1", step="gold", work=layer)
    assert run_step(task, lambda _: Job(lambda session: session.connection.execute(statement), "table:x")) == code
    (row,) = ledger.list_steps(warehouse, "orders", "run-1")
    assert row["status"] == "failed"
    assert words in row["details"]["message"]
    assert ExitCode(code).retryable == (code == 75)


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"PGDATABASE": "no_such_database"}, 64, "does not exist"),
        ({"PGUSER": "nobody_knows"}, 64, "does not exist"),
        ({"PGPORT": "http"}, 64, "PGPORT"),
        ({"PGSSLMODE": "sometimes"}, 64, "sslmode"),
        ({"PGHOST": "/nowhere"}, 75, "/nowhere"),
        ({"PGHOST": "nowhere.invalid"}, 75, "nowhere.invalid"),
        ({"PGHOST": "127.0.0.1", "PGPORT": "1"}, 75, "refused"),
    ],
)
def test_impossible_connection_is_not_retried(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: int, words: str
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StepFailure) as caught, connect("test"):
        pass
    assert caught.value.code == code
    assert words in f"{caught.value.message} {caught.value.remedy}"


def test_too_many_connections_is_retried(warehouse: Connection, monkeypatch: pytest.MonkeyPatch):
    warehouse.execute("create role crowded login connection limit 0")
    try:
        monkeypatch.setenv("PGUSER", "crowded")
        with pytest.raises(StepFailure) as caught, connect("test"):
            pass
        assert caught.value.code == ExitCode.WAREHOUSE_UNAVAILABLE
    finally:
        warehouse.execute("drop role crowded")


def test_connection_refused_as_data_is_no_outage(loaded: Connection):
    loaded.execute("alter table cleaned_data.customer_transactions rename to raw_rows")
    loaded.execute("alter table cleaned_data.raw_rows rename column quantity to pieces")
    loaded.execute(
        """create view cleaned_data.customer_transactions as
           select *, (case when pieces > 0 then 'connection refused' end)::int as quantity from cleaned_data.raw_rows"""
    )
    done = run_layer("bronze")
    message = entry(loaded, "bronze")["details"]["message"]
    assert (done.returncode, "(SQLSTATE 22P02)" in message) == (ExitCode.MODEL_FAILED, True), message


@pytest.fixture
def run(tmp_path: Path, warehouse_url: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line on a DAG folder."""

    def go(verb: str, *arguments: str | Path, dags: Path, warehouse: str = warehouse_url) -> Any:
        folders = str(REPO / "src")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        variables = {**kept, "PYTHONPATH": folders, "MEDALLION_HOME": str(tmp_path), "COLUMNS": "200"}
        where = ["--dags", str(dags)]
        if verb == "run":
            where += [
                "--landing",
                str(dags / "landing"),
                "--warehouse",
                warehouse,
                "--report",
                str(tmp_path / "r.json"),
            ]
        command = [sys.executable, "-m", "medallion.cli", verb, *map(str, arguments), *where]
        return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=300)

    return go


def written(dags: Path, name: str, fields: str, sources: int = 1) -> Path:
    """A DAG folder with a pipeline of sources under contracts of those fields, and a file for each."""
    for folder in ("pipelines", "contracts", "landing"):
        (dags / folder).mkdir(parents=True, exist_ok=True)
    listed = ""
    for number in range(sources):
        one = f"{name}{number}"
        (dags / "contracts" / f"{one}.yaml").write_text(f"name: {one}\ntable: raw.{one}\nfields:\n{fields}")
        (dags / "landing" / f"{one}.csv").write_text("code\nx\n")
        listed += f"  - {{name: s{number}, path: {one}.csv, contract: {one}}}\n"
    (dags / "pipelines" / f"{name}.yaml").write_text(f"name: {name}\nowner: me\nsources:\n{listed}")
    return dags


def test_contracts_over_128_kib_pass_lint_and_run_on_a_laptop(run, tmp_path: Path, warehouse: Connection):
    codes = ", ".join(f"C{LONG[n : n + 24]}" for n in range(7_000))
    fields = f"  - name: code\n    constraints: {{enum: [x, {codes}]}}\n" + "".join(
        f"  - {{name: f{n}, derive: {{constant: '{n}'}}, description: {LONG[n : n + 60]}}}\n" for n in range(100)
    )
    dags = written(tmp_path / "dags", "p", fields, sources=3)
    assert (dags / "contracts" / "p0.yaml").stat().st_size > 128 * 1024
    linted = run("lint", dags=dags)
    assert linted.returncode == 0, linted.stdout[-2000:]
    done = run("run", "p", dags=dags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [warehouse.execute(f"select code from raw.p{n}").fetchall() for n in range(3)] == [[("x",)]] * 3  # type: ignore[arg-type]


def test_lint_counts_fields_and_columns_of_the_key(run, tmp_path: Path):
    wide = "".join(f"  - name: f{n}\n" for n in range(1_599))
    keyed = "".join(f"  - name: f{n}\n" for n in range(33)) + f"primaryKey: [{', '.join(f'f{n}' for n in range(33))}]\n"
    required = "".join(f"  - {{name: f{n}, type: integer, constraints: {{required: true}}}}\n" for n in range(1_100))
    for name, fields, words in (
        ("wide", wide, "Postgres has at most 1600 columns"),
        ("keyed", keyed, "a key of Postgres has at most 32"),
        ("required", required, "a row of the 1,100 required fields has at least 8,824 bytes"),
    ):
        done = run("lint", dags=written(tmp_path / name, name, fields))
        assert (done.returncode, words in done.stdout) == (1, True), done.stdout


def test_lint_refuses_a_contract_too_big_for_a_pod_by_size(run, tmp_path: Path):
    chance = random.Random(3)
    signs = string.ascii_letters + string.digits
    codes = ", ".join(f"C{''.join(chance.choices(signs, k=24))}" for _ in range(60_000))
    dags = written(tmp_path / "dags", "p", f"  - name: code\n    constraints: {{enum: [x, {codes}]}}\n")
    done = run("lint", dags=dags)
    assert done.returncode == 1
    assert "bytes of compressed instructions, a pod can be given 1,000,000" in done.stdout


def test_the_case_of_wide_tables_and_long_keys(run, tmp_path: Path):
    case = CASES / "10-too-wide-and-long-key"
    if not case.is_dir():
        pytest.skip(f"no cases here: {case}")
    dags = written(tmp_path / "dags", "x", "  - name: code\n")
    (dags / "contracts" / "url.yaml").write_text((case / "url.yaml").read_text())
    (dags / "landing" / "url.csv").write_bytes((case / "url.csv").read_bytes())
    sources = "  - {name: url, path: url.csv, contract: url}\n"
    (dags / "pipelines" / "url.yaml").write_text(f"name: url\nowner: me\nsources:\n{sources}")
    done = run("run", "url", dags=dags)
    assert done.returncode == ExitCode.TOO_MANY_REJECTS
    assert "a key may have about 2,700 bytes" in done.stdout
    assert "tried again" not in done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["steps"][0]["attempt"] == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@ss/w:rd%#@localhost/db",
        "postgresql://me:hid/den@localhost/db",
        "postgresql://me:hid#den@localhost/db",
        "postgresql://me:hid?den@localhost/db",
        "postgresql://me:hid@den@localhost/db",
        "postgresql://me:hid%zzden@localhost/db",
        "host=localhost password=hid den",
        "host=localhost password='hidden",
        "hidden",
        "postgresql://me:hid%0Aden@localhost/db",
        "postgresql://me@localhost:port/db",
    ],
)
def test_a_malformed_url_ends_with_64_and_shows_none_of_it(run, tmp_path: Path, url: str):
    done = run("run", "p", dags=written(tmp_path / "dags", "p", "  - name: code\n"), warehouse=url)
    output = done.stdout + done.stderr
    assert done.returncode == ExitCode.USAGE, output
    assert not any(part in output for part in ("hid", "den", "p@ss", "w:rd", "Traceback"))


def test_a_run_records_the_commit_of_its_dag_folders_repository(run, tmp_path: Path, warehouse: Connection):
    dags = written(tmp_path / "team" / "dags", "p", "  - name: code\n")

    def git(*words: str) -> str:
        me = ("-c", "user.name=me", "-c", "user.email=me@example.com")
        done = subprocess.run(
            ["git", "-C", dags.parent, *me, *words], check=True, capture_output=True, text=True, timeout=300
        )
        return done.stdout.strip()

    def recorded() -> str:
        assert run("run", "p", dags=dags).returncode == 0
        (row,) = warehouse.execute("select commit from medallion.step_runs order by id desc limit 1").fetchall()
        return str(row[0])

    assert recorded() == "unknown"
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert recorded() == commit
    (dags / "contracts" / "more.yaml").write_text("name: more\n")
    assert recorded() == f"{commit}+changes"


def test_the_whole_of_a_url_reaches_the_steps(warehouse: Connection):
    from medallion.warehouse.connection import environment

    given = environment("postgresql://a%40b:p%2Fq@h:1/d?sslmode=require&application_name=x&options=-c%20a%3Db")
    assert given == {
        "PGUSER": "a@b", "PGPASSWORD": "p/q", "PGHOST": "h", "PGPORT": "1", "PGDATABASE": "d", "PGSSLMODE": "require",
        "PGAPPNAME": "x", "PGOPTIONS": "-c a=b",
    }  # fmt: skip
    assert psycopg.conninfo.conninfo_to_dict(**{"host": "h"}) == {"host": "h"}
