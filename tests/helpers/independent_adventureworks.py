"""The gold of `dbt_transform` computed a second time, by other means: plain Python and decimals, from the CSV files.

Nothing here uses Medallion, so that agreement means something.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

Row = dict[str, str]
CENT, BIT = Decimal("0.01"), Decimal("0.0001")


@dataclass
class Sales:
    """Sums of some lines."""

    orders: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    quantity: int = 0
    gross: Decimal = Decimal(0)
    discounts: Decimal = Decimal(0)
    net: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)


class Books:
    """The tables of a landing folder, and what follows from them."""

    def __init__(self, landing: Path) -> None:
        self._folder = landing / "adventureworks"
        self._orders = {row["salesorderid"]: row for row in self._read("sales/salesorderheader")}
        lines = self._read("sales/salesorderdetail")
        self._lines = [line for line in lines if line["salesorderid"] in self._orders]
        self.late_lines = len(lines) - len(self._lines)
        self.booked = sum((Decimal(order["subtotal"]) for order in self._orders.values()), Decimal(0))
        self._worth: dict[str, Decimal] = defaultdict(Decimal)
        for line in self._lines:
            self._worth[line["salesorderid"]] += _net(line)

    def cube(self) -> dict[tuple[int, int, date], Sales]:
        """Sums by territory, product and month."""
        costs = {row["productid"]: Decimal(row["standardcost"]) for row in self._read("production/product")}
        cube: dict[tuple[int, int, date], Sales] = defaultdict(Sales)
        for line in self._lines:
            order = self._orders[line["salesorderid"]]
            month = date.fromisoformat(order["orderdate"][:10]).replace(day=1)
            sums = cube[int(order["territoryid"]), int(line["productid"]), month]
            gross, quantity = Decimal(line["unitprice"]) * int(line["orderqty"]), int(line["orderqty"])
            sums.orders.add(line["salesorderid"])
            sums.customers.add(order["customerid"])
            sums.quantity += quantity
            sums.gross += gross
            sums.discounts += gross - _net(line)
            sums.net += _net(line)
            sums.cost += costs[line["productid"]] * quantity
        return cube

    def lifetime_values(self) -> dict[int, tuple[str, date, date, int, Decimal, Decimal]]:
        """By customer: name, first and last day, orders, value, and average to the cent."""
        orders: dict[str, list[Row]] = defaultdict(list)
        for order in self._orders.values():
            orders[order["customerid"]].append(order)
        names, found = self._names(), {}
        for customer, mine in orders.items():
            value = sum((self._value(order["salesorderid"]) for order in mine), Decimal(0))
            days = sorted(date.fromisoformat(order["orderdate"][:10]) for order in mine)
            average = (value / len(mine)).quantize(CENT, ROUND_HALF_UP)
            found[int(customer)] = (names[customer], days[0], days[-1], len(mine), value, average)
        return found

    def reasons(self) -> dict[int, tuple[int, Decimal, Decimal]]:
        """By reason, 0 for none: orders, their full worth, and the part put down to the reason."""
        named: dict[str, list[int]] = defaultdict(list)
        for row in self._read("sales/salesorderheadersalesreason"):
            named[row["salesorderid"]].append(int(row["salesreasonid"]))
        counts: Counter[int] = Counter()
        full: dict[int, Decimal] = defaultdict(Decimal)
        allocated: dict[int, Decimal] = defaultdict(Decimal)
        for order in self._orders:
            reasons, worth = sorted(named.get(order, [0])), self._value(order)
            part = (worth / len(reasons)).quantize(BIT, ROUND_HALF_UP)
            for place, reason in enumerate(reasons):
                counts[reason] += 1
                full[reason] += worth
                allocated[reason] += part if place else worth - part * (len(reasons) - 1)
        known = [0, *(int(row["salesreasonid"]) for row in self._read("sales/salesreason"))]
        return {reason: (counts[reason], full[reason], allocated[reason]) for reason in known}

    def _value(self, order: str) -> Decimal:
        return self._worth[order].quantize(BIT, ROUND_HALF_UP)

    def _names(self) -> dict[str, str]:
        persons = {
            row["businessentityid"]: _full_name(row) for row in self._read("person/person") if row["persontype"] != "??"
        }
        stores = {row["businessentityid"]: _meant(row["storename"].strip()) for row in self._read("sales/store")}
        return {
            row["customerid"]: stores.get(row["storeid"]) or persons.get(row["personid"], "Unknown")
            for row in self._read("sales/customer")
        }

    def _read(self, table: str) -> list[Row]:
        with (self._folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def _net(line: Row) -> Decimal:
    return Decimal(line["unitprice"]) * int(line["orderqty"]) * (1 - Decimal(line["unitpricediscount"]))


def _full_name(person: Row) -> str:
    middle = person["middlename"] + ("." if len(person["middlename"]) == 1 else "")
    parts = [person["title"], _meant(person["firstname"]), _meant(middle), _meant(person["lastname"])]
    return " ".join(part for part in parts if part) + (f", {person['suffix']}" if person["suffix"] else "")


def _meant(text: str) -> str:
    try:
        return text.encode("cp1252").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text
