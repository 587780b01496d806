"""`medallion sample`: made-up, dirty data to try things with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medallion.samples.adventureworks import write_adventureworks
from medallion.samples.customer_transactions import write_sample


class Kind(StrEnum):
    """What a sample is of."""

    transactions = "transactions"
    adventureworks = "adventureworks"


def sample(
    output: Annotated[
        Path | None,
        typer.Option(
            help="The CSV file of transactions, by default landing/customer_transactions.csv; or the landing folder "
            "of adventureworks, by default landing."
        ),
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="How many transactions (20000) or orders (300).")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 7,
    kind: Annotated[Kind, typer.Option(help="Customer transactions, or a bicycle maker's tables.")] = Kind.transactions,
) -> None:
    """Write a sample of dirty data."""
    if kind is Kind.adventureworks:
        orders = rows or 300
        folder = write_adventureworks(output or Path("landing"), orders, seed)
        typer.echo(f"{orders:,} orders in {folder}")
        return
    path, count = output or Path("landing/customer_transactions.csv"), rows or 20_000
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sample(path, rows=count, seed=seed)
    typer.echo(f"{count:,} rows in {path}")
