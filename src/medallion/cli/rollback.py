"""`medallion rollback`: readers see the data of an earlier run again."""

from __future__ import annotations

from typing import Annotated

import typer

from medallion.cli.commit import current_commit
from medallion.cli.complete import complete_name
from medallion.cli.console import console
from medallion.cli.warehouse import WarehouseOption, find_tenant, warehouse
from medallion.config.places import default_dags
from medallion.warehouse.rollback import roll_back


def rollback(
    name: Annotated[str, typer.Argument(help="The pipeline's name.", autocompletion=complete_name)],
    to: Annotated[str | None, typer.Option(help="The run whose data to put back; by default the one before.")] = None,
    warehouse_url: WarehouseOption = None,
) -> None:
    """Put the data of an earlier run back, all of it at once. The next run publishes as always."""
    with warehouse(warehouse_url, "medallion rollback", find_tenant(name)) as connection:
        done = roll_back(connection, name, to, current_commit(default_dags()))
    if not done.run_id:
        console.print(f"readers see the data of run {done.to} already", markup=False, soft_wrap=True)
        return
    console.print(f"readers see the data of run {done.to} again:", markup=False, soft_wrap=True)
    for version in done.versions:
        for relation in version.relations:
            console.print(f"  {version.schema}.{relation} is {version.build}", markup=False, soft_wrap=True)
    for relation in done.retired:
        console.print(f"  {relation} is dropped: that run did not have it", markup=False, soft_wrap=True)
    for schema in done.left:
        console.print(f"  {schema} stays as it is: that run published no data for it", markup=False, soft_wrap=True)
    console.print("Runs that began before now publish no more; the next one does.", markup=False, soft_wrap=True)
