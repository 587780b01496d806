"""`medallion lint`: everything that is wrong with pipelines and contracts, one line a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.places import default_dags
from medallion.spec.contract import Contract
from medallion.spec.findings import Finding, SpecError
from medallion.spec.project import load_pipeline, pipeline_files
from medallion.spec.source import load


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Pipeline or contract files; by default all of the DAG folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check pipeline files and contracts; exit with 1 if anything is wrong."""
    dags = default_dags()
    chosen = files or [*pipeline_files(dags), *sorted((dags / "contracts").glob("*.yaml"))]
    found = sorted({finding for path in chosen for finding in findings_of(path)})
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in found], indent=2))
    else:
        for finding in found:
            typer.echo(str(finding))
    raise typer.Exit(1 if found else 0)


def findings_of(path: Path) -> tuple[Finding, ...]:
    """What is wrong with one file: a contract if its folder is `contracts`, a pipeline otherwise."""
    try:
        if path.resolve().parent.name == "contracts":
            load(path, Contract)
        else:
            load_pipeline(path)
    except SpecError as error:
        return error.findings
    return ()
