"""SQL that asks for a relation by the name that readers use, or that holds a relation's name as text."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dbt.cli.main")

from command_line import good, medallion
from medallion.warehouse.connection import Connection
from team import PIPELINE, environment_of, team_of, write_team

LOOKS = """
{%- set own = adapter.get_relation(this.database, 'gold', 'sales') -%}
{%- set made = api.Relation.create(this.database, 'gold', 'sales') -%}
{%- set made_earlier = api.Relation.create(schema='silver', identifier='fct_orders') -%}
{%- set earlier = adapter.get_relation(this.database, 'silver', 'fct_orders') -%}
select (select sum(total) from {{ own or ref('sales') }}) as own, (select sum(amount) from {{ earlier or this }}) as earlier,
    (select sum(total) from {{ made }}) as made, (select sum(amount) from {{ made_earlier }}) as made_earlier,
    {{ "'found'" if own and earlier else "'missing'" }} as seen,
    {{ "'found'" if adapter.get_relation(this.database, 'gold', 'nowhere') else "'missing'" }} as nowhere
-- depends_on: {{ ref('sales') }} {{ ref('fct_orders') }}
"""
HELD = {
    "this": "select '{{ this }}' as x from {{ ref('sales') }}",
    "longer": "select 'it''s', 'read from {{ ref('sales') }}' as x",
    "schema": "select '{{ model.schema }}' as x",
    "literal": "select {{ dbt.string_literal(ref('sales').render()) }} as x",
    "called": "{{ with_origin([ref('sales')]) }}",
    "hooked": "{{ config(post_hook=\"insert into log values ('{{ this }}')\") }} select 1 as x",
}
HARMLESS = {
    "name": "select '{{ this.identifier }}' as x, '{{ target.schema }}' as y",
    "quoted": "-- it's\nselect x'' /* ' */ from {{ ref('sales') }}",
    "other": "select '{{ with_nothing(ref('sales')) }}' as x",
}
MACROS = """
{% macro with_origin(relations) %}{% for relation in relations %}
select '{{ relation }}' as origin from {{ relation }}{% endfor %}{% endmacro %}
{% macro with_nothing(relation) %}{{ relation.identifier }}{% endmacro %}
{% macro count_rows() %}{% set results = run_query('select 1') %}select {{ results | length }}{% endmacro %}
{% macro log_run() %}insert into public.log values (1){% endmacro %}
"""
HOOKS = """
on-run-start: ["create table if not exists public.log (x int)", "{{ log_run() }}"]
on-run-end:
  - "select '{{ results | length }}'"
  - "{{ count_rows() }}"
  - "{% for schema in schemas %}grant select on all tables in schema {{ schema }} to public;{% endfor %}"
  - "{% for schema in schemas %}grant usage on schema {{ schema }} to public;{% endfor %}"
"""


@pytest.mark.parametrize("prefix", ["", "acme_"])
def test_relations_are_found_by_the_projects_schema(
    prefix: str, warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_team(
        tmp_path / "shop", {"models/shop/gold/looks.sql": LOOKS}, f"{PIPELINE}schema_prefix: '{prefix}'"
    )
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    with team_of(folder) as team:
        for amount in (2, 30):  # the second run must not find what the first one published
            team.deliver((1, "SE", amount))
            team.good()
            found = warehouse.execute(f"select * from {prefix}gold.looks").fetchone()  # type: ignore[arg-type]
            assert found == (amount, amount, amount, amount, "found", "missing")


def test_lint_names_models_that_hold_a_builds_name(tmp_path: Path):
    files = {f"models/shop/gold/{name}.sql": text for name, text in {**HELD, **HARMLESS}.items()}
    folder = write_team(tmp_path / "shop", {**files, "macros/ours.sql": MACROS})
    project = folder / "project" / "dbt_project.yml"
    project.write_text(project.read_text() + HOOKS)
    (folder / "dags" / "dbt").symlink_to(folder / "project")
    printed = good(folder, "lint", "--dags", "dags")
    assert {name for name in (*HELD, *HARMLESS) if f"{name}.sql:1:1: warning: gold.{name} has the name" in printed} == {
        *HELD
    }
    assert printed.count("log_run") == 0
    assert "the hook shop-on-run-start-1 writes rows of public.log" in printed
    assert "the hook shop-on-run-end-0 reads `results`" in printed
    assert "the hook shop-on-run-end-2 grants privileges on relations before they are published" in printed
    quiet = ("shop-on-run-start-0", "shop-on-run-end-1", "shop-on-run-end-3")
    assert [hook for hook in quiet if hook in printed] == []
    assert medallion(folder, "lint", "--dags", "dags", "--strict").returncode == 1


def test_step_reports_a_builds_name_in_compiled_sql(
    warehouse: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    through = "{% set name = this | string %}select '{{ name }}' as x"
    folder = write_team(tmp_path / "shop", {"models/shop/gold/through.sql": through})
    for name, value in environment_of(folder).items():
        monkeypatch.setenv(name, value)
    with team_of(folder) as team:
        team.deliver((1, "SE", 2))
        team.good(until="silver")
        assert "build_as_text" not in team.output
        team.good(run=team.last, after="silver")
        assert "models/shop/gold/through.sql: through has the name of a build as text" in team.output
        assert team.output.count('"build_as_text"') == 1
