"""`medallion new`: a file to start from, commented and valid as it is."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.console import console, refuse
from medallion.cli.places import DagsOption
from medallion.cli.templates import CONTRACT, JOB, PIPELINE, RUNNER, SCHEDULE
from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError
from medallion.config.job import Job
from medallion.config.load_runner import runner_files
from medallion.config.pipeline import Pipeline
from medallion.config.places import default_dags
from medallion.config.retry import RetryConfig
from medallion.config.sources import CONNECTORS
from medallion.config.yaml_loader import load, parse
from medallion.errors import StepFailure
from medallion.infer.text import flow, plain, table_name

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,54}"
"""As in a pipeline's name, but short enough for a table."""
TENANT = r"[a-z]([a-z0-9-]{0,29}[a-z0-9])?"

app = typer.Typer(no_args_is_help=True, help="Write a file to start from, commented and valid as it is.")
Name = Annotated[str, typer.Argument(help="Its name: a letter, then letters, digits, `_` and `-`, at most 55.")]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        dir_okay=False,
        help="A file to guess the contract from: CSV, JSON lines, Parquet, Excel or text of fixed widths. The guess "
        "reads all of it, and is proved by cleaning it.",
    ),
]
HeaderRow = Annotated[
    int | None, typer.Option("--header-row", min=0, help="The line of the file that names its columns; 0: none does.")
]

Encoding = Annotated[
    str | None, typer.Option("--encoding", help="The encoding of the file's text, such as cp1252; by default found.")
]
Sheet = Annotated[
    str | None,
    typer.Option("--sheet", help="The sheet of a workbook, by its name; by default the first that is not hidden."),
]


@app.command("contract")
def new_contract(
    name: Name,
    source: From = None,
    header_row: HeaderRow = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Write a data contract, guessed from a whole file if there is one.

    Example: medallion new contract orders --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    folder = dags or default_dags()
    path = folder / "contracts" / f"{name}.yaml"
    _check_free(path)
    _write({path: _contract(folder, name, source, header_row, encoding, sheet)})


@app.command("pipeline")
def new_pipeline(
    name: Name,
    source: From = None,
    header_row: HeaderRow = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Write a pipeline, and its contract if no contract has that name.

    Example: medallion new pipeline orders --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    folder = dags or default_dags()
    path = folder / "pipelines" / f"{name}.yaml"
    _check_free(path)
    files = _contract_if_missing(folder, name, source, header_row, encoding, sheet)
    text = PIPELINE.format(name=plain(name), folder=name, file=_path(name, source), codes=_codes())
    parse(text, Pipeline, str(path))
    _write({**files, path: text})
    _next(name, source)


@app.command("job")
def new_job(
    name: Name,
    tenant: Annotated[str, typer.Option(help="The tenant that owns the job: the folder below jobs/.")],
    source: From = None,
    header_row: HeaderRow = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    dags: DagsOption = None,  # type: ignore[assignment]
) -> None:
    """Write a job of a tenant, and its contract and the runner file if they do not exist yet.

    Example: medallion new job orders --tenant acme --from ~/Downloads/orders.csv
    """
    _check(name, NAME)
    _check(tenant, TENANT)
    folder = dags or default_dags()
    path = folder / "jobs" / tenant / f"{name}.yaml"
    _check_free(path)
    files = _contract_if_missing(folder, name, source, header_row, encoding, sheet)
    text = JOB.format(
        name=plain(name), folder=name, tenant=plain(tenant), file=_path(name, source), codes=_codes(),
        connectors=", ".join(CONNECTORS),
    )  # fmt: skip
    parse(text, Job, str(path))
    schedule_name = f"{tenant}_{name}".replace("-", "_")
    schedule = SCHEDULE.format(name=schedule_name, config=f"jobs/{tenant}/{name}.yaml")
    files[path] = text
    if found := runner_files(folder):
        _write(files)
        console.print(f"add a schedule to {found[0]}:\n\n{schedule}", markup=False, soft_wrap=True)
        return
    files[folder / "runner.yaml"] = RUNNER + schedule
    _write(files)
    _next(schedule_name, source)


def _contract_if_missing(
    folder: Path, name: str, source: Path | None, header_row: int | None, encoding: str | None, sheet: str | None
) -> dict[Path, str]:
    """Return the contract to write; one that is there already stays, and must load the file."""
    path = folder / "contracts" / f"{name}.yaml"
    if not path.exists():
        return {path: _contract(folder, name, source, header_row, encoding, sheet)}
    if source is None:
        return {}
    # polars takes a moment to import, which only a guess needs.
    from medallion.cleaner.outcome import refusal
    from medallion.infer.proof import prove

    try:
        contract = load(path, Contract)
        proof = prove(contract, source)
    except ConfigError as error:
        refuse(str(error), "correct it, or choose another name")
    except StepFailure as failure:
        refuse(f"{path} is there already and does not load {source}: {failure.message}", failure.remedy)
    if refused := refusal(contract, proof.counts, source.name):
        refuse(f"{path} is there already and does not load {source}: {refused[0]}", "choose another name, or edit it")
    console.print(f"{path} is there already and stays; {source.name}: {proof}", markup=False, soft_wrap=True)
    return {}


def _contract(
    folder: Path, name: str, source: Path | None, header_row: int | None, encoding: str | None, sheet: str | None
) -> str:
    table = table_name(name)
    for path in sorted((folder / "contracts").glob("*.yaml")):
        if _table(path) == table:
            refuse(f"{path} loads the table {table} already", "choose another name: each load replaces its table")
    if source is None:
        return CONTRACT.format(name=plain(name), table=table)
    from medallion.infer.proof import proved_contract
    from medallion.infer.refusal import NotTabular

    try:
        text, proof = proved_contract(name, source, header_row, encoding, sheet)
    except NotTabular as error:
        message, _, remedy = str(error).rpartition(" — ")
        refuse(message, remedy)
    console.print(f"{source.name}: {proof}", markup=False, soft_wrap=True)
    for line in proof.first:
        console.print(f"  rejected: {line}", markup=False, soft_wrap=True)
    return text


def _table(contract: Path) -> str | None:
    try:
        return load(contract, Contract).table
    except ConfigError:
        return None  # lint says what is wrong with it


def _path(name: str, source: Path | None) -> str:
    """The file as a path of the landing volume: what stands for itself there, not for all files that match."""
    file = glob.escape(source.name) if source else f"{name}.csv"
    return file if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*\.csv(\.gz)?", file) else flow(file)


def _codes() -> str:
    return ", ".join(str(code) for code in RetryConfig().retryable_exit_codes)


def _check(word: str, pattern: str) -> None:
    if not re.fullmatch(pattern, word):
        refuse(f"invalid name {word!r}", f"write one that matches {pattern}")


def _check_free(path: Path) -> None:
    if path.exists():
        refuse(f"{path} is there already", "choose another name, or edit it")


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        console.print(f"wrote {path}", markup=False, soft_wrap=True)


def _next(name: str, source: Path | None) -> None:
    console.print(
        f"next: medallion run {name}" + (f" --input {source}" if source else ""), markup=False, soft_wrap=True
    )
