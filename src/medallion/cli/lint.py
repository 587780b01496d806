"""`medallion lint`: everything that is wrong with what people wrote, one line a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.places import DagsOption
from medallion.config.catalog import everything
from medallion.config.diagnostics import Finding, SpecError
from medallion.config.places import dbt_project, default_dags
from medallion.lint.checks import of_file, of_folder


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Pipeline, contract, job or runner files; by default all of the DAG folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Check pipelines, contracts, jobs and runner files.

    Where dbt is installed, the whole folder is checked against the dbt project too: each test must belong to a layer.
    Exits with 0 if there is nothing or there are only warnings, with 1 if there are errors (with `--strict`:
    or warnings), and with 2 if the command line is wrong.
    """
    try:
        if files:
            found = sorted({one for path in files for one in of_file(path)})
        else:
            folder = dags or default_dags()
            found = sorted({*of_folder(folder), *_of_dbt(folder)})
    except SpecError as error:  # the DAG folder itself
        found = list(error.findings)
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in found], indent=2))
    else:
        for finding in found:
            typer.echo(str(finding))
    raise typer.Exit(1 if any(strict or finding.severity == "error" for finding in found) else 0)


def _of_dbt(dags: Path) -> list[Finding]:
    files = [named.file for named in everything(dags) if named.file is not None]
    if not any(file.pipeline.layers for file in files):
        return []
    try:
        from medallion.dbt.lint import findings_of
    except ImportError:  # the pre-commit hook and Airflow's image have no dbt
        return []
    return findings_of(files, dbt_project(dags), whole=True)
