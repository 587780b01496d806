"""`medallion lint`: everything that is wrong with what people wrote, one line a diagnostic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.places import DagsOption
from medallion.config.catalog import iter_pipelines
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.places import default_dags
from medallion.lint.checks import lint_file, lint_folder


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Pipeline, contract, job or runner files; by default all of the DAG folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnostics as JSON.")] = False,
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
            found = sorted({one for path in files for one in lint_file(path)})
        else:
            folder = dags or default_dags()
            found = sorted({*lint_folder(folder), *_lint_dbt(folder)})
    except ConfigError as error:  # the DAG folder itself
        found = list(error.diagnostics)
    if as_json:
        typer.echo(json.dumps([diagnostic.as_dict() for diagnostic in found], indent=2))
    else:
        for diagnostic in found:
            typer.echo(str(diagnostic))
    raise typer.Exit(1 if any(strict or diagnostic.severity == "error" for diagnostic in found) else 0)


def _lint_dbt(dags: Path) -> list[Diagnostic]:
    files = [named.file for named in iter_pipelines(dags) if named.file is not None]
    if not any(file.pipeline.layers for file in files):
        return []
    try:
        from medallion.dbt.lint import lint_projects
    except ImportError:  # the pre-commit hook and Airflow's image have no dbt
        return []
    return lint_projects(files, dags, whole=True)
