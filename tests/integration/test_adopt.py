"""Adoption, relation by relation: what moves, who may read it, what follows, and what is refused."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import psycopg
import pytest

from medallion.errors import Misconfigured, WarehouseUnavailable
from medallion.protocol.result import TaskResult
from medallion.warehouse import builds, ledger, publication, switching, views
from medallion.warehouse.adopt import Adopted, Part, adopt
from medallion.warehouse.connection import Connection
from medallion.warehouse.history import list_runs
from medallion.warehouse.ledger import StepRun
from medallion.warehouse.retention import Retention, prune
from medallion.warehouse.rollback import roll_back
from readers import polling

ROLES = ("adopt_owner", "adopt_reader", "adopt_other")
KINDS = {
    "table": "create table gold.{0} (id int primary key, secret text); insert into gold.{0} values (1, 'one'), (2, null)",
    "identity": "create table gold.{0} (id int generated always as identity, secret text); insert into gold.{0} (secret) values ('one')",
    "serial": "create table gold.{0} (id serial unique, secret text); insert into gold.{0} (secret) values ('one')",
    "unlogged": "create unlogged table gold.{0} as select 1 as id, 'one'::text as secret",
    "inherited": "create table gold.{0}_p (id int, secret text); create table gold.{0} () inherits (gold.{0}_p); insert into gold.{0} values (1, 'one')",
    "view": "create view gold.{0} as select id, secret from raw.things",
    "like ours": "create schema gold__{0}; create table gold__{0}.{0} as select 1 as id, 'one'::text as secret; grant select on gold__{0}.{0} to adopt_owner; create view gold.{0} as table gold__{0}.{0}",
    "barrier": "create view gold.{0} with (security_barrier) as select id, secret from raw.things where id = 1",
    "materialized view": "create materialized view gold.{0} as select id, secret from raw.things; create unique index on gold.{0} (id)",
}
GRANTS = (
    "grant select on gold.{0} to adopt_reader",
    "grant select on gold.{0} to adopt_reader with grant option",
    "grant select (id) on gold.{0} to adopt_other",
    "grant select (id, secret), update (secret) on gold.{0} to adopt_reader",
    "grant all on gold.{0} to adopt_other",
    "grant select on gold.{0} to public",
    "revoke all on gold.{0} from adopt_other",
    "alter table gold.{0} owner to adopt_owner",
    "comment on {1} gold.{0} is 'a comment'; comment on column gold.{0}.id is 'its ''key'''",
)


@pytest.fixture
def ready(warehouse: Connection) -> Iterator[Connection]:
    ledger.ensure(warehouse)
    warehouse.execute("create schema gold; create schema raw; create table raw.things (id int, secret text)")
    warehouse.execute("insert into raw.things values (1, 'one'), (2, 'two')")
    for role in ROLES:
        warehouse.execute(
            f"create role {role}; grant usage, create on schema gold to {role}; grant select on raw.things to {role}"
        )  # type: ignore[arg-type]
    yield warehouse
    warehouse.execute("reset role")
    for role in ROLES:
        warehouse.execute(f"drop owned by {role} cascade; drop role {role}")  # type: ignore[arg-type]


def part(*names: str, published: bool = True) -> Part:
    return Part("gold", published, "gold", names)


def take_over(connection: Connection, *names: str, dry_run: bool = False) -> Adopted:
    return adopt(connection, "shop", [part(*names)], "abc", dry_run=dry_run)


def kinds(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        "select relname, relkind::text from pg_class where relnamespace = 'gold'::regnamespace and relkind in ('r', 'v', 'm')"
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def rights(connection: Connection, names: list[str]) -> set[tuple[Any, ...]]:
    """What each role may do with each relation and column, by Postgres' own functions; and the comments."""
    tables = """
        select r, t, p from unnest(%s::text[]) as r, unnest(%s::text[]) as t,
            unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger',
                'select with grant option', 'update with grant option']) as p
        where has_table_privilege(r, 'gold.' || quote_ident(t), p)"""
    columns = """
        select r, t, c, p from unnest(%s::text[]) as r, unnest(%s::text[]) as t, unnest(array['id', 'secret']) as c,
            unnest(array['select', 'update', 'insert', 'references', 'select with grant option']) as p
        where has_column_privilege(r, 'gold.' || quote_ident(t), c, p)"""
    comments = """
        select t, col_description(o, 1), obj_description(o, 'pg_class')
        from unnest(%s::text[]) as t, to_regclass('gold.' || quote_ident(t)) as o"""
    found = set(connection.execute(tables, (list(ROLES), names)).fetchall())
    found |= set(connection.execute(columns, (list(ROLES), names)).fetchall())
    return found | set(connection.execute(comments, (names,)).fetchall())


