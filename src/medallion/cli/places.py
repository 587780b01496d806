"""What the command line needs to find: the option of the DAG folder, and the folder of its own state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DagsOption = Annotated[
    Path,
    typer.Option("--dags", envvar="MEDALLION_DAGS", help="The folder that holds pipelines/, jobs/ and contracts/."),
]


def state_folder() -> Path:
    """Return where the embedded Postgres, reports and caches live: `MEDALLION_HOME`, or `.medallion` here."""
    return Path(os.environ.get("MEDALLION_HOME", ".medallion")).resolve()
