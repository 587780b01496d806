"""`medallion sample`: a file of made-up, dirty transactions to try things with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medallion.sample import write_sample


def sample(
    output: Annotated[Path, typer.Option(help="Where to write the CSV file.")] = Path(
        "landing/customer_transactions.csv"
    ),
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 7,
) -> None:
    """Write a sample of dirty customer transactions."""
    output.parent.mkdir(parents=True, exist_ok=True)
    write_sample(output, rows=rows, seed=seed)
    typer.echo(f"{rows:,} rows in {output}")
