"""The command line: one verb, one module."""

from __future__ import annotations

import typer

from medallion.cli import catalogue, demo, history, lint, rollback, run, sample, schema

app = typer.Typer(
    name="medallion",
    help="Clean, load, model, test and publish data: one YAML file per pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("history")(history.history)
app.command("rollback")(rollback.rollback)
app.command("list")(catalogue.list_pipelines)
app.command("describe")(catalogue.describe)
app.command("lint")(lint.lint)
app.command("schema")(schema.schema)
app.command("sample")(sample.sample)


def main() -> None:
    """Entry point of the `medallion` command."""
    app()
