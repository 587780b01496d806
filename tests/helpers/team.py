"""A team's own repository as tests use it: a dbt project, a pipeline, contracts and files, and runs of all its steps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layers import REPO
from medallion.cleaner.__main__ import main as clean
from medallion.config.load_pipeline import load_pipeline
from medallion.orchestrators.local.report import make_report
from medallion.plan import RunContext, make_plan
from medallion.protocol import wire
from medallion.protocol.project_archive import hash_files, pack, part_name
from medallion.steps import Step
from medallion.warehouse.connection import Connection
from warm import Warm, warm

CASES = REPO.parent / "shared" / "cases"
SETTINGS = """
name: shop
version: "1.0.0"
config-version: 2
profile: medallion
flags: {send_anonymous_usage_stats: false}
models:
  shop:
    +materialized: table
    shop: {bronze: {+schema: bronze}, silver: {+schema: silver}, gold: {+schema: gold}}
seeds: {shop: {+schema: silver}}
snapshots: {shop: {+schema: history}}
"""
SOURCES = """
sources:
  - name: raw
    schema: raw
    tables: [{name: orders}]
"""
BASE = {
    "dbt_project.yml": SETTINGS,
    "models/shop/bronze/sources.yml": SOURCES,
    "models/shop/bronze/stg_orders.sql": "select id, country, amount from {{ source('raw', 'orders') }}",
    "models/shop/silver/fct_orders.sql": "select id, country, amount from {{ ref('stg_orders') }}",
    "models/shop/gold/sales.sql": "select country, sum(amount) as total from {{ ref('fct_orders') }} group by 1",
}
PIPELINE = """
name: shop
owner: me
sources: [{name: orders, path: orders.csv, contract: orders}]
models: shop
layers: [{name: bronze}, {name: silver}, {name: gold}]
retry_config: {max_retries: 0}
"""
CONTRACT = """
name: orders
table: raw.orders
primaryKey: id
fields: [{name: id, type: integer}, {name: country}, {name: amount, type: number}]
"""


class Team:
    """A repository in a folder, and the warehouse that its runs write to."""

    def __init__(self, folder: Path, dbt: Warm) -> None:
        self.folder, self._dbt, self._runs = folder, dbt, 0
        self.output = ""
        self.as_pods = False
        """Whether steps get the project as pods do, and not from its folder."""

    def deliver(self, *rows: tuple[Any, ...]) -> None:
        lines = ["id,country,amount", *(",".join("" if value is None else str(value) for value in row) for row in rows)]
        (self.folder / "landing" / "orders.csv").write_text("\n".join(lines) + "\n")

    def pipeline(self, text: str) -> None:
        (self.folder / "dags" / "pipelines" / "shop.yaml").write_text(text)

    def run(self, run: str = "", until: str = "", after: str = "", **context: Any) -> dict[str, int]:
        """Runs the steps in order; returns the exit codes of those that started: none after the first that failed.

        `until` is the last step to run, `after` the last of those to leave out.
        """
        self._runs += 1
        self.last, self.output = run or f"run-{self._runs}", ""
        file = load_pipeline(self.folder / "dags" / "pipelines" / "shop.yaml")
        landing = str(self.folder / "landing")
        context = {"commit": "test", **context}
        self.plan = make_plan(file.pipeline, file.contracts, RunContext(self.last, landing, **context))
        if self.as_pods:
            self.plan = self.plan.with_project(hash_files(self.folder / "project"))
        codes: dict[str, int] = {}
        names = [step.name for step in self.plan.steps]
        for step in self.plan.steps[names.index(after) + 1 if after else 0 :]:
            variables = wire.environment(self.plan.task(step.name)) | self._brought(step)
            codes[step.name] = self._step(step.image, variables)
            if codes[step.name] or step.name == until:
                break
        return codes

    def _brought(self, step: Step) -> dict[str, str]:
        """As pods, steps have no folder of the project: the first have its archive, the others nothing."""
        if not self.as_pods:
            return {}
        mounted = self.folder / "mounted"
        mounted.mkdir(exist_ok=True)
        for old in mounted.iterdir():
            old.unlink()
        if not step.needs:
            digest = hash_files(self.folder / "project")
            (mounted / part_name(digest, 0)).write_bytes(pack(self.folder / "project"))
        return {"MEDALLION_DELIVERY": str(mounted), "MEDALLION_DBT_PROJECT": str(self.folder / "nowhere")}

    def good(self, **how: Any) -> None:
        codes = self.run(**how)
        assert set(codes.values()) == {0}, self.output

    def _step(self, image: str, variables: Mapping[str, str]) -> int:
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            if image == "cleaner":
                return int(clean([]))
            done = self._dbt.run()
            self.output += done.stdout
            return done.returncode
        finally:
            os.environ.clear()
            os.environ.update(before)

    def report(self, connection: Connection) -> dict[str, dict[str, Any]]:
        return {step["name"]: step for step in make_report(connection, self.plan, self.last).steps}


def write_team(folder: Path, files: Mapping[str, str | None] = {}, pipeline: str = PIPELINE) -> Path:
    """Writes the repository: the base project with some files put over it (None: without); returns its folder."""
    for name, text in {**BASE, **files}.items():
        if text is not None:
            path = folder / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    ours = REPO / "dags" / "dbt"
    shutil.copy(ours / "profiles.yml", folder / "project")
    (folder / "project" / "macros").mkdir(exist_ok=True)
    shutil.copy(ours / "macros" / "generate_schema_name.sql", folder / "project" / "macros")
    for name, text in (("dags/pipelines/shop.yaml", pipeline), ("dags/contracts/orders.yaml", CONTRACT)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "landing").mkdir(exist_ok=True)
    return folder


@contextmanager
def team_of(folder: Path) -> Iterator[Team]:
    """The repository of a folder with its project parsed; steps are run with the warehouse of libpq's environment."""
    with warm(environment_of(folder)) as dbt:
        yield Team(folder, dbt)


def environment_of(folder: Path) -> dict[str, str]:
    return {"MEDALLION_DBT_PROJECT": str(folder / "project"), "MEDALLION_DBT_BAKED": str(folder / "baked")}
