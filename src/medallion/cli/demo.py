"""`medallion demo`: the main job on sample data, with an embedded Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medallion.cli.console import console
from medallion.cli.places import state_folder
from medallion.cli.run import run_pipeline
from medallion.cli.show import show_rows
from medallion.orchestrators.local.report import Report
from medallion.samples.customer_transactions import write_sample
from medallion.warehouse.connection import Connection

PIPELINE = "pipeline_customer_transaction"


def demo(rows: Annotated[int, typer.Option(min=100, help="How many sample rows.")] = 20_000) -> None:
    """Run the customer-transactions pipeline on sample data, from dirty CSV to tested gold tables."""
    landing = state_folder() / "landing"
    source = landing / "customer_transactions.csv"
    landing.mkdir(parents=True, exist_ok=True)
    write_sample(source, rows=rows)
    console.print(f"{rows:,} made-up, dirty transactions in {source}", soft_wrap=True)
    code, _ = run_pipeline(PIPELINE, landing=landing, afterwards=_show_gold)
    if code == 0:
        _next_steps(source)
    raise typer.Exit(code)


def _show_gold(connection: Connection, report: Report) -> None:
    if report.status != "succeeded":
        return
    cursor = connection.execute(
        """select to_char(sales_month, 'YYYY-MM') as month, transaction_count as sales, customer_count as customers,
               total_sales, average_sale
           from gold.agg_monthly_sales order by sales_month desc limit 6"""
    )
    names = [column.name for column in cursor.description or ()]
    show_rows("gold.agg_monthly_sales, the latest months", names, cursor.fetchall())


def _next_steps(source: Path) -> None:
    console.print(
        f"""
What to try next:
  .venv/bin/medallion run {PIPELINE} --landing {source.parent}
      the same input again: the load says that nothing changed
  .venv/bin/medallion run {PIPELINE} --input YOUR.csv --contract YOUR.yaml
      your own file, under your own data contract (see dags/contracts/)
  .venv/bin/medallion describe {PIPELINE}
      what it becomes on Kubernetes
  make up
      the same pipeline on a kind cluster""",
        soft_wrap=True,
        markup=False,
    )
