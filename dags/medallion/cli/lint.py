"""`medallion lint`: everything that is wrong with what people wrote, one line a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.places import DagsOption, default_dags
from medallion.spec.lint import of_file, of_folder


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Pipeline, contract, job or runner files; by default all of the DAG folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Check pipelines, contracts, jobs and runner files; exit with 1 if anything is wrong. Warnings do not count."""
    found = sorted({one for path in files for one in of_file(path)}) if files else of_folder(dags or default_dags())
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in found], indent=2))
    else:
        for finding in found:
            typer.echo(str(finding))
    raise typer.Exit(1 if any(finding.severity == "error" for finding in found) else 0)
