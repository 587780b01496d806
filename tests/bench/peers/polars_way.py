"""polars by hand: lazy expressions for this one file, a cleaned CSV, then COPY and the key. No rejects are kept."""

from __future__ import annotations

import sys

import polars as pl
from peer import MISSING, PAYMENTS, STORES, WORDS, copy_into_table

DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y")


def text(name: str) -> pl.Expr:
    trimmed = pl.col(name).str.strip_chars()
    return pl.when(~trimmed.is_in(list(MISSING))).then(trimmed)


def money(name: str) -> pl.Expr:
    bare = text(name).str.replace_all(r"[$€,\s]", "").str.replace(r"^\((.*)\)$", "-${1}")
    number = bare.cast(pl.Float64, strict=False)
    return pl.when(number >= 0).then(number.round(2))


def main(source: str, cleaned: str) -> None:
    pieces = text("quantity").str.to_lowercase().replace(WORDS).cast(pl.Int64, strict=False)
    flag = text("discount").str.to_lowercase()
    title = lambda name: text(name).str.replace_all(r"\s+", " ").str.to_titlecase()  # noqa: E731
    frame = pl.scan_csv(source, infer_schema=False).select(
        text("transaction_id").str.to_uppercase(),
        text("customer_id").str.to_uppercase(),
        pl.coalesce(text("transaction_date").str.to_date(day, strict=False) for day in DAYS).alias("day"),
        text("product_id").str.to_uppercase(),
        title("product_name"),
        title("category"),
        pl.when(pieces >= 1).then(pieces).alias("quantity"),
        money("price"),
        money("tax"),
        title("payment_method").replace(PAYMENTS),
        text("store").str.to_lowercase().replace_strict(STORES, default=None),
        pl.when(flag.is_in(["true", "yes", "y", "1"]))
        .then(True)
        .when(flag.is_in(["false", "no", "n", "0"]))
        .then(False),
    )
    frame = frame.with_columns((pl.col("price") * pl.col("quantity")).round(2).alias("total"))
    frame = frame.drop_nulls(["transaction_id", "customer_id", "day", "quantity", "price"])
    frame.unique("transaction_id", keep="first", maintain_order=True).sink_csv(cleaned)
    copy_into_table(cleaned)


if __name__ == "__main__":
    main(*sys.argv[1:])
