"""Where a team's files are: the DAG folder, and the dbt project inside it."""

from __future__ import annotations

import os
from pathlib import Path


def default_dags() -> Path:
    """Return `MEDALLION_DAGS`; else the nearest `dags`, from here upwards, that has pipelines or jobs; else `dags`."""
    if given := os.environ.get("MEDALLION_DAGS"):
        return Path(given)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / "dags" / below).is_dir() for below in ("pipelines", "jobs")):
            return folder / "dags"
    return here / "dags"


def chosen_runner_file() -> Path | None:
    """Return `MEDALLION_RUNNER_CONFIG`: the one runner file to read, as `medallion start` chooses it."""
    given = os.environ.get("MEDALLION_RUNNER_CONFIG")
    return Path(given) if given else None


def dbt_project(dags: Path | None = None, folder: str = "dbt") -> Path:
    """Return a dbt project: `MEDALLION_DBT_PROJECT`, or a folder in the DAG folder."""
    given = os.environ.get("MEDALLION_DBT_PROJECT")
    return Path(given) if given else (dags or default_dags()) / folder