def contents(connection: Connection, names: list[str]) -> list[Any]:
    return [connection.execute(f"select id, secret from gold.{name} order by 1").fetchall() for name in names]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_rights_contents_and_comments_are_those_of_before(seed: int, ready: Connection):
    dice, names = random.Random(seed), []
    if seed % 2:
        ready.execute("alter default privileges in schema gold grant select on tables to adopt_other")
    for number, kind in enumerate(itertools.chain(KINDS, KINDS)):
        names.append(f"r{number}")
        ready.execute(KINDS[kind].format(names[-1]))  # type: ignore[arg-type]
        shown = "view" if kind in ("barrier", "like ours") else kind if "view" in kind else "table"
        for grant in dice.sample(GRANTS, dice.randint(0, 4)):
            ready.execute(grant.format(names[-1], shown))  # type: ignore[arg-type]
    before = rights(ready, names), contents(ready, names)
    done = take_over(ready, *names, "not_there")
    assert {one.name for one in done.relations} == set(names)
    assert rights(ready, names) ^ before[0] == set()
    assert contents(ready, names) == before[1]
    assert {kinds(ready)[name] for name in names} == {"v"}
    assert views.taken(ready, "gold", names) == {}
    # The next publication takes away no right that readers had.
    step = StepRun("shop", "run-1", "gold", "gold")
    build = builds.start(ready, "gold", step, fresh=True)
    for name in names:
        ready.execute(f"create table {build}.{name} as select id, secret from gold.{name}")  # type: ignore[arg-type]
    with ready.transaction():
        publication.publish(ready, "gold", build, names)
    assert rights(ready, names) ^ before[0] == set()
    assert contents(ready, names) == before[1]


def test_readers_miss_nothing_and_dependents_follow(ready: Connection):
    names = ["a", "b", "c", "d"]
    for name, kind in zip(names, ("table", "serial", "view", "materialized view"), strict=True):
        ready.execute(KINDS[kind].format(name))  # type: ignore[arg-type]
    ready.execute("create view gold.e as select c.id, a.secret from gold.a inner join gold.c using (id)")
    ready.execute("create schema bi; create view bi.sums with (security_barrier) as select count(*) as n from gold.a")
    ready.execute("create view bi.by_key as select id, secret from gold.a group by id")
    ready.execute("create materialized view bi.kept as select * from gold.a")
    ready.execute("create table bi.lines (id int references gold.a)")
    ready.execute("create function bi.f() returns bigint begin atomic select count(*) from gold.a; end")
    query = "select " + ", ".join(f"(select count(secret) from gold.{name})" for name in [*names, "e"])
    with polling(query) as seen, polling("select * from gold.e where id = 1") as rows, polling("table bi.sums"):
        while not (seen and rows):
            pass
        done = take_over(ready, *names, "e")
        again = take_over(ready, *names, "e")
    assert (len(seen), len(rows)) == (1, 1)
    assert again == Adopted()
    assert done.followed == ("view bi.sums",)
    assert done.left == (
        "constraint lines_id_fkey on table bi.lines", "function bi.f()", "materialized view bi.kept", "view bi.by_key"
    )  # fmt: skip
    build = next(iter(views.view_targets(ready, "gold").values()))
    assert set(views.view_targets(ready, "gold").items()) == {(name, build) for name in [*names, "e"]}
    options = "select reloptions from pg_class where oid = 'bi.sums'::regclass"
    assert ready.execute(options).fetchone() == (["security_barrier=true"],)
    ready.execute(f"create or replace view gold.a as select 7 as id, 'x'::text as secret from {build}.a")  # type: ignore[arg-type]
    ready.execute(f"insert into {build}.b (secret) values ('new')")  # type: ignore[arg-type]
    assert ready.execute("select max(id) from gold.b").fetchone() == (2,)


def test_what_cannot_move_is_refused_and_nothing_has_changed(ready: Connection):
    refused = {
        "seq": ("create sequence gold.seq", "is not a table, view or materialized view"),
        "parts": ("create table gold.parts (id int) partition by list (id)", "is not a table, view"),
        "rls": ("create table gold.rls (id int); alter table gold.rls enable row level security", "has row-level"),
        "invoker": ("create view gold.invoker with (security_invoker) as select * from raw.things", "security_invoker"),
        "theirs": ("create table gold.theirs (id int); alter table gold.theirs owner to adopt_owner", "adopt_owner"),
    }
    ready.execute(KINDS["table"].format("good"))  # type: ignore[arg-type]
    for statement, _ in refused.values():
        ready.execute(statement)  # type: ignore[arg-type]
    ready.execute(
        "alter table gold.good owner to adopt_other; grant usage on schema medallion to adopt_other; grant all on all tables in schema medallion to adopt_other"
    )
    ready.execute("set role adopt_other")
    before = kinds(ready)
    with pytest.raises(Misconfigured) as error:
        take_over(ready, *refused, "good")
    for name, (_, reason) in refused.items():
        assert any(
            f"gold.{name} " in line and (reason in line or "adopt_other" in line)
            for line in error.value.message.splitlines()
        )
    assert "gold.good" not in error.value.message
    assert kinds(ready) == before
    ready.execute("reset role")
    with pytest.raises(Misconfigured) as error:
        take_over(ready, *refused, "good")
    for name, (_, reason) in refused.items():
        assert name == "theirs" or any(
            line.startswith(f"gold.{name} ") and reason in line for line in error.value.message.splitlines()
        )
    assert kinds(ready) == before


