"""A team's repository on a kind cluster of its own, installed from a release: no checkout of Medallion, no image built."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

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

pytestmark = pytest.mark.slow_cluster


def make(folder: Path, *targets: str) -> str:
    """Run make in a folder; returns what it printed."""
    release = next(REPO.glob("release/medallion-*"), Path("nowhere"))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "KUBE_CONTEXT"))}
    variables |= {"CLUSTER": NAME, "MEDALLION_PLATFORM": str(release), "TAG": ""}
    done = subprocess.run(
        ["make", *targets], cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=1800,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


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
        subprocess.run(["kind", "delete", "cluster", "--name", NAME], capture_output=True, timeout=300)


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
