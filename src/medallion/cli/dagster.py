"""`medallion dagster`: Dagster on the pipelines of a DAG folder, with its UI and its scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.console import console, error_console
from medallion.cli.places import DagsOption, state_folder
from medallion.cli.warehouse import WarehouseOption, warehouse_environment
from medallion.config.places import default_dags
from medallion.errors import ExitCode

LOCATION = "medallion.orchestrators.dagster.location"


def dagster(
    host: Annotated[str, typer.Option(help="Where the UI listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The UI's port.")] = 3000,
    warehouse: WarehouseOption = None,
    landing: Annotated[Path, typer.Option(help="The folder that source paths are relative to.")] = Path("landing"),
    prepare_only: Annotated[
        bool, typer.Option("--prepare", help="Only write DAGSTER_HOME/dagster.yaml and set the tenants' limits.")
    ] = False,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Start Dagster: every pipeline and schedule is a job there, with the same steps, retries and limits."""
    if find_spec("dagster") is None or find_spec("dagster_webserver") is None:
        error_console.print(
            "Dagster is not installed.\nhint: uv pip install 'medallion-platform[dagster]', or in a checkout: "
            "make dagster",
            style="red", markup=False, soft_wrap=True,
        )  # fmt: skip
        raise typer.Exit(ExitCode.USAGE)
    from medallion.orchestrators.dagster.instance import prepare

    folder = (dags or default_dags()).resolve()
    home = Path(os.environ.get("DAGSTER_HOME") or state_folder() / "dagster").resolve()
    pools = prepare(home, folder)
    told = ", ".join(f"{pool}: {limit}" for pool, limit in pools.items()) or "none"
    console.print(f"limits of tenants, in steps at once: {told}", markup=False)
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
