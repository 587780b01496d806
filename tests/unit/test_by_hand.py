"""Relations that SQL names by their schema: found where SQL has relations, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from medallion.dbt.by_hand import refuse_in_code
from medallion.errors import Misconfigured

RELATIONS = [("gold", "sales"), ("Gold", "Up per")]


def result(code: str) -> SimpleNamespace:
    return SimpleNamespace(node=SimpleNamespace(name="m", original_file_path="models/m.sql", compiled_code=code))


@pytest.mark.parametrize(
    "code",
    [
        "select * from gold.sales",
        "select * from silver.f as f, gold.sales",
        'select * from "db"."gold" . "sales"',
        'select * from "Gold"."Up per"',
        "select * from (gold.sales join y on true)",
        "select * from only gold.sales",
        "with a as (select 1), b as (select * from gold.sales) select * from b",
        "select * from a join b on a.x = b.x, lateral (select * from gold.sales) as y",
        "delete from x using gold.sales as s where true",
    ],
)
def test_a_relation_named_by_hand_is_refused(code: str):
    with pytest.raises(Misconfigured, match="by a name written by hand"):
        refuse_in_code([result(code)], RELATIONS)


@pytest.mark.parametrize(
    "code",
    [
        "select gold.sales, 1 from x as gold",
        "select f(gold.sales) from q",
        "select a from x where b in (select gold.sales from gold)",
        "select x from a order by b, gold.sales",
        "-- from gold.sales\nselect 'from gold.sales' /* from gold.sales */ from y",
        "select * from gold.sales_2, gold.sales$x",
        'select * from "db"."gold__1a2b3c4d"."sales"',
    ],
)
def test_what_is_not_such_a_relation_is_left_alone(code: str):
    refuse_in_code([result(code)], RELATIONS)
