"""The command line: one verb, one module.

`lint`, `list`, `describe` and `schema` need what the package always installs. A command whose extra is not installed is
listed all the same, and names the extra when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from medallion import __version__
from medallion.cli.extras import add_lacking, refuse
from medallion.errors import ExitCode

app = typer.Typer(
    name="medallion",
    help="Clean, load, model, test and publish data: one YAML file per pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Begin with `medallion demo`, then `medallion new pipeline NAME --from YOUR.csv`.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


RUNS, FILES = "Runs", "Files"
COMMANDS = (
    ("run", "run:run", RUNS, "medallion run pipeline_customer_transaction --landing landing"),
    ("demo", "demo:demo", RUNS, "medallion demo --rows 5000"),
    ("history", "history:history", RUNS, "medallion history pipeline_customer_transaction"),
    ("rejects", "rejects:rejects", RUNS, "medallion rejects pipeline_customer_transaction --csv rejects.csv"),
    ("replay", "replay:replay", RUNS, "medallion replay pipeline_customer_transaction --input corrected.csv"),
    ("rollback", "rollback:rollback", RUNS, "medallion rollback pipeline_customer_transaction"),
    ("adopt", "adopt:adopt", RUNS, "medallion adopt shop --dry-run"),
    ("query", "query:query", RUNS, "medallion query 'select * from gold.agg_monthly_sales limit 6'"),
    ("dagster", "dagster:dagster", RUNS, "medallion dagster --dags examples/acme/dags --port 3000"),
    ("start", "dagster:start", RUNS, "medallion start orchestrated --runner-config configs/runner.yaml"),
    ("init", "init:init", FILES, "medallion init analytics --dbt ~/jaffle_shop"),
    ("list", "catalogue:list_pipelines", FILES, "medallion list --dags examples/acme/dags"),
    ("describe", "catalogue:describe", FILES, "medallion describe pipeline_customer_transaction"),
    ("lint", "lint:lint", FILES, "medallion lint --json"),
    ("schema", "schema:schema", FILES, "medallion schema job > job.json"),
    ("sample", "sample:sample", FILES, "medallion sample --rows 1000 --output landing/sales.csv"),
)
"""Name, module and function, panel of `--help`, example."""


def _load(place: str) -> Callable[..., Any] | typer.Typer:
    module, name = place.split(":")
    loaded: Callable[..., Any] | typer.Typer = getattr(import_module(f"medallion.cli.{module}"), name)
    return loaded


def _epilog(name: str, example: str) -> str:
    codes = "".join(f"\n- {code}: {code.meaning}" for code in ExitCode) if name == "run" else ""
    return f"Example: `{example}`" + (f"\n\nExit codes:\n{codes}" if codes else "")


def _register() -> None:
    for name, place, panel, example in COMMANDS:
        options: dict[str, Any] = {"rich_help_panel": panel, "epilog": _epilog(name, example)}
        try:
            app.command(name, **options)(_load(place))
        except ModuleNotFoundError as error:
            add_lacking(app, name, error, options)
    try:
        app.add_typer(_load("new:app"), name="new", rich_help_panel=FILES)  # type: ignore[arg-type]
    except ModuleNotFoundError as error:
        add_lacking(app, "new", error, {"rich_help_panel": FILES})


_register()


def main() -> None:
    """Run the `medallion` command."""
    try:
        app()
    except ModuleNotFoundError as error:  # `new --from` reads its file by code of the extra
        refuse(error)
