"""`medallion dagster` and `medallion start`: Dagster on this machine, with its UI and its scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.catalogue import describe_limits
from medallion.cli.catalogue import when as describe_schedule
from medallion.cli.console import console, error_console, refuse
from medallion.cli.places import DagsOption, state_folder
from medallion.cli.warehouse import WarehouseOption, warehouse_environment
from medallion.config.load_runner import load_runners
from medallion.config.places import default_dags
from medallion.errors import ExitCode

LOCATION = "medallion.orchestrators.dagster.location"
HostOption = Annotated[str, typer.Option(help="Where the UI listens.")]
PortOption = Annotated[int, typer.Option(help="The UI's port.")]
LandingOption = Annotated[Path, typer.Option(help="The folder that source paths are relative to.")]


def dagster(
    host: HostOption = "127.0.0.1",
    port: PortOption = 3000,
    warehouse: WarehouseOption = None,
    landing: LandingOption = Path("landing"),
    prepare_only: Annotated[
        bool, typer.Option("--prepare", help="Only write DAGSTER_HOME/dagster.yaml and set the tenants' limits.")
    ] = False,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Start Dagster: every pipeline and schedule is a job there, with the same steps, retries and limits."""
    serve(dags or default_dags(), landing, warehouse, host, port, prepare_only=prepare_only)


class Mode(StrEnum):
    """How `medallion start` runs schedules."""

    orchestrated = "orchestrated"


def start(
    mode: Annotated[Mode, typer.Argument(help="`orchestrated`: each schedule runs by its clock.")],
    runner_config: Annotated[
        Path, typer.Option("--runner-config", exists=True, dir_okay=False, help="The runner file.")
    ],
    host: HostOption = "127.0.0.1",
    port: PortOption = 3000,
    warehouse: WarehouseOption = None,
    landing: LandingOption = Path("landing"),
    prepare_only: Annotated[
        bool, typer.Option("--prepare", help="Only check the runner file and set the tenants' limits.")
    ] = False,
) -> None:
    """Run the schedules of one runner file on this machine, under Dagster, until you press Ctrl-C.

    Jobs and contracts are in `jobs` and `contracts` next to the file, or next to its folder `configs`.
    """
    file = runner_config.resolve()
    dags = next((folder for folder in (file.parent, file.parent.parent) if (folder / "jobs").is_dir()), None)
    if dags is None:
        refuse(f"no folder jobs next to {file} or next to its folder", "put the job files in jobs/<tenant>/ there")
    os.environ["MEDALLION_RUNNER_CONFIG"] = str(file)
    (runner_file,) = load_runners(dags)
    for diagnostic in runner_file.all_diagnostics():
        error_console.print(str(diagnostic), style="red", markup=False, soft_wrap=True)
    if runner_file.runner is None:
        raise typer.Exit(ExitCode.USAGE)
    settings = runner_file.runner.runner
    if settings.mode != mode:
        refuse(f"{file} has `mode: {settings.mode}`", "write `mode: orchestrated`, or use `medallion run NAME`")
    for entry in runner_file.entries:
        when = describe_schedule(entry.file.pipeline.schedule) if entry.file else "does not run: see the error above"
        console.print(f"{entry.name}: {when}", markup=False, soft_wrap=True)
    serve(dags, landing, warehouse, host, port, prepare_only=prepare_only)


def serve(dags: Path, landing: Path, warehouse: str | None, host: str, port: int, *, prepare_only: bool) -> None:
    """Run Dagster on a DAG folder until it is stopped, or only prepare its instance."""
    if find_spec("dagster") is None or find_spec("dagster_webserver") is None:
        install = "uv pip install 'medallion-platform[dagster]', or in a checkout: make dagster"
        refuse("Dagster is not installed.", install)
    from medallion.orchestrators.dagster.instance import prepare

    folder = dags.resolve()
    home = Path(os.environ.get("DAGSTER_HOME") or state_folder() / "dagster").resolve()
    limits = ", ".join(f"{tenant}: {describe_limits(one)}" for tenant, one in prepare(home, folder).items())
    console.print(f"limits of tenants: {limits or 'none'}", markup=False, soft_wrap=True)
    if prepare_only:
        return
    with warehouse_environment(warehouse):
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "MEDALLION_DAGS": str(folder),
            "MEDALLION_LANDING": str(landing.resolve()),
        }
        command = [sys.executable, "-m", "dagster", "dev", "-m", LOCATION, "-h", host, "-p", str(port)]
        # A terminal's Ctrl-C reaches Dagster by itself. Where a shell has it ignored, Dagster would ignore SIGTERM too.
        signal.signal(signal.SIGINT, lambda *_: None)
        with subprocess.Popen(command, env=environment) as process:
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            raise typer.Exit(process.wait())
