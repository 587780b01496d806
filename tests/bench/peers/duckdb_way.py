"""DuckDB by hand: one query for this one file, a cleaned CSV, then COPY and the key. No rejects are kept."""

from __future__ import annotations

import sys

import duckdb
from peer import MISSING, PAYMENTS, STORES, WORDS, copy_into_table


def listed(words: object) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))  # type: ignore[call-overload]


def case(value: str, words: dict[str, str], otherwise: str) -> str:
    return (
        f"case {value} "
        + " ".join(f"when '{key}' then '{word}'" for key, word in words.items())
        + f" else {otherwise} end"
    )


def text(name: str) -> str:
    return f"case when trim({name}) not in ({listed(MISSING)}) then trim({name}) end"


def title(name: str) -> str:
    words = f"string_split(lower(regexp_replace({text(name)}, '\\s+', ' ', 'g')), ' ')"
    return f"array_to_string(list_transform({words}, lambda w: upper(w[1]) || w[2:]), ' ')"


def money(name: str) -> str:
    bare = f"regexp_replace(regexp_replace({text(name)}, '[$€,\\s]', '', 'g'), '^\\((.*)\\)$', '-\\1')"
    return f"(select case when n >= 0 then n end from (select try_cast({bare} as decimal(14, 2)) as n))"


def main(source: str, cleaned: str) -> None:
    pieces = f"lower({text('quantity')})"
    query = f"""
        with cleaned as (
            select upper({text("transaction_id")}) as transaction_id, upper({text("customer_id")}) as customer_id,
                coalesce(try_strptime(trim(transaction_date), '%Y-%m-%d'), try_strptime(trim(transaction_date), '%d/%m/%Y'),
                    try_strptime(trim(transaction_date), '%d.%m.%Y'))::date as day,
                upper({text("product_id")}) as product_id, {title("product_name")} as product_name,
                {title("category")} as category,
                try_cast({case(pieces, WORDS, pieces)} as bigint) as quantity,
                {money("price")} as price, {money("tax")} as tax,
                {case(title("payment_method"), PAYMENTS, title("payment_method"))} as payment_method,
                {case(f"lower({text('store')})", STORES, "null")} as store,
                case when lower({text("discount")}) in ('true', 'yes', 'y', '1') then true
                    when lower({text("discount")}) in ('false', 'no', 'n', '0') then false end as discount,
                row_number() over () as line
            from read_csv('{source}', all_varchar = true, header = true))
        select distinct on (transaction_id) * exclude (line), price * quantity as total from cleaned
        where transaction_id is not null and customer_id is not null and day is not null and quantity >= 1
            and price is not null
        order by transaction_id, line"""
    duckdb.execute("set memory_limit = '512MB'")
    duckdb.execute(f"copy ({query}) to '{cleaned}' (format csv, header)")
    copy_into_table(cleaned)


if __name__ == "__main__":
    main(*sys.argv[1:])
