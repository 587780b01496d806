"""The command line: one verb, one module."""

from __future__ import annotations

import typer

from medallion.cli import catalogue, dagster, demo, history, lint, new, rollback, run, sample, schema

app = typer.Typer(
    name="medallion",
    help="Clean, load, model, test and publish data: one YAML file per pipeline.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Begin with `medallion demo`, then `medallion new pipeline NAME --from YOUR.csv`.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
RUNS, FILES = "Runs", "Files"
for name, command, panel, example in (
    ("run", run.run, RUNS, "medallion run pipeline_customer_transaction --landing landing"),
    ("demo", demo.demo, RUNS, "medallion demo --rows 5000"),
    ("history", history.history, RUNS, "medallion history pipeline_customer_transaction"),
    ("rollback", rollback.rollback, RUNS, "medallion rollback pipeline_customer_transaction"),
    ("dagster", dagster.dagster, RUNS, "medallion dagster --dags examples/acme/dags --port 3000"),
    ("list", catalogue.list_pipelines, FILES, "medallion list --dags examples/acme/dags"),
    ("describe", catalogue.describe, FILES, "medallion describe pipeline_customer_transaction"),
    ("lint", lint.lint, FILES, "medallion lint --json"),
    ("schema", schema.schema, FILES, "medallion schema job > job.json"),
    ("sample", sample.sample, FILES, "medallion sample --rows 1000 --output landing/sales.csv"),
):
    app.command(name, rich_help_panel=panel, epilog=f"Example: `{example}`")(command)
app.add_typer(new.app, name="new", rich_help_panel=FILES)


def main() -> None:
    """Run the `medallion` command."""
    app()
