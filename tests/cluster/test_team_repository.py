"""A team's repository on a kind cluster of its own, installed from a release: no checkout of Medallion, no image built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

import repository
from cluster import REPO, Cluster
from command_line import good
from databases import fresh_database
from plain_dbt import columns, differences, plain_dbt

CASES = REPO.parent / "shared" / "cases"
NAME = "medallion-team"
DIR = os.environ.get("MEDALLION_TEST_PROJECTS")
PROJECTS = [CASES / "nasty-dbt-project", *(sorted(Path(DIR).iterdir()) if DIR else ())]

REPORTER = "do $$ begin create role reporter; exception when duplicate_object then null; end $$"
"""The role that the nasty project grants to."""

BUILT_BY_DBT = {
    "dbt_project.yml": "name: ledger\nprofile: ledger\nmodels: {ledger: {+materialized: table}}\n",
    "seeds/bookings.csv": "account,amount\ncash,3\ncash,4\nbank,5\n",
    "models/balances.sql": "select account, sum(amount) as balance from {{ ref('bookings') }} group by 1",
    "models/solvent.sql": "{{ config(materialized='view') }} select account from {{ ref('balances') }} where balance > 0",
}

pytestmark = pytest.mark.slow_cluster


make = partial(repository.make, cluster=NAME)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new repository, on its cluster after `make up`."""
    make(REPO, "release")
    folder = tmp_path_factory.mktemp("team") / "shop"
    good(folder.parent, "init", "shop")
    try:
        make(folder, "up")
        yield folder
    finally:
        repository.delete_cluster(NAME)


@pytest.fixture(scope="module")
def team() -> Cluster:
    return Cluster(f"kind-{NAME}", "medallion")


@contextmanager
def warehouse(team: Cluster) -> Iterator[str]:
    """The URL of the cluster's warehouse, while the context lasts."""
    login = team.secret("medallion-warehouse")
    with team.port("service/medallion-postgres", 5432) as port:
        yield f"host=127.0.0.1 port={port} dbname={login['PGDATABASE']} user={login['PGUSER']} password={login['PGPASSWORD']}"


def test_a_new_repository_comes_up_from_a_release(shop: Path, team: Cluster):
    assert team.sql("select count(*) as months, sum(amount)::text as amount from gold.monthly_sales") == [
        {"months": 3, "amount": "12.70"}
    ]


def test_a_changed_model_is_used_by_the_next_run(shop: Path, team: Cluster):
    model = shop / "dags" / "dbt" / "models" / "gold" / "monthly_sales.sql"
    model.write_text(model.read_text().replace("count(*) as sales", "count(*) + 100 as sales"))
    make(shop, "sync")
    make(shop, "run")
    assert team.sql("select min(sales) as least from gold.monthly_sales") == [{"least": 101}]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_any_dbt_project_gives_what_plain_dbt_gives(
    shop: Path, team: Cluster, project: Path, tmp_path: Path, postgres_url: str
):
    assert shop
    copy = tmp_path / "theirs"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("model_that_cannot_work.sql", "target", "logs"))
    good(tmp_path, "init", "repository", "--dbt", copy)
    repository = tmp_path / "repository"
    (pipeline,) = (repository / "dags" / "pipelines").iterdir()
    team.psql(
        {"PGUSER": "postgres", "PGPASSWORD": team.secret("medallion-postgres")["postgres-password"]},
        "postgres",
        REPORTER,
    )
    make(repository, "sync")
    make(repository, "run", f"PIPELINE={pipeline.stem}")
    with fresh_database(postgres_url) as expected, fresh_database(postgres_url) as again, warehouse(team) as found:
        psycopg.connect(postgres_url, autocommit=True).execute(REPORTER).connection.close()
        for number, url in enumerate((expected, again)):
            plain_dbt(copy, url, tmp_path / f"plain{number}")
        differing = [line for line in differences(expected, again, found) if not line.endswith(" is too many")]
        print(f"{len(columns(expected))} relations of plain dbt, {len(differing)} differences")
        assert [line for line in differing if not line.endswith(".uses_this_text.model_schema differs")] == []


def test_what_plain_dbt_built_on_the_cluster_is_adopted(shop: Path, team: Cluster, tmp_path: Path):
    assert shop
    for name, text in BUILT_BY_DBT.items():
        file = tmp_path / "theirs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    good(tmp_path, "init", "ledger", "--dbt", tmp_path / "theirs")
    ledger = tmp_path / "ledger"
    make(ledger, "sync")
    with warehouse(team) as url:
        plain_dbt(tmp_path / "theirs", url, tmp_path / "plain")
    read = "select account from public.solvent order by 1"
    built = team.sql(read)
    assert built == [{"account": "bank"}, {"account": "cash"}]
    assert "public.balances, a table of" in make(ledger, "adopt", "DRY_RUN=1")
    assert "nothing to adopt" not in make(ledger, "adopt")
    assert "nothing to adopt" in make(ledger, "adopt")
    assert team.sql(read) == built
    seed = ledger / "dags" / "dbt" / "seeds" / "bookings.csv"
    seed.write_text(seed.read_text() + "safe,1\n")
    make(ledger, "sync")
    make(ledger, "run")
    assert team.sql(read) == [*built, {"account": "safe"}]
    assert "adopted" in make(ledger, "history")
    make(ledger, "rollback")
    assert team.sql(read) == built
