"""The DAG files that Airflow gets of a team's YAML files, while git-sync changes the folder."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from bundles import bundle_settings
from runner_folder import CONTRACT, schedule, write

pytest.importorskip("airflow", reason="Airflow is not installed: make test sets it up")
COMMITS = [letter * 40 for letter in "abcdef"]


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """What git-sync has made: a link to the checkout of the first commit."""
    link = tmp_path / "repo"
    show(link, 0)
    return link


@pytest.fixture
def bundle(link: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in bundle_settings(tmp_path / "airflow", link / "dags").items():
        monkeypatch.setenv(name, value)
    from medallion.orchestrators.airflow.bundle import TeamBundle

    bundle = TeamBundle(name="medallion", dags=str(link / "dags"))
    bundle.initialize()
    return bundle


def checkout(root: Path, number: int, pipelines: int = 3) -> Path:
    """A folder with the commit as its name, with a runner file and some pipelines."""
    folder = root / ".worktrees" / COMMITS[number]
    dags = write(folder / "dags", schedule("hourly", "acme/orders"), "acme/orders")
    (dags / "pipelines").mkdir()
    for place in range(pipelines):
        (dags / "pipelines" / f"p{place}.yaml").write_text(f"name: p{place}\nowner: me\n")
    (dags / "contracts" / "p.yaml").write_text(CONTRACT.format(name="p"))
    return folder


def show(link: Path, number: int, pipelines: int = 3) -> None:
    """Have the link lead to another commit, and remove the old checkout, as git-sync does."""
    old = link.resolve() if link.exists() else None
    fresh = link.with_name("fresh")
    fresh.symlink_to(checkout(link.parent, number, pipelines))
    fresh.replace(link)
    if old is not None:
        shutil.rmtree(old)


def files(bundle: Any) -> dict[str, tuple[str, int]]:
    """Text and time of each DAG file."""
    found = [path for path in bundle.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(bundle.path)): (path.read_text(), path.stat().st_mtime_ns) for path in found}


def test_each_pipeline_has_a_dag_file_runner_files_two(bundle: Any):
    assert set(files(bundle)) == {
        "pipelines/p0.yaml.py",
        "pipelines/p1.yaml.py",
        "pipelines/p2.yaml.py",
        "schedules.py",
        "schedule_errors.py",
    }


def test_commit_changes_every_dag_file_no_commit_none(bundle: Any, link: Path):
    before = files(bundle)
    bundle.refresh()
    assert files(bundle) == before
    show(link, 1, pipelines=2)
    bundle.refresh()
    after = files(bundle)
    assert set(after) == set(before) - {"pipelines/p2.yaml.py"}
    assert all(COMMITS[1] in text and before[name] != (text, time) for name, (text, time) in after.items())


def test_missing_folder_leaves_the_dag_files_as_they_are(bundle: Any, link: Path):
    before = files(bundle)
    link.unlink()
    with pytest.raises(FileNotFoundError):
        bundle.refresh()
    assert files(bundle) == before


def test_refresh_in_a_checkout_mixes_no_commits_loses_no_file(bundle: Any, link: Path):
    stop = threading.Event()

    def push() -> None:
        number = 0
        while not stop.is_set():
            number = (number + 1) % len(COMMITS)
            show(link, number)

    pushes = threading.Thread(target=push)
    pushes.start()
    try:
        for _ in range(60):
            bundle.refresh()
            found = files(bundle)
            assert len(found) == 5, sorted(found)
            assert len({text.split(" of commit ")[1][:40] for text, _ in found.values()}) == 1
    finally:
        stop.set()
        pushes.join(120)
