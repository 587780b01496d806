"""Made-up customer transactions, as dirty as exports are: for the demo, `make up` and tests."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

COLUMNS = (
    "transaction_id", "customer_id", "transaction_date", "product_id", "product_name", "category", "quantity", "price",
    "tax", "payment_method", "store", "discount",
)  # fmt: skip
_PRODUCTS = {
    "Beverages": ("Green Tea", "Espresso Beans", "Orange Juice", "Mineral Water"),
    "Bakery": ("Rye Bread", "Butter Croissant", "Cinnamon Roll", "Pretzel"),
    "Household": ("Dish Brush", "Laundry Soap", "Candle Set", "Paper Towels"),
    "Electronics": ("Desk Lamp", "Usb Cable", "Headphones", "Power Bank"),
    "Garden": ("Seed Mix", "Flower Pot", "Watering Can", "Hand Rake"),
}
_PAYMENTS = ("Cash", "Credit Card", "Debit Card", "Digital Wallet", "PayPal")

Row = list[str]


def write_sample(path: Path, rows: int = 20_000, seed: int = 7) -> None:
    """Write a CSV of the shape of the contract `customer_transactions`.

    The same rows and seed give the same bytes. About one row in twelve is beyond repair.

    Args:
        path: The file; replaced at once, so that no reader sees half of it.
        rows: Data rows.
        seed: Of the random numbers.
    """
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(sample_rows(rows, seed))
    fresh.replace(path)


def sample_rows(rows: int, seed: int) -> Iterator[Row]:
    """Yield the rows, dirt and all; columns are `COLUMNS`."""
    chance = random.Random(seed)
    catalogue = [(category, name) for category, names in _PRODUCTS.items() for name in names]
    previous: Row | None = None
    for number in range(rows):
        if previous is not None and chance.random() < 0.008:
            yield previous
            continue
        row = _row(chance, number, catalogue)
        if chance.random() < 0.35:
            chance.choice(_REPAIRABLE)(row, chance)
        if chance.random() < 0.07:
            chance.choice(_BEYOND_REPAIR)(row, chance)
        yield row
        previous = row


def _row(chance: random.Random, number: int, catalogue: list[tuple[str, str]]) -> Row:
    index = min(int(chance.expovariate(0.2)), len(catalogue) - 1)
    category, name = catalogue[index]
    price = round(1.5 + index * 2.75 + chance.randrange(200) / 100, 2)
    quantity = chance.choice((1, 1, 1, 2, 2, 3, 5))
    day = date(2025, 1, 1) + timedelta(days=chance.randrange(365))
    return [
        f"T{100_000 + number}", f"C{chance.randrange(1, 800)}", day.isoformat(), f"P{index + 1:03}", name, category,
        str(quantity), f"{price:.2f}", f"{price * quantity * 0.07:.2f}", chance.choice(_PAYMENTS),
        chance.choice(("Online", "In-store")), chance.choice(("true", "false", "yes", "no")),
    ]  # fmt: skip


def _set(column: str, change: Callable[[str, random.Random], str]) -> Callable[[Row, random.Random], None]:
    index = COLUMNS.index(column)

    def apply(row: Row, chance: random.Random) -> None:
        row[index] = change(row[index], chance)

    return apply


_REPAIRABLE = (
    _set("transaction_id", lambda value, _: f" {value.lower()} "),
    _set("customer_id", lambda value, _: value.lower()),
    _set("transaction_date", lambda value, _: "/".join(reversed(value.split("-")))),
    _set("transaction_date", lambda value, _: ".".join(reversed(value.split("-")))),
    _set("product_name", lambda value, _: value.upper().replace(" ", "  ")),
    _set("product_id", lambda _, chance: chance.choice(("", "N/A", "?"))),
    _set("category", lambda value, _: value.lower()),
    _set("quantity", lambda value, _: {"1": "one", "2": "Two", "3": "three"}.get(value, value)),
    _set("price", lambda value, _: f"${value}"),
    _set("price", lambda value, _: f"{value} €"),
    _set("payment_method", lambda _, chance: chance.choice(("Cahs", "creditt card", "DEBIT", "unknown"))),
    _set("store", lambda _, chance: chance.choice(("in store", "ONLINE", ""))),
    _set("discount", lambda _, chance: chance.choice(("Y", "N", "1", "0", ""))),
)
_BEYOND_REPAIR = (
    _set("transaction_id", lambda *_: ""),
    _set("customer_id", lambda *_: "unknown"),
    _set("customer_id", lambda value, _: value.replace("C", "customer ")),
    _set("transaction_date", lambda *_: "2025-02-30"),
    _set("transaction_date", lambda *_: "N/A"),
    _set("quantity", lambda value, _: f"-{value}"),
    _set("quantity", lambda *_: "a dozen"),
    _set("price", lambda *_: "two hundred"),
    _set("price", lambda value, _: f"({value})"),
    _set("payment_method", lambda *_: "barter"),
)
