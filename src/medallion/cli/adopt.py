"""`medallion adopt`: a pipeline takes over what plain dbt has built."""

from __future__ import annotations

from typing import Annotated

import typer

from medallion.cli.commit import current_commit
from medallion.cli.complete import complete_name
from medallion.cli.console import console, refuse_config
from medallion.cli.places import DagsOption
from medallion.cli.warehouse import WarehouseOption, warehouse
from medallion.config.catalog import find
from medallion.config.diagnostics import ConfigError
from medallion.config.places import dbt_project, default_dags
from medallion.plan import RunContext, make_plan
from medallion.warehouse.adopt import Adopted
from medallion.warehouse.adopt import adopt as take_over


def adopt(
    name: Annotated[str, typer.Argument(help="The pipeline's name.", autocompletion=complete_name)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try it, print what it does, and undo it.")] = False,
    warehouse_url: WarehouseOption = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Take over the tables and views that plain dbt built, all at once. Readers miss no relation.

    Use the login of the pipeline's runs. The next run continues from the data that is there.
    """
    from medallion.dbt.parts import list_parts  # dbt takes more than a second to import

    folder = (dags or default_dags()).resolve()
    try:
        file = find(folder, name)
    except ConfigError as error:
        refuse_config(error)
    pipeline, commit = file.pipeline, current_commit(folder)
    plan = make_plan(pipeline, file.contracts, RunContext("adopt", "", commit))
    with warehouse(warehouse_url, "medallion adopt", pipeline.tenant) as connection:
        parts = list_parts(plan, dbt_project(folder, pipeline.dbt.project))
        done = take_over(connection, pipeline.name, parts, commit, dry_run=dry_run)
    for line in _report(name, done, dry_run):
        console.print(line, markup=False, soft_wrap=True)


def _report(name: str, done: Adopted, dry_run: bool) -> list[str]:
    if not done.run_id:
        return [f"nothing to adopt: Medallion made every relation of {name} that exists"]
    lines = ["a dry run, nothing changed; it would take over:" if dry_run else f"taken over, as run {done.run_id}:"]
    lines += [f"  {one}, a {one.kind} of {one.part.step}" for one in done.relations]
    lines += [f"  {title} follows: it reads the new data of each run" for title in done.followed]
    lines += [
        f"  {title} does not follow: create it again, or it keeps reading the adopted data" for title in done.left
    ]
    return [*lines, f"Next: medallion {'adopt' if dry_run else 'run'} {name}"]
