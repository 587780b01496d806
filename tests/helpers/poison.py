"""Rows that pass a data contract and must not reach readers: one for each layer of `dbt_transform`.

Each function changes one row of a landing folder's `adventureworks` tables and returns the name of the dbt test that
finds it. Each file is replaced at once and counts as delivered now.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

Row = dict[str, str]


def poison_bronze(landing: Path) -> str:
    """A line of an order names a product that there is not: its product is a foreign key to nothing."""
    _change(landing, "salesorderdetail", lambda row: {"productid": "999999"})
    return "order_lines_name_known_products"


def poison_silver(landing: Path) -> str:
    """A line has a discount of 150 %, so the shop would pay for selling it: every key is right, the business is not."""
    _change(landing, "salesorderdetail", lambda row: {"unitpricediscount": "1.5"})
    return "order_lines_are_sold_for_more_than_nothing"


def poison_gold(landing: Path) -> str:
    """An order is booked at 100 more than its lines come to. Alone it is in order; only the totals contradict."""
    _change(
        landing,
        "salesorderheader",
        lambda row: {name: str(Decimal(row[name]) + 100) for name in ("subtotal", "totaldue")},
    )
    return "lifetime_values_add_up_to_the_books"


POISONS: dict[str, Callable[[Path], str]] = {"bronze": poison_bronze, "silver": poison_silver, "gold": poison_gold}
"""The poison of each layer."""


def _change(landing: Path, table: str, change: Callable[[Row], Row]) -> None:
    path = landing / "adventureworks" / "sales" / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = min(rows, key=lambda row: int(row["salesorderid"]))
    first.update(change(first))
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    fresh.replace(path)
