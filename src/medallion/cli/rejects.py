"""`medallion rejects`: the rows that a run rejected, and why."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from medallion.cli.complete import complete_name
from medallion.cli.console import console, refuse
from medallion.cli.warehouse import WarehouseOption, find_tenant, warehouse
from medallion.warehouse import ledger
from medallion.warehouse.connection import Connection
from medallion.warehouse.rejects import RejectGroup, find_last_run, group_rejects, iter_csv, list_replays, list_sources

_MOST = 40


def rejects(
    name: Annotated[str, typer.Argument(help="The pipeline's name.", autocompletion=complete_name)],
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run ID. By default the last run that rejected rows.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Only this source: its name in the pipeline file, or the name of one file.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", dir_okay=False, help="Write all rejected rows to this file, as CSV.")
    ] = None,
    warehouse_url: WarehouseOption = None,
) -> None:
    """Show the rows that a run rejected: how many, for which reasons, with samples."""
    with warehouse(warehouse_url, "medallion rejects", find_tenant(name)) as connection:
        chosen = run_id or find_last_run(connection, name)
        steps = {row["step"]: row for row in ledger.list_steps(connection, name, chosen)} if chosen else {}
        if chosen is None or not (sources := list_sources(connection, name, chosen)):
            _explain_nothing(connection, name, chosen, steps)
            return
        groups = group_rejects(connection, name, chosen, source)
        if not groups:
            refuse(f"run {chosen} rejected no rows of source {source!r}", f"name one of: {', '.join(sources[:20])}")
        if csv_file is not None:
            _write(csv_file, connection, name, chosen, source)
        replays = list_replays(connection, name, chosen)
    rows = sum(group.rows for group in groups)
    console.print(f"run {chosen} of {name}", markup=False, soft_wrap=True)
    if csv_file is None:
        show_groups(groups, steps)
    else:
        console.print(f"{rows:,} rejected values and lines are in {csv_file}", markup=False, soft_wrap=True)
    _show_replays(replays)


def show_groups(groups: list[RejectGroup], steps: dict[str, dict[str, Any]]) -> None:
    """Print why rows were rejected.

    Args:
        groups: By step.
        steps: Rows of the ledger, by step.
    """
    for step, found in groupby(groups[:_MOST], lambda group: group.step):
        row = steps.get(step, {})
        if row.get("rows_in") is not None:
            step = f"{step}: {row['rows_rejected']:,} of {row['rows_in']:,} rows rejected"
        table = Table(title=escape(step), title_justify="left", header_style="bold", pad_edge=False, box=SIMPLE_HEAD)
        for title in ("source", "column", "reason"):
            table.add_column(title, overflow="fold")
        table.add_column("rows", justify="right", no_wrap=True)
        table.add_column("line: value", overflow="fold")
        for group in found:
            samples = [f"{line}: {'no value' if value is None else repr(value)}" for line, value in group.samples]
            cells = (group.source, group.column or "(line)", group.reason, f"{group.rows:,}", "\n".join(samples))
            table.add_row(*map(escape, cells))
        console.print(table)
    if len(groups) > _MOST:
        console.print(f"… and {len(groups) - _MOST:,} more reasons. All rejected rows: --csv FILE", markup=False)


def _show_replays(replays: dict[str, int]) -> None:
    for replay, count in replays.items():
        console.print(f"{count:,} rows were loaded after all, by {replay}", markup=False, soft_wrap=True)


def _write(file: Path, connection: Connection, name: str, run_id: str, source: str | None) -> None:
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as output:
            output.writelines(iter_csv(connection, name, run_id, source))
        os.replace(part, file)  # noqa: PTH105
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror}", "name a file in a folder that you may write to")
    finally:
        part.unlink(missing_ok=True)


def _explain_nothing(connection: Connection, name: str, run_id: str | None, steps: dict[str, dict[str, Any]]) -> None:
    """Report why there are no rejected rows; refuse names that the ledger does not have."""
    if run_id is not None and (replays := list_replays(connection, name, run_id)):
        console.print(f"no more rejected rows of run {run_id} are kept", markup=False, soft_wrap=True)
        _show_replays(replays)
        return
    if run_id is None:
        known = connection.execute("select exists (select from medallion.step_runs where pipeline = %s)", (name,))
        if known.fetchone() != (True,):
            refuse(f"the warehouse has no runs of a pipeline {name!r}", "see `medallion list` for the names")
        console.print(f"no rejected rows of {name} are kept", markup=False, soft_wrap=True)
        return
    if not steps:
        refuse(f"the ledger has no run {run_id} of {name}", f"see `medallion history {name}` for the runs")
    console.print(f"no rejected rows of run {run_id} are kept", markup=False, soft_wrap=True)
    for row in steps.values():
        if row["status"] == "unchanged" and row["rows_rejected"]:
            console.print(f"  {row['step']}: {row['details']['message']}", markup=False, soft_wrap=True)
        elif row["rows_rejected"]:
            why = f"{row['rows_rejected']:,} rows were rejected, longer ago than `retention.quarantine_days`"
            console.print(f"  {row['step']}: {why}", markup=False, soft_wrap=True)
