"""Where the command line finds things: the DAG folder and the folder of its own state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DagsOption = Annotated[
    Path,
    typer.Option("--dags", envvar="MEDALLION_DAGS", help="The folder that holds pipelines/ and contracts/."),
]


def default_dags() -> Path:
    """The nearest folder, from here upwards, that has `dags/pipelines`; else this package's own."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dags" / "pipelines").is_dir():
            return folder / "dags"
    return Path(__file__).resolve().parents[2]


def state_folder() -> Path:
    """Where the embedded Postgres, reports and caches live: `MEDALLION_HOME`, or `.medallion` here."""
    return Path(os.environ.get("MEDALLION_HOME", ".medallion")).resolve()
