"""The reference systems' way: pandas, a Python function per column, a cleaned CSV, then COPY and the key."""

from __future__ import annotations

import sys
from datetime import datetime

import pandas as pd
from peer import MISSING, PAYMENTS, STORES, WORDS, copy_into_table

YES, NO = {"true", "yes", "y", "1"}, {"false", "no", "n", "0"}


def text(value):
    value = str(value).strip()
    return None if value in MISSING else value


def identity(value):
    value = text(value)
    return value.upper() if value else None


def title(value):
    value = text(value)
    return " ".join(value.split()).title() if value else None


def money(value):
    value = text(value)
    if value is None:
        return None
    value = value.replace("$", "").replace("€", "").replace(",", "").strip()
    if value.startswith("(") and value.endswith(")"):
        value = "-" + value[1:-1]
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number >= 0 else None


def pieces(value):
    value = text(value)
    if value is None:
        return None
    try:
        number = int(WORDS.get(value.lower(), value))
    except ValueError:
        return None
    return number if number >= 1 else None


def day(value):
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(str(value).strip(), pattern).date().isoformat()
        except ValueError:
            continue
    return None


def payment(value):
    value = title(value)
    return PAYMENTS.get(value, value)


def store(value):
    value = text(value)
    return STORES.get(value.lower()) if value else None


def flag(value):
    value = (text(value) or "").lower()
    return True if value in YES else False if value in NO else None


CLEANERS = {
    "transaction_id": identity,
    "customer_id": identity,
    "transaction_date": day,
    "product_id": identity,
    "product_name": title,
    "category": title,
    "quantity": pieces,
    "price": money,
    "tax": money,
    "payment_method": payment,
    "store": store,
    "discount": flag,
}
REQUIRED = ["transaction_id", "customer_id", "transaction_date", "quantity", "price"]


def main(source: str, cleaned: str) -> None:
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    for name, function in CLEANERS.items():
        frame[name] = frame[name].apply(function)
    frame = frame.dropna(subset=REQUIRED).drop_duplicates("transaction_id")
    frame["quantity"] = frame["quantity"].astype(int)
    frame["total"] = (frame["price"] * frame["quantity"]).round(2)
    frame.to_csv(cleaned, index=False)
    copy_into_table(cleaned)


if __name__ == "__main__":
    main(*sys.argv[1:])
