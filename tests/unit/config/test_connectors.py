"""Connectors in pipeline files: what is valid, and the messages for what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from medallion.config.contract import Contract, ContractField
from medallion.config.diagnostics import ConfigError
from medallion.config.load_pipeline import load_pipeline
from medallion.config.pipeline import Pipeline
from medallion.config.sources import CONNECTORS
from medallion.config.sources.base import Settings
from medallion.config.sources.csv import CsvSettings
from medallion.config.sources.postgres import PostgresSettings
from medallion.config.yaml_loader import parse
from medallion.plan import RunContext, make_plan
from medallion.steps import Step

FILE = """\
name: p
owner: team
models: m
layers: [{{name: gold}}]
sources:
  - {{name: s, contract: c, {rest}}}
"""


def pipeline(rest: str) -> Pipeline:
    return parse(FILE.format(rest=rest), Pipeline, "p.yaml")


def test_source_without_connector_is_a_csv_file():
    source = pipeline("path: in.csv").sources[0]
    assert isinstance(source, CsvSettings)
    assert (source.connector, source.label) == ("csv", "in.csv")


@pytest.mark.parametrize(
    "rest",
    [
        "path: 'in/*.csv', incremental: {mode: files, on_duplicate_key: replace}",
        "connector: http, url: 'https://example.org/a.csv?day=1', secret: web",
        "connector: s3, url: 's3://bucket/in/*.csv.gz', incremental: {mode: files}, env_prefix: CRM_",
        "connector: postgres, table: Sales.Orders, columns: [id, changed], incremental: {cursor: changed}",
    ],
)
def test_every_connector_has_its_own_terms(rest: str):
    assert pipeline(rest).sources[0].connector in CONNECTORS


def test_unknown_connector_is_reported_with_the_known_ones():
    with pytest.raises(ConfigError) as refused:
        pipeline("connector: stripe, path: x.csv")
    known = ", ".join(CONNECTORS)
    assert str(refused.value) == f"p.yaml:6:5: sources.0: no connector 'stripe' — there are: {known}"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("path: /etc/passwd", "leaves the landing volume"),
        ("path: a/../../b.csv", "leaves the landing volume"),
        ("path: '{{ ds }}.csv'", "is a template"),
        ("connector: http, url: 'ftp://example.org/a.csv'", "no web address — write `https://host/path`"),
        ("connector: http, url: 'https://me:pw@example.org/a.csv'", "put it into the Secret"),
        ("connector: http, url: 'https://example.org/a.csv?api_key=1'", "'api_key' in the URL looks like a credential"),
        ("connector: http, url: 'https://example.org/{{ ds }}.csv'", "is a template"),
        ("connector: s3, url: 'bucket/key'", "write `s3://bucket/key`"),
        ("connector: s3, url: 's3://bucket/../key'", "write `s3://bucket/key`"),
        ("connector: s3, url: 's3://key:secret@bucket/key'", "put them into the Secret"),
        ("connector: postgres, table: 'orders; drop table x'", "table"),
        ("connector: postgres, table: o, columns: ['a\"b']", "columns"),
        ("connector: postgres, table: o, password: x", "unknown key 'password'"),
        ("connector: postgres, table: o, env_prefix: PG", "env_prefix"),
        ("connector: postgres, table: o, env_prefix: MEDALLION_", "choose another prefix"),
        ("connector: postgres, table: o, incremental: {mode: files}", "write `incremental: {cursor: COLUMN}`"),
        ("path: a.csv, incremental: {cursor: c}", "write `incremental: {mode: files}`"),
        ("connector: http, url: 'https://example.org/a', incremental: {mode: files}", "leave `incremental` out"),
        ("connector: http", "key 'url' is missing — add `url: …`"),
        ("connector: http, urk: 'https://example.org/a'", "did you mean 'url'?"),
    ],
)
def test_invalid_source_is_refused_with_line_and_remedy(rest: str, message: str):
    with pytest.raises(ConfigError) as refused:
        pipeline(rest)
    assert message in str(refused.value)
    assert str(refused.value).startswith("p.yaml:6:")


def test_a_secret_in_a_url_is_not_repeated_in_the_message():
    with pytest.raises(ConfigError) as refused:
        pipeline("connector: http, url: 'https://me:hunter2@example.org/a.csv'")
    assert "hunter2" not in str(refused.value)


def test_columns_are_names_and_never_sql():
    source = pipeline("connector: postgres, table: Sales.Orders, columns: [Id]").sources[0]
    assert isinstance(source, PostgresSettings)
    assert source.columns == ("Id",)


def test_a_tenant_names_its_own_secrets_only():
    text = FILE.format(rest="connector: postgres, table: o, secret: SECRET") + "tenant: acme\n"
    assert parse(text.replace("SECRET", "acme.crm"), Pipeline, "p.yaml").tenant == "acme"
    for other in ("medallion-warehouse", "acme-2.crm", "acme"):
        with pytest.raises(ConfigError, match=r"is not the tenant's — name one as `acme\."):
            parse(text.replace("SECRET", other), Pipeline, "p.yaml")


@pytest.mark.parametrize("incremental", ["{cursor: changed}", "{cursor: changed, on_duplicate_key: replace}"])
def test_rows_that_replace_others_need_a_key(tmp_path: Path, incremental: str):
    for folder in ("pipelines", "contracts"):
        (tmp_path / folder).mkdir()
    path, contract = tmp_path / "pipelines" / "p.yaml", tmp_path / "contracts" / "c.yaml"
    path.write_text(FILE.format(rest=f"connector: postgres, table: o, incremental: {incremental}"))
    contract.write_text("name: c\ntable: raw.c\nfields: [{name: id}]\n")
    with pytest.raises(ConfigError, match=r"p.yaml:6:\d+: sources.0.incremental: rows of o .* add `primaryKey`"):
        load_pipeline(path)
    contract.write_text(contract.read_text() + "primaryKey: id\n")
    assert load_pipeline(path).pipeline.name == "p"


def write_pair(folder: Path, source: str, contract: str) -> Path:
    for name in ("pipelines", "contracts"):
        (folder / name).mkdir()
    path = folder / "pipelines" / "p.yaml"
    path.write_text(FILE.format(rest=source))
    (folder / "contracts" / "c.yaml").write_text(
        f"name: c\ntable: raw.c\nfields: [{{name: id}}]\nprimaryKey: id\n{contract}"
    )
    return path


BY_FILE, BY_CURSOR = (
    "path: 'in/*.csv', incremental: {mode: files%s}",
    "connector: postgres, table: o, incremental: {cursor: c}",
)
REPLACES = ", on_duplicate_key: replace"


@pytest.mark.parametrize(
    ("source", "keep", "remedy"),
    [
        (BY_FILE % "", "keep_last", "write `on_duplicate_key: replace`, or `duplicate_keys: keep_first` in the contract"),
        (BY_FILE % REPLACES, "keep_first", "write `on_duplicate_key: reject`, or `duplicate_keys: keep_last` in the contract"),
        (BY_CURSOR, "keep_first", "write `duplicate_keys: keep_last` in the contract, or leave it out"),
    ],
)  # fmt: skip
def test_duplicate_keys_against_the_source_are_refused(tmp_path: Path, source: str, keep: str, remedy: str):
    path = write_pair(tmp_path, source, f"duplicate_keys: {keep}\n")
    with pytest.raises(ConfigError) as refused:
        load_pipeline(path)
    assert "p.yaml:6:" in str(refused.value)
    assert str(refused.value).endswith(remedy)


@pytest.mark.parametrize(
    ("source", "keep"),
    [
        ("path: 'in/*.csv'", "keep_last"),
        (BY_FILE % "", "keep_first"),
        (BY_FILE % "", "reject_all"),
        (BY_FILE % REPLACES, "keep_last"),
        (BY_FILE % REPLACES, "reject_all"),
        (BY_CURSOR, "reject_all"),
    ],
)
def test_duplicate_keys_that_fit_the_source_are_accepted(tmp_path: Path, source: str, keep: str):
    assert (
        load_pipeline(write_pair(tmp_path, source, f"duplicate_keys: {keep}\n")).contracts["c"].duplicate_keys == keep
    )


REMOTE = "connector: postgres, table: crm.orders, secret: crm, env_prefix: CRM_"


def step_of(rest: str) -> Step:
    contract = Contract(name="c", table="raw.c", fields=(ContractField(name="id"),))
    return make_plan(pipeline(rest), {"c": contract}, RunContext("run-1", "/landing")).steps[0]


def test_a_source_reaches_its_step_in_its_connectors_own_terms():
    one, many, remote = step_of("path: in.csv"), step_of("path: 'in/*.csv'"), step_of(REMOTE)
    works = [step.work.model_dump(mode="json", exclude_unset=True) for step in (one, many, remote)]
    assert [work["source"] for work in works[:2]] == [{"path": "in.csv"}, {"path": "in/*.csv"}]
    assert works[2]["source"] == {
        "connector": "postgres", "table": "crm.orders", "secret": "crm", "env_prefix": "CRM_"
    }  # fmt: skip
    assert [work.get("landing") for work in works] == ["/landing", "/landing", None]
    assert [step.reads_landing for step in (one, many, remote)] == [True, True, False]


def test_remote_source_gets_its_secret_and_no_landing_volume():
    from medallion.orchestrators.kubernetes import pod_spec

    step = step_of(REMOTE)
    source, warehouse = pod_spec.logins("medallion-warehouse", step.secret)[::-1]
    assert (source.prefix, source.secret_ref.name) == ("CRM_", "crm")
    assert (warehouse.prefix, warehouse.secret_ref.name) == (None, "medallion-warehouse")
    volumes, _ = pod_spec.volumes(step.reads_landing, "landing", None)
    assert [volume.name for volume in volumes] == ["tmp"]


def test_models_of_connectors_import_no_library_of_a_reader():
    code = (
        "import sys, medallion.config.sources; print(*{'psycopg', 'obstore', 'urllib3', 'polars'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_connector_without_a_reader_cannot_be_used():
    class Unfinished(Settings):
        connector: Literal["unfinished"] = "unfinished"

    with pytest.raises(TypeError, match="open_inputs"):
        Unfinished()  # type: ignore[abstract]
