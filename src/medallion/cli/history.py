"""`medallion history`: the runs of a pipeline, and whose data readers see."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from medallion.cli.complete import complete_name
from medallion.cli.console import console
from medallion.cli.warehouse import WarehouseOption, find_tenant, warehouse
from medallion.warehouse.history import Run, Version, list_runs
from medallion.warehouse.ledger import ADOPTION, ROLLBACK

_COLOUR = {"succeeded": "green", "failed": "red", "unfinished": "yellow"}
_ACTIONS = {ROLLBACK: "rolled back", ADOPTION: "adopted"}


def history(
    name: Annotated[str, typer.Argument(help="The pipeline's name.", autocompletion=complete_name)],
    warehouse_url: WarehouseOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
) -> None:
    """List a pipeline's runs with the data that each published; ● is what readers see now."""
    with warehouse(warehouse_url, "medallion history", find_tenant(name)) as connection:
        runs = list_runs(connection, name)[:limit]
    if as_json:
        typer.echo(json.dumps([asdict(run) for run in runs], indent=2, default=str))
    else:
        show_history(runs)


def show_history(runs: list[Run]) -> None:
    """Print runs as a table."""
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("run", no_wrap=True, overflow="ignore")  # to be copied whole, in a terminal of any width
    for title in ("status", "data"):
        table.add_column(title, overflow="fold")
    for run in runs:
        status = _ACTIONS.get(run.action, run.status)
        data = [*(_version(version) for version in run.versions), *([run.message] if run.action else [])]
        colour = _COLOUR[run.status]
        table.add_row(
            f"{run.run_id}\n[dim]commit {run.commit[:12]}[/]",
            f"[{colour}]{status}[/]\n{run.finished_at:%Y-%m-%d %H:%M}",
            "\n".join(data),
        )
    console.print(table)


def _version(version: Version) -> str:
    mark = "[green]●[/]" if version.seen else " " if version.exists else "[dim]gone[/]"
    return f"{mark} {version.build}"
