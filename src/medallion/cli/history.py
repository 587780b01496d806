"""`medallion history`: the runs of a pipeline with the data that readers see, or the steps and files of one run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from medallion.cli.complete import complete_name
from medallion.cli.console import console, refuse
from medallion.cli.warehouse import WarehouseOption, find_tenant, warehouse
from medallion.warehouse import file_loads, ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.history import Run, Version, list_runs
from medallion.warehouse.ledger import ADOPTION, ROLLBACK

_LINE = "\n"
_NUMBERS = ("rows_in", "rows_loaded", "rows_rejected")
_NOT_RUN = {"status": "waiting", "message": "", **dict.fromkeys(("attempt", *_NUMBERS, "seconds"))}
_COLOUR = {"succeeded": "green", "failed": "red", "unfinished": "yellow"}
_ACTIONS = {ROLLBACK: "rolled back", ADOPTION: "adopted"}


def history(
    name: Annotated[str, typer.Argument(help="The pipeline's name.", autocompletion=complete_name)],
    warehouse_url: WarehouseOption = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run", help="Show the steps of this run, and the files of each, instead of the runs."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the runs as JSON.")] = False,
) -> None:
    """List a pipeline's runs with the data that each published; ● is what readers see now."""
    with warehouse(warehouse_url, "medallion history", find_tenant(name)) as connection:
        if run_id is not None:
            _show_run(connection, name, run_id, as_json=as_json)
            return
        runs = list_runs(connection, name)[:limit]
    if as_json:
        typer.echo(json.dumps([asdict(run) for run in runs], indent=2, default=str))
    else:
        show_history(runs)


def _show_run(connection: Connection, name: str, run_id: str, *, as_json: bool) -> None:
    files = file_loads.list_by_step(connection, name, run_id)
    steps = [_step(row) for row in ledger.list_steps(connection, name, run_id)]
    if not steps:
        refuse(f"the ledger has no run {run_id} of {name}", f"see `medallion history {name}` for the runs")
    # Packs load the files of a step that has not run yet.
    steps += [{**_NOT_RUN, "step": step} for step in files if step not in {row["step"] for row in steps}]
    found = [{**step, "files": files.get(str(step["step"]), [])} for step in steps]
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
        return
    table = Table(header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("step or file", no_wrap=True, overflow="ignore")  # to be copied whole
    table.add_column("status")
    for title in ("rows in", "loaded", "rejected", "seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    failed = []
    for step in found:
        rows = [(str(step["step"]), step), *((f"  {file['file']}", file) for file in step["files"])]
        for title, row in rows:
            table.add_row(*_cells(title, row))
        failed += [
            f"{title.strip()}: {row['message'].partition(_LINE)[0]}" for title, row in rows if row["status"] == "failed"
        ]
    console.print(table)
    for line in failed:
        console.print(line, markup=False, soft_wrap=True)


def _step(row: dict[str, Any]) -> dict[str, Any]:
    seconds = round((row["finished_at"] - row["started_at"]).total_seconds(), 2)
    kept = ("step", "status", "attempt", *_NUMBERS)
    return {**{key: row[key] for key in kept}, "seconds": seconds, "message": row["details"].get("message", "")}


def _cells(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    numbers = ["" if row[key] is None else f"{row[key]:,}" for key in _NUMBERS]
    seconds = "" if row["seconds"] is None else f"{row['seconds']:.2f}"
    return escape(name), row["status"], *numbers, seconds


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
