"""What the ways by hand share: the words of the sample data, the table, COPY, and the key."""

from __future__ import annotations

import os

import psycopg

MISSING = {"", "N/A", "n/a", "null", "unknown", "?"}
PAYMENTS = {"Cahs": "Cash", "Creditt Card": "Credit Card", "Paypal": "PayPal", "Debit": "Debit Card"}
STORES = {"online": "Online", "in-store": "In-store", "in store": "In-store"}
WORDS = {"one": "1", "two": "2", "three": "3"}
TABLE = """create table reference (transaction_id text, customer_id text, transaction_date date, product_id text,
    product_name text, category text, quantity bigint, price numeric(14, 2), tax numeric(14, 2),
    payment_method text, store text, discount boolean, total numeric(14, 2))"""


def copy_into_table(cleaned: str) -> None:
    """Loads a clean file."""
    with psycopg.connect("") as connection:
        connection.execute(TABLE)
        with (
            open(cleaned, "rb") as file,  # noqa: PTH123
            connection.cursor().copy("copy reference from stdin with (format csv, header)") as copy,
        ):
            while data := file.read(1 << 20):
                copy.write(data)
        connection.execute("alter table reference add primary key (transaction_id)")
    os.unlink(cleaned)  # noqa: PTH108