def test_an_adoption_that_is_killed_has_changed_nothing(ready: Connection):
    names = ["a", "b", "c"]
    for name, kind in zip(names, ("table", "view", "materialized view"), strict=True):
        ready.execute(KINDS[kind].format(name))  # type: ignore[arg-type]
    before, failed = kinds(ready), []

    def work() -> None:
        try:
            with psycopg.connect("", autocommit=True, application_name="adopter") as connection:
                take_over(connection, *names)
        except psycopg.OperationalError as error:
            failed.append(error)

    waiting = "select pid from pg_stat_activity where application_name = 'adopter' and wait_event_type = 'Lock'"
    with psycopg.connect("") as blocker:
        blocker.execute("lock table medallion.step_runs in access exclusive mode")
        adopter = threading.Thread(target=work)
        adopter.start()
        while (row := ready.execute(waiting).fetchone()) is None:
            assert adopter.is_alive()
        moved = "select count(*) from pg_locks where pid = %s and mode = 'AccessExclusiveLock' and granted"
        assert ready.execute(moved, row).fetchone() != (0,)
        ready.execute("select pg_terminate_backend(%s, 10000)", row)
        adopter.join(60)
    assert len(failed) == 1
    assert kinds(ready) == before
    assert contents(ready, names) == [[(1, "one"), (2, None)], *([[(1, "one"), (2, "two")]] * 2)]
    assert ready.execute("select count(*) from medallion.builds").fetchone() == (0,)
    assert len(take_over(ready, *names).relations) == 3


def test_a_long_transaction_is_waited_for_and_a_dry_run_undoes(ready: Connection, monkeypatch: pytest.MonkeyPatch):
    ready.execute(KINDS["table"].format("a"))  # type: ignore[arg-type]
    ready.execute(KINDS["table"].format("b"))  # type: ignore[arg-type]
    assert len(take_over(ready, "a", "b", dry_run=True).relations) == 2
    assert kinds(ready) == {"a": "r", "b": "r"}
    monkeypatch.setattr(switching, "PATIENCE_SECONDS", 0.5)
    with psycopg.connect("") as reader:
        reader.execute("select * from gold.a")
        with polling("select count(*) from gold.b"), pytest.raises(WarehouseUnavailable, match="reads them"):
            take_over(ready, "a", "b")
        assert kinds(ready) == {"a": "r", "b": "r"}


def test_an_older_transaction_reads_on(ready: Connection):
    ready.execute(KINDS["table"].format("a"))  # type: ignore[arg-type]
    with psycopg.connect("") as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("select * from raw.things")
        take_over(ready, "a")
        assert reader.execute("select count(*) from gold.a").fetchone() == (2,)


def publish(connection: Connection, run: str, *names: str) -> None:
    step = StepRun("shop", run, "gold", "gold")
    build = builds.start(connection, "gold", step, fresh=True)
    for name in names:
        connection.execute(f"create table {build}.{name} as select 9 as id, %s::text as secret", (run,))  # type: ignore[arg-type]
    with connection.transaction():
        publication.publish(connection, "gold", build, names)
        ledger.record(connection, step, datetime.now(timezone.utc), TaskResult())
    prune(connection, step, Retention(builds=2))


def test_a_rollback_goes_back_to_the_adopted_data(ready: Connection):
    ready.execute(KINDS["table"].format("a"))  # type: ignore[arg-type]
    ready.execute(KINDS["view"].format("b"))  # type: ignore[arg-type]
    done = take_over(ready, "a", "b")
    before = contents(ready, ["a", "b"])
    publish(ready, "run-1", "a", "b", "fresh")
    assert contents(ready, ["a", "b"]) == [[(9, "run-1")], [(9, "run-1")]]
    newest, adoption = list_runs(ready, "shop")
    assert (newest.run_id, adoption.run_id, adoption.action) == ("run-1", done.run_id, "adopt")
    assert roll_back(ready, "shop", None, "abc").to == done.run_id
    assert contents(ready, ["a", "b"]) == before
    assert kinds(ready) == {"a": "v", "b": "v"}
    for number in (2, 3, 4):
        publish(ready, f"run-{number}", "a", "b")
    assert ready.execute("select count(*) from medallion.builds where run_id = %s", (done.run_id,)).fetchone() == (0,)


def test_relations_replaced_by_plain_dbt_are_adopted(ready: Connection):
    publish(ready, "run-1", "a", "b")
    ready.execute("drop view gold.b; create table gold.b as select 5 as id, 'plain'::text as secret")
    done = take_over(ready, "a", "b")
    assert [one.name for one in done.relations] == ["b"]
    expected = [[(9, "run-1")], [(5, "plain")]]
    assert contents(ready, ["a", "b"]) == expected
    publish(ready, "run-2", "a", "b")
    assert roll_back(ready, "shop", done.run_id, "abc").to == done.run_id
    assert contents(ready, ["a", "b"]) == expected
