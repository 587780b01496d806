"""`medallion init`: a repository that lints, runs, and builds what plain dbt builds."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import yaml

pytest.importorskip("dbt.cli.main")

from command_line import good, medallion
from databases import fresh_database
from medallion.errors import ExitCode
from plain_dbt import differences, plain_dbt
from team import CASES

ODD = {
    "dbt_project.yml": "name: odd\nprofile: odd\nmodels: {odd: {+materialized: table}}\n",
    "seeds/colours.csv": "id,name\n1,red\n2,blue\n",
    "seeds/alone.csv": "id\n1\n",
    "models/stg_colours.sql": "select id, name from {{ source('given', 'colours') }}",
    "models/sources.yml": "sources: [{name: given, schema: '{{ target.schema }}', tables: [{name: colours}]}]\n",
    "models/anything/first.sql": "select id from {{ ref('stg_colours') }}",
    "models/anything/int_late.sql": "select id from {{ ref('first') }}",
    "models/anything/of_late.sql": "{{ config(materialized='view') }} select id from {{ ref('int_late') }}",
    "models/tests.yml": "models: [{name: stg_colours, columns: [{name: id, data_tests: "
    "[{relationships: {arguments: {to: ref('int_late'), field: id}}}]}]}]\n",
}

SEEDED = {
    "dbt_project.yml": "name: seeded\nprofile: seeded\nmodels: {seeded: {+materialized: table}}\n"
    "seeds: {seeded: {+schema: raw, +enabled: \"{{ var('load_seeds', false) }}\"}}\n",
    "seeds/colours.csv": "id,name\n1,red\n2,blue\n",
    "models/sources.yml": "sources: [{name: given, schema: shop_raw, tables: [{name: colours}]}]\n",
    "models/staging/stg_colours.sql": "{{ config(materialized='view') }} select id from {{ source('given', 'colours') }}",
    "models/marts/all_colours.sql": "select count(*) as colours from {{ ref('stg_colours') }}",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_new_repository_lints_and_runs(tmp_path: Path, warehouse_url: str):
    good(tmp_path, "init", "shop")
    shop = tmp_path / "shop"
    assert good(shop, "lint", "--strict") == ""
    good(shop, "run", "sales", "--warehouse", warehouse_url)
    with psycopg.connect(warehouse_url) as connection:
        assert connection.execute("select count(*) from gold.monthly_sales").fetchone() == (3,)
    for name in ("values.yaml", ".github/workflows/test.yaml"):
        assert yaml.safe_load((shop / name).read_text())
    assert not list(shop.rglob("*.py"))


def test_any_project_is_divided_and_gives_what_plain_dbt_gives(tmp_path: Path, warehouse_url: str, postgres_url: str):
    project = write(tmp_path / "odd", ODD)
    good(tmp_path, "init", "team", "--dbt", project)
    team = tmp_path / "team"
    assert good(team, "lint", "--strict") == ""
    layers = yaml.safe_load((team / "dags" / "pipelines" / "odd.yaml").read_text())["layers"]
    assert [layer["name"] for layer in layers] == ["seeds", "staging", "marts"]
    good(team, "run", "odd", "--warehouse", warehouse_url)
    with fresh_database(postgres_url) as url:
        plain_dbt(project, url, tmp_path / "plain")
        assert differences(url, url, warehouse_url) == []


def test_init_proposes_one_layer_for_a_hook_that_reads_results(tmp_path: Path):
    hook = 'on-run-end: ["{{ log(results | length, info=true) }}"]\n'
    project = write(tmp_path / "odd", {**ODD, "dbt_project.yml": ODD["dbt_project.yml"] + hook})
    good(tmp_path, "init", "team", "--dbt", project)
    layers = yaml.safe_load((tmp_path / "team" / "dags" / "pipelines" / "odd.yaml").read_text())["layers"]
    assert [layer["name"] for layer in layers] == ["marts"]
    assert good(tmp_path / "team", "lint", "--strict") == ""


def test_init_names_a_disabled_seed_that_a_source_needs(tmp_path: Path):
    project = write(tmp_path / "seeded", SEEDED)
    printed = good(tmp_path, "init", "team", "--dbt", project)
    message = "models/sources.yml: the source given.colours has the name of a seed: the seed colours"
    assert f"{message} (seeds/colours.csv) is disabled, so no layer builds shop_raw.colours" in printed
    done = medallion(tmp_path / "team", "lint")
    assert (done.returncode, done.stdout.count("warning: the source given.colours")) == (0, 1)
    wrong = medallion(tmp_path, "init", "other", "--dbt", project, "--vars", "[1]")
    assert (wrong.returncode, "--vars:1:1: vars: " in wrong.stderr) == (ExitCode.USAGE, True), wrong.stderr


def test_seeds_are_there_when_a_macro_reads_one(tmp_path: Path, warehouse_url: str):
    reads = "select count(*) as colours from {{ api.Relation.create(schema=target.schema, identifier='colours') }}"
    project = {"dbt_project.yml": "name: odd\nprofile: odd\n", "seeds/colours.csv": ODD["seeds/colours.csv"]}
    write(tmp_path / "odd", {**project, "models/counted.sql": reads})
    good(tmp_path, "init", "team", "--dbt", tmp_path / "odd")
    pipeline = tmp_path / "team" / "dags" / "pipelines" / "odd.yaml"
    layers = [{"name": "all", "select": "resource_type:seed resource_type:model", "publish": True}]
    pipeline.write_text(yaml.safe_dump({**yaml.safe_load(pipeline.read_text()), "layers": layers}))
    good(tmp_path / "team", "run", "odd", "--warehouse", warehouse_url)
    with psycopg.connect(warehouse_url) as connection:
        assert connection.execute("select colours from public.counted").fetchone() == (2,)


def seeded(folder: Path) -> tuple[Path, dict[str, object]]:
    """Make a team of a project whose sources are its seeds; return the project, and what `init` found out of it."""
    project, settings = write(folder / "seeded", SEEDED), {"schema": "shop", "vars": {"load_seeds": True}}
    assert "correct:" not in good(folder, "init", "team", "--dbt", project, "--vars", "load_seeds: true")
    return project, settings


def test_init_finds_the_schema_where_seeds_are_sources(tmp_path: Path):
    _, settings = seeded(tmp_path)
    team = tmp_path / "team"
    assert yaml.safe_load((team / "dags" / "pipelines" / "seeded.yaml").read_text())["dbt"] == settings
    assert good(team, "lint", "--strict") == ""


@pytest.mark.slow
def test_seeds_that_are_sources_give_what_plain_dbt_gives(tmp_path: Path, warehouse_url: str, postgres_url: str):
    project, settings = seeded(tmp_path)
    good(tmp_path / "team", "run", "seeded", "--warehouse", warehouse_url)
    with psycopg.connect(warehouse_url) as connection:
        assert connection.execute("select colours from shop.all_colours").fetchone() == (2,)
    with fresh_database(postgres_url) as url:
        plain_dbt(project, url, tmp_path / "plain", settings)
        assert differences(url, url, warehouse_url) == []


def test_a_project_inside_the_repository_stays_in_its_place(tmp_path: Path):
    project = write(tmp_path / "team" / "transform", ODD)
    good(tmp_path, "init", "team", "--dbt", project)
    link = tmp_path / "team" / "dags" / "dbt"
    assert (link.is_symlink(), link.resolve(), str(link.readlink())) == (True, project, "../transform")
    assert good(tmp_path / "team", "lint") == ""


def test_nothing_of_a_team_is_overwritten(tmp_path: Path):
    write(tmp_path / "team", {"README.md": "mine"})
    good(tmp_path, "init", "team")
    assert (tmp_path / "team" / "README.md").read_text() == "mine"
    again = medallion(tmp_path, "init", "team")
    assert again.returncode == ExitCode.USAGE
    assert "is there already" in again.stderr
    no_project = medallion(tmp_path, "init", "other", "--dbt", tmp_path)
    assert f"{tmp_path} has no dbt_project.yml" in no_project.stderr
    assert not (tmp_path / "other").exists()


NASTY = CASES / "nasty-dbt-project"
needs_cases = pytest.mark.skipif(not NASTY.is_dir(), reason=f"no cases here (looked in {CASES})")


def nasty(folder: Path) -> Path:
    """Make a team of the nasty project, without its model that cannot work; return the project."""
    files = {str(path.relative_to(NASTY)): path.read_text() for path in NASTY.rglob("*") if path.is_file()}
    del files["model_that_cannot_work.sql"]
    project = write(folder / "nasty", files)
    good(folder, "init", "team", "--dbt", project)
    return project


@needs_cases
def test_lint_names_what_differs_in_the_nasty_project(tmp_path: Path):
    nasty(tmp_path)
    warned = good(tmp_path / "team", "lint").splitlines()
    assert ["uses_this_text" in warned[2], *("ops.runs" in line for line in warned[:2])] == [True] * 3, warned
    assert len(warned) == 3, warned


@needs_cases
def test_the_nasty_project_gives_what_plain_dbt_gives(tmp_path: Path, warehouse_url: str, postgres_url: str):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("do $$ begin create role reporter; exception when duplicate_object then null; end $$")
    project = nasty(tmp_path)
    good(tmp_path / "team", "run", "nasty", "--warehouse", warehouse_url)
    with fresh_database(postgres_url) as url, fresh_database(postgres_url) as again:
        plain_dbt(project, url, tmp_path / "plain")
        plain_dbt(project, again, tmp_path / "again")
        # The schema of a build as text.
        assert differences(url, again, warehouse_url) == ["public_marts.uses_this_text.model_schema differs"]
