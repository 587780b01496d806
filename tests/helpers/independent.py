"""The retail export cleaned a second time, by other means: plain Python, written from what the contract says.

Nothing here uses Medallion, so that agreement means something.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

MISSING = {"", "N/A", "unknown", "UNKNOWN", "undefined", "error", "???", "$$$"}
FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y")


@dataclass(frozen=True)
class Sale:
    id: str
    customer: str
    product: str | None
    day: date
    quantity: int
    price: Decimal

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


def retail_sales(path: Path) -> tuple[list[Sale], int]:
    """The sales that the contract lets in, and the number of rows that it does not."""
    sales: dict[str, Sale] = {}
    rejected = 0
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sale = _sale({name: value.strip() for name, value in row.items()})
            if sale is None or sale.id in sales:
                rejected += 1
            else:
                sales[sale.id] = sale
    return list(sales.values()), rejected


def monthly(sales: list[Sale]) -> dict[str, tuple[int, int, int, Decimal, Decimal]]:
    """By month: sales, customers, pieces, total and average to the cent."""
    months: dict[str, list[Sale]] = defaultdict(list)
    for sale in sales:
        months[sale.day.replace(day=1).isoformat()].append(sale)
    result = {}
    for month, found in months.items():
        total = sum((sale.total for sale in found), Decimal(0))
        average = (total / len(found)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        customers = len({sale.customer for sale in found})
        result[month] = (len(found), customers, sum(sale.quantity for sale in found), total, average)
    return result


def by_product(sales: list[Sale]) -> dict[str, tuple[int, int, Decimal]]:
    """By product, UNKNOWN among them: sales, pieces, total."""
    products: dict[str, list[Sale]] = defaultdict(list)
    for sale in sales:
        products[sale.product or "UNKNOWN"].append(sale)
    return {
        product: (len(found), sum(s.quantity for s in found), sum((s.total for s in found), Decimal(0)))
        for product, found in products.items()
    }


def _sale(row: dict[str, str]) -> Sale | None:
    customer = re.sub(r"^CUST(\d+)$", r"CUST_\1", row["Customer ID"].upper())
    day = _day(row["Transaction Date"])
    quantity, price = row["Quantity"], row["Price Per Unit"]
    good = (
        re.fullmatch(r"TXN_\d+", row["Transaction ID"])
        and re.fullmatch(r"CUST_\d+", customer)
        and day is not None
        and date(2022, 1, 1) <= day <= date(2025, 12, 31)
        and re.fullmatch(r"\d+(\.0)?", quantity)
        and float(quantity) >= 1
        and re.fullmatch(r"\d+(\.\d{1,2})?", price)
    )
    if not good or day is None:
        return None
    names = {"Tableet": "Tablet", "Laptoppp": "Laptop", "PHON3": "Phone", "item_x": ""}
    product = names.get(row["Item"], row["Item"])
    return Sale(
        id=row["Transaction ID"],
        customer=customer,
        product=None if product in MISSING else product,
        day=day,
        quantity=int(float(quantity)),
        price=Decimal(price),
    )


def _day(text: str) -> date | None:
    for pattern in FORMATS:
        try:
            return datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None
