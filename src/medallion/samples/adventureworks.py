"""A made-up bicycle maker in the shape of AdventureWorks: fifteen tables with consistent keys, and their dirt.

All names are invented. What real exports do is in it: UTF-8 that was read as Windows-1252, blanks behind codes, gaps
(persons and addresses that are pointed at and not there), rows beyond repair, and lines of orders yet to come.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from medallion.samples.words import (  # fmt: skip
    CARDS,
    CATEGORIES,
    CITIES,
    COLORS,
    COUNTRIES,
    FAMILY_NAMES,
    GIVEN_NAMES,
    REASONS,
    STATES,
    STORES,
)

Row = dict[str, object]
FIRST_DAY = date(2024, 1, 1)
DAYS = 366
FIRST_ORDER = 43_000
LATE_LINES = 4
"""Lines whose order is only in the next export."""
_UNIT = Decimal("0.0001")


def write_adventureworks(landing: Path, orders: int = 300, seed: int = 7) -> Path:
    """Write `adventureworks/<schema>/<table>.csv` below a landing folder.

    The same number of orders and seed give the same bytes.

    Args:
        landing: The landing folder. Each file is replaced at once, so that no reader sees half of it.
        orders: How many orders, with one to five lines each.
        seed: Of the random numbers.

    Returns:
        The folder that holds the tables.
    """
    folder = landing / "adventureworks"
    for name, rows in adventureworks(orders, seed).items():
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.part")
        with fresh.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(path)
    return folder


def adventureworks(orders: int, seed: int) -> Mapping[str, list[Row]]:
    """Return the tables' rows by `<schema>/<table>`; every row of a table has the same columns."""
    maker = _Maker(random.Random(seed))
    maker.places()
    maker.catalogue()
    maker.people(max(orders // 3, 40))
    maker.sales(orders)
    maker.calendar()
    return maker.tables


@dataclass
class _Maker:
    chance: random.Random
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def places(self) -> None:
        self._add(
            "person/countryregion", ({"countryregioncode": code, "name": _misread(name)} for code, name in COUNTRIES)
        )
        self._add(
            "person/stateprovince",
            (
                {"stateprovinceid": number, "stateprovincecode": f"{code:<3}", "countryregioncode": country,
                 "isonlystateprovinceflag": "f", "name": _misread(name), "territoryid": territory,
                 "rowguid": self._guid()}
                for number, (code, country, territory, name) in enumerate(STATES, 1)
            ),
            stamp="2024-02-08 10:17:21.587",
        )  # fmt: skip

    def catalogue(self) -> None:
        kinds = [(category, kind) for category, names in CATEGORIES.items() for kind in names]
        numbers = {category: number for number, category in enumerate(CATEGORIES, 1)}
        named = ({"productcategoryid": number, "name": name} for name, number in numbers.items())
        self._add("production/productcategory", named)
        self._add(
            "production/productsubcategory",
            (
                {"productsubcategoryid": number, "productcategoryid": numbers[category], "name": kind}
                for number, (category, kind) in enumerate(kinds, 1)
            ),
        )
        self._add(
            "production/product", (self._product(number, kinds) for number in range(1, 41)), "2024-02-08 10:01:36.827"
        )

    def _product(self, number: int, kinds: list[tuple[str, str]]) -> Row:
        part = number <= 6  # parts are in no subcategory and not for sale
        place = number % len(kinds)
        color = self.chance.choice(COLORS)
        price = Decimal(0) if part else Decimal(self.chance.randrange(900, 240_000)) / 100
        name = f"Spare Part {number}" if part else f"{kinds[place][1]} {color or 'Plain'} {number}"
        return {
            "productid": number, "name": name, "productnumber": f"P-{number:04}", "makeflag": self.chance.choice("tf"),
            "finishedgoodsflag": "f" if part else "t", "color": color, "safetystocklevel": 100, "reorderpoint": 75,
            "standardcost": (price * Decimal("0.6")).quantize(_UNIT), "listprice": price, "weight": "", "class": "",
            "weightunitmeasurecode": "", "daystomanufacture": 1,
            "productline": self.chance.choice(("R ", "M ", "T ", "")),
            "productsubcategoryid": "" if part else place + 1, "productmodelid": "",
            "sellstartdate": "2023-05-31 00:00:00", "rowguid": self._guid(),
        }  # fmt: skip

    def people(self, customers: int) -> None:
        self._add("sales/creditcard", (
            {"creditcardid": number, "cardtype": self.chance.choice(CARDS), "expmonth": self.chance.randrange(1, 13),
             "expyear": self.chance.randrange(2026, 2030), "cardnumber": self.chance.randrange(10**13, 10**14)}
            for number in range(1, customers + 1)
        ))  # fmt: skip
        self._add("sales/store", (
            {"businessentityid": 900 + number, "storename": _misread(name) + " " * (number % 7 == 0),
             "salespersonid": 1 + number % 4}
            for number, name in enumerate(STORES)
        ))  # fmt: skip
        self._add("sales/customer", (
            {"customerid": 100 + number, "personid": 1000 + number, "territoryid": 1 + number % 4,
             "storeid": 900 + number // 3 % len(STORES) if number % 3 == 0 else ""}
            for number in range(customers)
        ), stamp=None)  # fmt: skip
        salespersons = [self._person(number, "SP") for number in range(1, 5)]
        # One person in nine is not exported; one row has an unknown kind.
        buyers = [self._person(1000 + n, "SC" if n % 3 == 0 else "IN") for n in range(customers) if n % 9 != 5]
        buyers[-1]["persontype"] = "??"
        self._add("person/person", [*salespersons, *buyers])
        there = [self._address(number) for number in range(1, customers + 1) if number % 11 != 3]
        self._add("person/address", [*there, dict(there[0])])

    def _person(self, number: int, kind: str) -> Row:
        pick = self.chance.choice
        return {
            "businessentityid": number, "persontype": kind, "namestyle": "f", "title": pick(("", "", "Ms.", "Mr.")),
            "firstname": _misread(pick(GIVEN_NAMES)), "middlename": pick(("", "", "J", "Lee", "R.")),
            "lastname": _misread(pick(FAMILY_NAMES)), "suffix": pick(("", "", "", "", "Jr.", "PhD")),
            "emailpromotion": self.chance.randrange(3), "rowguid": self._guid(),
        }  # fmt: skip

    def _address(self, number: int) -> Row:
        return {
            "addressid": number, "addressline2": "", "spatiallocation": "E6100000010C", "rowguid": self._guid(),
            "addressline1": f"{self.chance.randrange(1, 999)} {self.chance.choice(FAMILY_NAMES)} Street",
            "city": self.chance.choice(CITIES), "stateprovinceid": self.chance.randrange(1, len(STATES) + 1),
            "postalcode": f"{self.chance.randrange(10_000, 99_999)}",
        }  # fmt: skip

    def sales(self, count: int) -> None:
        names = ({"salesreasonid": n, "name": name, "reasontype": kind} for n, (name, kind) in enumerate(REASONS, 1))
        self._add("sales/salesreason", names)
        orders: list[Row] = []
        lines: list[Row] = []
        reasons: list[Row] = []
        for number in range(count):
            order = FIRST_ORDER + number
            customer = self.chance.choice(self.tables["sales/customer"])
            placed = FIRST_DAY + timedelta(days=number * DAYS // count)
            products = self.chance.sample(range(7, 41), self.chance.randrange(1, 6))
            to_store = customer["storeid"] != ""
            mine = [
                self._line(order, len(lines) + n, product, to_store, placed) for n, product in enumerate(products, 1)
            ]
            lines += mine
            orders.append(self._order(order, customer, placed, mine))
            chosen = self.chance.sample(range(1, len(REASONS) + 1), self.chance.choice((0, 1, 1, 2, 3)))
            reasons += [
                {"salesorderid": order, "salesreasonid": reason, "modifieddate": _midnight(placed)} for reason in chosen
            ]
        after = FIRST_DAY + timedelta(days=DAYS)
        lines += [
            self._line(FIRST_ORDER + count + n, len(lines) + n, 7, False, after) for n in range(1, LATE_LINES + 1)
        ]
        self._add("sales/salesorderheader", orders)
        self._add("sales/salesorderdetail", lines)
        self._add("sales/salesorderheadersalesreason", reasons)

    def _line(self, order: int, number: int, product: int, to_store: bool, placed: date) -> Row:
        quantity = self.chance.choice((1, 2, 4, 12, 20)) if to_store else 1
        discount = Decimal("0.05") if quantity > 15 else Decimal("0.02") if quantity > 10 else Decimal(0)
        price = Decimal(str(self.tables["production/product"][product - 1]["listprice"]))
        return {
            "salesorderid": order, "salesorderdetailid": number, "orderqty": quantity, "productid": product,
            "specialofferid": 2 if discount else 1, "unitpricediscount": discount, "rowguid": self._guid(),
            "unitprice": (price * (Decimal("0.58337") if to_store else 1)).quantize(_UNIT, ROUND_HALF_UP),
            "modifieddate": _midnight(placed),
        }  # fmt: skip

    def _order(self, order: int, customer: Row, placed: date, lines: list[Row]) -> Row:
        subtotal = sum(map(net_amount, lines), Decimal(0)).quantize(_UNIT, ROUND_HALF_UP)
        tax, freight = (
            (subtotal * share).quantize(_UNIT, ROUND_HALF_UP) for share in (Decimal("0.08"), Decimal("0.025"))
        )
        online = customer["storeid"] == ""
        account = int(str(customer["customerid"])) - 99
        return {
            "salesorderid": order, "revisionnumber": 8, "orderdate": _midnight(placed),
            "duedate": _midnight(placed, 12), "shipdate": _midnight(placed, 7), "status": 5,
            "onlineorderflag": "t" if online else "f",
            "accountnumber": f"10-4020-{account:06}", "customerid": customer["customerid"],
            "salespersonid": "" if online else self.chance.randrange(1, 5), "territoryid": customer["territoryid"],
            "billtoaddressid": account, "shiptoaddressid": account, "shipmethodid": 1 if online else 5,
            "creditcardid": account if self.chance.random() < 0.9 else "", "creditcardapprovalcode": "",
            "currencyrateid": "",
            "subtotal": subtotal, "taxamt": tax, "freight": freight, "totaldue": subtotal + tax + freight,
            "rowguid": self._guid(), "modifieddate": _midnight(placed, 7),
        }  # fmt: skip

    def calendar(self) -> None:
        days = (FIRST_DAY + timedelta(days=number) for number in range(DAYS))
        self._add("date/date", (
            {"date_day": day, "prior_date_day": day - timedelta(days=1), "next_date_day": day + timedelta(days=1),
             "prior_year_date_day": day - timedelta(days=365),
             "prior_year_over_year_date_day": day - timedelta(days=364),
             "day_of_week": day.isoweekday(), "day_of_week_name": f"{day:%A}", "day_of_month": day.day,
             "day_of_year": day.timetuple().tm_yday}
            for day in days
        ), stamp=None)  # fmt: skip

    def _add(self, table: str, rows: Iterable[Row], stamp: str | None = "2024-04-30 00:00:00") -> None:
        stamped = {} if stamp is None else {"modifieddate": stamp}
        self.tables[table] = [{**stamped, **row} for row in rows]

    def _guid(self) -> str:
        digits = f"{self.chance.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def net_amount(line: Row) -> Decimal:
    """Return what a line is sold for, with all decimals."""
    quantity, price, discount = (Decimal(str(line[name])) for name in ("orderqty", "unitprice", "unitpricediscount"))
    return quantity * price * (1 - discount)


def _midnight(day: date, later: int = 0) -> str:
    return f"{datetime.combine(day, datetime.min.time()) + timedelta(days=later):%Y-%m-%d %H:%M:%S}"


def _misread(name: str) -> str:
    """UTF-8 as it looks when it is taken for Windows-1252."""
    return name.encode("utf-8").decode("cp1252")
