"""A step that runs again in its own run, and what readers see meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from medallion.config.retention import Retention
from medallion.errors import Misconfigured
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
    added = """insert into "B"."the things" (name) values ('z') returning id"""
    assert ready.execute(added).fetchone() == (3,)


@pytest.fixture
def role(ready: Connection) -> Iterator[str]:
    name = f"reader_{uuid.uuid4().hex[:8]}"
    ready.execute(f"create role {name}")  # type: ignore[arg-type]
    yield name
    ready.execute(f"drop owned by {name}; drop role {name}")  # type: ignore[arg-type]


def may(connection: Connection, role: str, privilege: str = "select") -> Any:
    query = "select has_column_privilege(%s, 'gold.sales', 'number', %s), has_schema_privilege(%s, 'gold', 'usage')"
    return connection.execute(query, (role, privilege, role)).fetchone()


def test_grants_on_columns_follow_the_build(ready: Connection, role: str):
    name = build(ready, 1)
    ready.execute(f"grant select (number) on {name}.sales to {role}")  # type: ignore[arg-type]
    publish(ready, name)
    assert may(ready, role) == (True, True)
    publish(ready, build(ready, 2))
    assert may(ready, role) == (False, True)


def test_a_changed_column_leaves_grants_and_comments(ready: Connection, role: str):
    publish(ready, build(ready, 1))
    ready.execute(
        f"grant usage on schema gold to {role}; grant select (number) on gold.sales to {role} with grant option"
    )  # type: ignore[arg-type]
    ready.execute("comment on view gold.sales is 'mine'; comment on column gold.sales.number is 'in euro'")
    name = build(ready, 2)
    ready.execute(f"alter table {name}.sales alter number type text")  # type: ignore[arg-type]
    publish(ready, name)
    assert ready.execute("select number from gold.sales").fetchone() == ("2",)
    assert may(ready, role, "select with grant option") == (True, True)
    comments = "select obj_description('gold.sales'::regclass), col_description('gold.sales'::regclass, 1)"
    assert ready.execute(comments).fetchone() == ("mine", "in euro")


def test_a_name_that_another_step_publishes_is_not_retired(ready: Connection):
    publish(ready, build(ready, 1))
    for kept, seen in ((["sales"], [(1,)]), ([], [])):
        name = builds.start(ready, "gold", replace(STEP, run_id=f"with {kept}"), fresh=True)
        ready.execute(f"create table {name}.other as select 2 as number")  # type: ignore[arg-type]
        with ready.transaction():
            publication.publish(ready, "gold", name, ["other"], kept=kept)
        found = ready.execute("select relname from pg_class where oid = to_regclass('gold.sales')").fetchall()
        assert len(found) == len(seen)
        assert not found or ready.execute("select number from gold.sales").fetchall() == seen


@pytest.mark.parametrize(
    "change",
    [
        "alter table {}.sales enable row level security",
        "create view {}.v with (security_invoker = true) as select 1 as one",
    ],
)
def test_a_build_with_rights_of_its_readers_is_refused(ready: Connection, change: str):
    refusals = pytest.importorskip("medallion.dbt.refusals")
    name = build(ready, 1)
    refusals.refuse_readers_rights(ready, name, "gold", {})
    ready.execute(change.format(name))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="all of them see all rows"):
        refusals.refuse_readers_rights(ready, name, "gold", {})
