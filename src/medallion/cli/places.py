"""Where the command line finds things: the DAG folder and the folder of its own state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DagsOption = Annotated[
    Path,
    typer.Option("--dags", envvar="MEDALLION_DAGS", help="The folder that holds pipelines/, jobs/ and contracts/."),
]


def default_dags() -> Path:
    """`MEDALLION_DAGS`; else the nearest `dags`, from here upwards, that has pipelines or jobs; else this package's."""
    if given := os.environ.get("MEDALLION_DAGS"):
        return Path(given)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / "dags" / below).is_dir() for below in ("pipelines", "jobs")):
            return folder / "dags"
    return Path(__file__).resolve().parents[2]


def state_folder() -> Path:
    """Where the embedded Postgres, reports and caches live: `MEDALLION_HOME`, or `.medallion` here."""
    return Path(os.environ.get("MEDALLION_HOME", ".medallion")).resolve()
