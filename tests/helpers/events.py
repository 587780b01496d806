"""A dbt project of incremental models in one published layer, and its runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from layers import REPO
from medallion.errors import ExitCode
from medallion.warehouse import carry
from medallion.warehouse.connection import Connection
from warm import Warm

PIPELINE = "events"
SETTINGS = """
name: events
version: "1.0.0"
config-version: 2
profile: medallion
flags: {send_anonymous_usage_stats: false}
models: {events: {+schema: gold, +materialized: incremental}}
"""
LATEST = "select id, day, amount from silver.events {% if is_incremental() %} where day >= (select max(day) from {{ this }}) {% endif %}"
NEWER = "{% if is_incremental() %} where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}"
MODELS = {
    "appended": "select id, day, amount from silver.events " + NEWER,
    "replaced": "{{ config(unique_key='id', indexes=[{'columns': ['id'], 'unique': true}]) }} " + LATEST,
    "merged": "{{ config(incremental_strategy='merge', unique_key=['id', 'day']) }} " + LATEST,
    "total": "{{ config(materialized='table') }} select count(*) as rows, sum(amount) as amount from {{ ref('appended') }}",
    "hooked": "{{ config(pre_hook='{% if is_incremental() %} delete from {{ this }} where day >= 2 {% endif %}') }} "
    "select id, day, amount from silver.events {% if is_incremental() %} where day >= 2 {% endif %}",
    "swept": "{{ config(incremental_strategy='sweep') }} select id, day, amount from silver.events " + NEWER,
    "batched": "{{ config(incremental_strategy='microbatch', unique_key='id', event_time='id', batch_size='day', "
    "begin=(run_started_at - modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d')) }} "
    "select id, day, amount from silver.events",
    "headed": "{{ config(unique_key='id') }}{% call set_sql_header(config) %}create temporary table header as select 1 as one;"
    "{% endcall %} select id, day, amount from silver.events cross join header",
    "dimension": "{{ config(unique_key='id') }} " + LATEST,
    "facts": "select id from {{ ref('dimension') }}",
    "joined": "{{ config(materialized='table', post_hook='alter table {{ this }} add foreign key (id) "
    "references {{ ref(\"dimension\") }} (id)') }} select id from {{ ref('dimension') }}",
    "logged": "{{ config(materialized='table') }} select count(*) as id from silver.events "
    "{% if load_relation(this) %} union all select id from {{ this }} {% endif %}",
    "noted": "{{ config(materialized='table', post_hook='create table {{ this.schema }}.notes as select 1 as one') }} "
    "select 1 as id",
    **{
        f"wide_{word}": f"{{{{ config(on_schema_change='{word}') }}}} select * from silver.events {NEWER}"
        for word in ("ignore", "append_new_columns", "sync_all_columns", "fail")
    },
}
MACROS = {
    "sweep": """{% macro get_incremental_sweep_sql(arguments) %}
        delete from {{ arguments.target_relation }} where id not in (select id from silver.events);
        {{ get_incremental_append_sql(arguments) }}
    {% endmacro %}"""
}
CONTRACTS = """
models:
  - name: dimension
    config: {contract: {enforced: true}, on_schema_change: fail}
    columns:
      - {name: id, data_type: int, constraints: [{type: primary_key}]}
      - {name: day, data_type: int}
      - {name: amount, data_type: int}
  - name: facts
    config: {contract: {enforced: true}, materialized: table}
    columns:
      - {name: id, data_type: int, constraints: [{type: foreign_key, to: ref('dimension'), to_columns: [id]}]}
"""
TESTS = {"not_negative": "select * from {{ ref('appended') }} where amount < 0"}


class Events:
    """A project with one published layer, over the table `silver.events (id, day, amount)`."""

    def __init__(self, warehouse: Connection, dbt: Warm) -> None:
        self.warehouse, self.dbt, self._runs = warehouse, dbt, 0

    def deliver(self, *rows: tuple[int, int, int]) -> None:
        self.warehouse.cursor().executemany("insert into silver.events (id, day, amount) values (%s, %s, %s)", rows)

    def delivered(self) -> list[tuple[Any, ...]]:
        return self.warehouse.execute("select id, day, amount from silver.events order by id").fetchall()

    def arguments(self, models: str, *more: str, run: str = "", phase: str = "build") -> list[str]:
        if not run:
            self._runs += 1
        step = "gold" if phase == "build" else f"gold.{phase}"
        who = ["--pipeline", PIPELINE, "--run-id", run or f"run-{self._runs}", "--step", step, "--layer", "gold"]
        return [*who, "--phase", phase, "--select", models, "--publish", *more]

    def run(self, models: str, *more: str, **how: str) -> subprocess.CompletedProcess[str]:
        return self.dbt.run(*self.arguments(models, *more, **how))

    def good(self, models: str, *more: str, **how: str) -> None:
        done = self.run(models, *more, **how)
        assert done.returncode == ExitCode.OK, done.stdout

    def seen(self, model: str, columns: str = "id, day, amount") -> list[tuple[Any, ...]]:
        return self.warehouse.execute(f"select {columns} from gold.{model} order by id").fetchall()  # type: ignore[arg-type]

    def kinds(self, model: str) -> str:
        """What each build has for a model, oldest first: a table (r) or a view of an earlier one (v)."""
        rows = self.warehouse.execute(
            """select relkind from medallion.builds inner join pg_class on relnamespace = to_regnamespace(build_schema)
               where relname = %s order by created_at""",
            (model,),
        ).fetchall()
        return "".join(str(row[0]) for row in rows)

    def runs_kept(self) -> list[Any]:
        rows = self.warehouse.execute("select run_id from medallion.builds order by created_at").fetchall()
        return [row[0] for row in rows]

    def table(self, model: str) -> tuple[Any, ...] | None:
        """The table behind what readers see: its build, its identity, its file, and its content."""
        build = carry.holder(self.warehouse, "gold", model)
        name = f"{build}.{model}"
        (content,) = self.warehouse.execute(f"select array_agg(t::text order by id) from {name} as t").fetchone() or ()  # type: ignore[arg-type]
        return self.warehouse.execute(
            "select %s, %s::regclass::oid, pg_relation_filenode(%s::regclass), %s::text[]", (build, name, name, content)
        ).fetchone()

    def recorded(self, model: str) -> dict[str, Any]:
        """Return what the newest row of the ledger records of a model."""
        (details,) = self.warehouse.execute("select details from medallion.step_runs order by id desc").fetchone() or (
            {},
        )
        return next(found for found in details["models"] if found["name"] == model)  # type: ignore[index]


def write_project(folder: Path) -> Path:
    """Writes the dbt project; returns its folder."""
    ours = REPO / "dags" / "dbt"
    for place, files in (("models", MODELS), ("macros", MACROS), ("tests", TESTS)):
        (folder / place).mkdir(parents=True)
        for name, text in files.items():
            (folder / place / f"{name}.sql").write_text(text)
    (folder / "models" / "contracts.yml").write_text(CONTRACTS)
    (folder / "dbt_project.yml").write_text(SETTINGS)
    shutil.copy(ours / "profiles.yml", folder)
    shutil.copy(ours / "macros" / "generate_schema_name.sql", folder / "macros")
    return folder
