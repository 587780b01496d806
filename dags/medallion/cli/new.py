"""`medallion new`: a file to start from, commented and valid as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.places import DagsOption, default_dags
from medallion.cli.show import console, error_console
from medallion.cli.templates import CONTRACT, ERRORS_STUB, JOB, PIPELINE, RUNNER, RUNNER_STUB, SCHEDULE, STUB
from medallion.failures import ExitCode
from medallion.spec.connectors import CONNECTORS
from medallion.spec.entries import runner_files
from medallion.spec.infer import NotTabular, contract_text, guess

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,62}"
TENANT = r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?"

app = typer.Typer(no_args_is_help=True, help="Write a file to start from, commented and valid as it is.")
Name = Annotated[str, typer.Argument(help="Its name: a letter, then letters, digits, `_` and `-`.")]
From = Annotated[
    Path | None,
    typer.Option("--from", exists=True, dir_okay=False, help="A CSV file to guess the contract's columns from."),
]


@app.command("contract")
def new_contract(name: Name, source: From = None, dags: DagsOption = None) -> None:  # type: ignore[assignment]
    """Write a data contract, guessed from a file's header and first rows if there is one.

    Example: medallion new contract orders --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    folder = dags or default_dags()
    path = folder / "contracts" / f"{name}.yaml"
    if path.exists():
        _refuse(f"{path} is there already", "choose another name, or edit it")
    _write(path, _contract(name, source))


@app.command("pipeline")
def new_pipeline(name: Name, source: From = None, dags: DagsOption = None) -> None:  # type: ignore[assignment]
    """Write a pipeline, its DAG file, and its contract if there is none of that name.

    Example: medallion new pipeline orders --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    folder = dags or default_dags()
    path = folder / "pipelines" / f"{name}.yaml"
    if path.exists():
        _refuse(f"{path} is there already", "choose another name, or edit it")
    _contract_if_missing(folder, name, source)
    _write(path, PIPELINE.format(name=name, file=source.name if source else f"{name}.csv"))
    _write(folder / f"{name}.py", STUB)
    _next(f"medallion run {name}" + (f" --input {source}" if source else ""))


@app.command("job")
def new_job(
    name: Name,
    tenant: Annotated[str, typer.Option(help="Whose job it is; the folder below jobs/.")],
    source: From = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Write a job of a tenant, its contract if there is none, and the runner file if there is none.

    Example: medallion new job orders --tenant acme --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    _check(tenant, TENANT)
    folder = dags or default_dags()
    path = folder / "jobs" / tenant / f"{name}.yaml"
    if path.exists():
        _refuse(f"{path} is there already", "choose another name, or edit it")
    _contract_if_missing(folder, name, source)
    file = source.name if source else f"{name}.csv"
    _write(path, JOB.format(name=name, tenant=tenant, file=file, connectors=", ".join(CONNECTORS)))
    schedule = SCHEDULE.format(name=f"{tenant}_{name}".replace("-", "_"), config=f"jobs/{tenant}/{name}.yaml")
    if found := runner_files(folder):
        console.print(f"add a schedule to {found[0]}:\n\n{schedule}", markup=False, soft_wrap=True)
        return
    _write(folder / "runner.yaml", RUNNER + schedule)
    for stub, text in (("runner.py", RUNNER_STUB), ("runner_errors.py", ERRORS_STUB)):
        if not (folder / stub).exists():
            _write(folder / stub, text)
    _next(f"medallion run {tenant}_{name}".replace("-", "_") + (f" --input {source}" if source else ""))


def _contract_if_missing(folder: Path, name: str, source: Path | None) -> None:
    path = folder / "contracts" / f"{name}.yaml"
    if not path.exists():
        _write(path, _contract(name, source))


def _contract(name: str, source: Path | None) -> str:
    if source is None:
        return CONTRACT.format(name=name, table=re.sub(r"[^a-z0-9_]", "_", name.lower()))
    try:
        return contract_text(name, guess(source), source.name)
    except NotTabular as error:
        _refuse(str(error), "write the contract without --from")
        raise


def _check(word: str, pattern: str) -> None:
    if not re.fullmatch(pattern, word):
        _refuse(f"{word!r} is no name", f"write one that matches {pattern}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.print(f"wrote {path}", markup=False, soft_wrap=True)


def _next(command: str) -> None:
    console.print(f"next: {command}", markup=False, soft_wrap=True)


def _refuse(message: str, remedy: str) -> None:
    error_console.print(f"{message} — {remedy}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(ExitCode.USAGE)
