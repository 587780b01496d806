"""`medallion init`: a team's own repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli import team
from medallion.cli.console import console, refuse
from medallion.config.dbt import DbtSettings
from medallion.config.diagnostics import ConfigError
from medallion.config.yaml_loader import parse
from medallion.errors import StepFailure
from medallion.infer.text import plain
from medallion.protocol.project_archive import PROJECT_FILE, files_of

_SOURCES = "sources:\n  - {name: sales, path: sales.csv, contract: sales} # landing/sales.csv\n"


def init(
    folder: Annotated[Path, typer.Argument(help="The folder of the repository; made if it is missing.")],
    dbt: Annotated[
        Path | None,
        typer.Option(
            "--dbt",
            exists=True,
            file_okay=False,
            help="A dbt project. One inside the folder stays in its place; another one is copied.",
        ),
    ] = None,
    variables: Annotated[
        str, typer.Option("--vars", help="dbt's `--vars` for the project, as YAML; the pipeline file gets them.")
    ] = "{}",
) -> None:
    """Write a repository: a pipeline, contracts, a dbt project, Makefile, CI and chart values.

    With `--dbt`, the pipeline's layers are guessed from the project: by its folders, names, and how deep a model is. So
    is the target's schema, if the project's seeds are its sources in one schema only.
    """
    folder = folder.absolute()
    if dbt is not None and not (dbt / PROJECT_FILE).is_file():
        refuse(f"{dbt} has no {PROJECT_FILE}", "name the folder of a dbt project")
    try:
        name, files = _of_project(dbt, _settings(variables)) if dbt else ("sales", _small())
    except StepFailure as failure:
        refuse(failure.message, failure.remedy)
    files |= {
        "README.md": team.README.format(title=folder.name, name=name),
        "Makefile": team.makefile(name),
        ".github/workflows/test.yaml": team.WORKFLOW,
        "values.yaml": team.VALUES.format(folder=folder.name),
        ".gitignore": team.GITIGNORE,
    }
    there = [path for path in files if (folder / path).exists() and path.startswith("dags/")]
    if there:
        refuse(f"{folder / there[0]} is there already", "choose another folder, or remove it")
    if dbt is not None:
        _place(dbt.absolute(), folder / "dags" / "dbt")
    for path, text in files.items():
        _write(folder / path, text)
    console.print(f"next: cd {folder} && medallion lint && medallion run {name}", markup=False, soft_wrap=True)


def _small() -> dict[str, str]:
    layers = "\n".join(
        team.LAYER.format(name=name, select=f'"path:models/{name}"', publish="")
        for name in ("bronze", "silver", "gold")
    )
    pipeline = team.PIPELINE.format(
        name="sales", schedule='schedule: {cron: "@daily"}\n', sources=_SOURCES, dbt="", layers=layers
    )
    return {
        "dags/pipelines/sales.yaml": pipeline,
        "dags/contracts/sales.yaml": team.CONTRACT,
        "landing/sales.csv": team.SAMPLE,
        **{f"dags/dbt/{name}": text for name, text in team.PROJECT.items()},
    }


def _settings(variables: str) -> DbtSettings:
    try:
        return parse(f"vars:\n{textwrap.indent(variables, '  ')}", DbtSettings, "--vars")
    except ConfigError as error:
        refuse(str(error), "write a map, such as --vars '{start_date: 2024-01-01}'")


def _of_project(dbt: Path, given: DbtSettings) -> tuple[str, dict[str, str]]:
    """Return the pipeline of a project, and its file."""
    from medallion.dbt.propose import propose

    proposal = propose(dbt, given)
    if not proposal.layers:
        refuse(f"the dbt project {dbt} has no model, seed or snapshot", "add one")
    for problem in proposal.problems:
        console.print(f"correct: {problem} — {problem.remedy}", style="yellow", markup=False, soft_wrap=True)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", proposal.project)[:55]
    name = name if re.match(r"[A-Za-z]", name) else f"project_{name}"
    last = proposal.layers[-1]
    layers = "\n".join(
        team.LAYER.format(
            name=layer.name, select=f'"{layer.select}"', publish=", publish: true" if layer is last else ""
        )
        for layer in proposal.layers
    )
    variables = f", vars: {json.dumps(given.vars)}" if given.vars else ""
    settings = f"dbt: {{schema: {proposal.settings.target_schema}{variables}}} # `target` and `project` are there too\n"
    pipeline = team.PIPELINE.format(name=plain(name), schedule="", sources="", dbt=settings, layers=layers)
    return name, {f"dags/pipelines/{name}.yaml": pipeline}


def _place(dbt: Path, place: Path) -> None:
    """Put a project where pipelines look for it: one inside the repository by a link, another one as a copy."""
    if dbt.resolve() == place.resolve():
        return
    if place.exists() or place.is_symlink():
        refuse(f"{place} is there already", "choose another folder, or remove it")
    place.parent.mkdir(parents=True, exist_ok=True)
    if dbt.resolve().is_relative_to(place.parent.parent.resolve()):
        place.symlink_to(os.path.relpath(dbt, place.parent))
        console.print(f"linked {place} to {dbt}", markup=False, soft_wrap=True)
        return
    for name, path in files_of(dbt):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / name)
    console.print(f"copied {dbt} to {place}", markup=False, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    if path.exists():
        console.print(f"{path} is there already and stays", markup=False, soft_wrap=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.print(f"wrote {path}", markup=False, soft_wrap=True)
