"""A step that runs again in its own run, and what readers see meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medallion.config.retention import Retention
from medallion.warehouse import builds, carry, ledger, publication, retention
from medallion.warehouse.connection import Connection
from medallion.warehouse.ledger import StepRun

STEP = StepRun("orders", "one", "gold", "gold")


@pytest.fixture
def ready(warehouse: Connection) -> Connection:
    ledger.ensure(warehouse)
    return warehouse


def build(connection: Connection, number: int, step: StepRun = STEP, *, fresh: bool = True) -> str:
    name = builds.start(connection, "gold", step, fresh=fresh)
    connection.execute(f"create table {name}.sales as select {number} as number")  # type: ignore[arg-type]
    return name


def publish(connection: Connection, name: str) -> None:
    with connection.transaction():
        publication.publish(connection, "gold", name, ["sales"])
    retention.prune(connection, STEP, Retention(builds=2))


def test_repeated_layer_leaves_readers_and_views_alone(ready: Connection):
    publish(ready, build(ready, 1))
    ready.execute("create view public.of_a_reader as select number from gold.sales")
    seen = []
    for number in (2, 3, 4, 5):
        name = build(ready, number)
        seen += ready.execute("select number from public.of_a_reader").fetchall()
        publish(ready, name)
        seen += ready.execute("select number from public.of_a_reader").fetchall()
    assert seen == [(1,), (2,), (2,), (3,), (3,), (4,), (4,), (5,)]


def test_what_an_attempt_left_unpublished_is_gone_with_the_next(ready: Connection):
    first, second = build(ready, 1), build(ready, 2)
    left = ready.execute("select nspname from pg_namespace where nspname like 'gold\\_\\_%'").fetchall()
    assert (first != second, left) == (True, [(second,)])


def test_test_pod_continues_the_build_of_its_run_pod(ready: Connection):
    publish(ready, build(ready, 1, replace(STEP, step="gold.run")))
    again = build(ready, 2, replace(STEP, step="gold.run"))
    assert builds.start(ready, "gold", replace(STEP, step="gold.test"), fresh=False) == again


def test_two_runs_and_two_pipelines_never_share_a_build(ready: Connection):
    steps = [STEP, replace(STEP, run_id="two"), replace(STEP, pipeline="returns")]
    assert len({builds.start(ready, "gold", step, fresh=True) for step in steps}) == 3


def test_a_copy_has_what_its_table_has(ready: Connection):
    ready.execute("""
        create schema a; create schema "B";
        create unlogged table a."the things" (
            id int generated always as identity primary key, name text not null unique deferrable, age int check (age > 0),
            twice int generated always as (age * 2) stored, gone int);
        alter table a."the things" drop column gone;
        create unique index by_lower_name on a."the things" using btree (lower(name) desc) include (age) where age > 3;
        create index "by Age" on a."the things" using hash (age);
        comment on column a."the things".age is 'in years';
        insert into a."the things" (name, age) values ('x', 4), ('y', 5)""")
    ready.execute(carry.copying(ready, "B", "the things", "a"))  # type: ignore[arg-type]
    described = """
        select relpersistence, (select array_agg(t::text order by id) from {table} as t), col_description(pg_class.oid, 3), (
                select array_agg(replace(pg_get_indexdef(indexrelid), '{schema}.', '') order by pg_get_indexdef(indexrelid))
                from pg_index where indrelid = pg_class.oid), (
                select array_agg(conname || pg_get_constraintdef(oid) order by conname)
                from pg_constraint where conrelid = pg_class.oid)
        from pg_class where oid = '{table}'::regclass"""
    found = [
        ready.execute(described.format(table=f'{schema}."the things"', schema=schema)).fetchone()  # type: ignore[arg-type]
        for schema in ("a", '"B"')
    ]
    assert found[0] == found[1]
    assert found[0] is not None
    assert [len(part) for part in found[0][3:]] == [4, 5]  # type: ignore[arg-type]
