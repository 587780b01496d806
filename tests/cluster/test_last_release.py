"""An upgrade from the last release: its data stays, and its images run this release's plan or refuse it.

`MEDALLION_LAST_RELEASE` is the folder of the last release. Without it, the test builds the commit before the one that
changed the version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import repository
from cluster import REPO, Airflow, Cluster, git
from command_line import good
from medallion import __version__
from repository import RELEASE
from upgrades import release, secrets_of

NAME = "medallion-last-release"
TEAM = Cluster(f"kind-{NAME}", "medallion")
READ = "select month, product, sales, amount::text from gold.monthly_sales order by 1, 2"

pytestmark = pytest.mark.slow_cluster
make = partial(repository.make, cluster=NAME)


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the last release."""
    if given := os.environ.get("MEDALLION_LAST_RELEASE"):
        return Path(given)
    file = "src/medallion/__init__.py"
    changes = git(REPO, "log", "--format=%H", "-G^__version__ =", "--", file).split()
    if len(changes) < 2:  # the oldest one added the file
        pytest.skip("the version has not changed yet: there is no release before this one")
    checkout = tmp_path_factory.mktemp("last") / "checkout"
    git(REPO, "clone", "-q", "--no-checkout", str(REPO), str(checkout))
    git(checkout, "checkout", "-q", f"{changes[0]}^")
    make(checkout, "release")
    (folder,) = (checkout / "release").iterdir()
    return folder


@pytest.fixture(scope="module")
def shop(last: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new repository, on its cluster after `make up` with the last release."""
    make(REPO, "release")
    folder = tmp_path_factory.mktemp("team") / "shop"
    good(folder.parent, "init", "shop")
    set_version(folder, last.name.removeprefix("medallion-"))
    try:
        make(folder, "up", platform=last)
        yield folder
    finally:
        repository.delete_cluster(NAME)


def set_version(folder: Path, version: str) -> None:
    """Write MEDALLION_VERSION in the Makefile of a repository, as a team does to upgrade."""
    file = folder / "Makefile"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text(
        "".join(
            f"MEDALLION_VERSION := {version}\n" if line.startswith("MEDALLION_VERSION :=") else line for line in lines
        )
    )


@dataclass(frozen=True)
class Before:
    """What the cluster had with the last release."""

    secrets: dict[str, dict[str, str]]
    gold: list[dict[str, Any]]
    run: str


@pytest.fixture(scope="module")
def before(shop: Path) -> Before:
    """What was there before an upgrade to this release, with a run of this release after it."""
    (run,) = {row["run_id"] for row in TEAM.sql("select run_id from medallion.step_runs")}
    found = Before(secrets_of(TEAM), TEAM.sql(READ), str(run))
    set_version(shop, __version__)
    make(shop, "up")
    return found


def test_an_upgrade_from_the_last_release_keeps_everything(shop: Path, before: Before):
    assert secrets_of(TEAM) == before.secrets
    assert TEAM.sql(READ) == before.gold
    steps = "select step, status, platform_version as version from medallion.step_runs"
    after = TEAM.sql(f"{steps} where run_id <> '{before.run}' and step <> 'rollback'")
    assert {row["version"] for row in after} == {__version__}
    assert [row["status"] for row in after if row["step"].startswith("clean.")] == ["unchanged"]  # reloads no table
    assert before.run in make(shop, "history").replace("\n", "")
    make(shop, "rollback")
    assert TEAM.sql(READ) == before.gold


def test_the_last_releases_images_run_this_plan_or_refuse_it(before: Before, last: Path):
    assert before
    chart = str(next(RELEASE.glob("medallion-*.tgz")))
    tag = f"global.images.tag={last.name.removeprefix('medallion-')}"
    done = release(TEAM, "upgrade", "medallion", chart, "--reuse-values", "--set-string", tag, "--wait")
    assert done.returncode == 0, done.stderr
    login = TEAM.secret("medallion-ui")
    with TEAM.ui() as base:
        airflow = Airflow(base, login["username"], login["password"])
        run = airflow.trigger("sales")
        if airflow.finished("sales", run) == "success":
            return
        failed = [name for name, task in airflow.tasks("sales", run).items() if task["state"] == "failed"]
        assert "use the images and the DAG folder of one release" in airflow.log("sales", run, failed[0])
