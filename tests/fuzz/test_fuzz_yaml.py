"""Whatever one entry or one file of a DAG folder holds, everything else in it is there, and lint says what is wrong.

`MEDALLION_FUZZ=20` tries twenty times as many, and `MEDALLION_SEED` repeats a run that failed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from medallion.config.catalog import iter_pipelines
from medallion.config.diagnostics import ConfigError
from medallion.config.load_runner import load_runners
from medallion.config.yaml_loader import read_file
from medallion.lint.checks import lint_folder
from odd_yaml import damaged, entry, node
from runner_folder import CONTRACT, JOB, RUNNER, schedule, write

TIMES = int(os.environ.get("MEDALLION_FUZZ", "1"))
SEED = int(os.environ.get("MEDALLION_SEED", "20261125"))
pytestmark = pytest.mark.fuzz
PIPELINE = "name: daily\nowner: me\nsources: [{name: a, path: a.csv, contract: orders}]\n"
SHARED = "x-shared: &shared {timezone: UTC}\n"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    """A DAG folder with two runner files, two tenants and a pipeline."""
    dags = write(tmp_path / "dags", schedule("first", "acme/orders"), "acme/orders", "acme/returns", "globex/sales")
    (dags / "runner-two.yaml").write_text(RUNNER + schedule("second", "globex/sales"))
    (dags / "pipelines").mkdir()
    (dags / "pipelines" / "daily.yaml").write_text(PIPELINE)
    return dags


def there(dags: Path) -> set[str]:
    """The names of all that can be run; every diagnostic has a place and a message."""
    found = lint_folder(dags)
    assert all(diagnostic.line >= 1 and diagnostic.column >= 1 and diagnostic.message for diagnostic in found)
    errors = {diagnostic for diagnostic in found if diagnostic.severity == "error"}
    names = set()
    for named in iter_pipelines(dags):
        if named.file is None:
            assert set(named.diagnostics) <= errors, "list and Airflow say what lint says"
        else:
            names.add(named.name)
    return names


def test_whatever_one_schedule_holds_every_other_one_is_there(dags: Path):
    chance = random.Random(SEED)
    tried: Counter[str] = Counter()
    for number in range(150 * TIMES):
        odd = entry(chance)
        shared = SHARED if chance.random() < 0.5 else ""
        text = f"{shared}{RUNNER}{schedule('before', 'acme/orders')}      - {odd}\n{schedule('after', 'acme/returns')}"
        (dags / "runner.yaml").write_text(text, encoding="utf-8")
        names = {one.name for runner in load_runners(dags) for one in runner.entries if one.file}
        where = f"seed {SEED}, schedule {number}: {odd[:2000]}"
        if not {"before", "after"} <= names:
            (broken,) = [runner for runner in load_runners(dags) if runner.runner is None]
            assert "is not YAML" in broken.diagnostics[0].message, f"{where}\n{broken.diagnostics}"
            tried["no YAML"] += 1
        else:
            tried["valid" if len(names) > 3 else "refused"] += 1
        assert "second" in names, where
        if number % 10 == 0:
            there(dags)
    print(f"seed {SEED}: {dict(tried)}")
    assert tried["no YAML"] < sum(tried.values()) / 20, "most of what is tried reaches the schedule"
    assert tried["valid"]


@pytest.mark.parametrize(
    ("file", "left"),
    [
        ("runner.yaml", {"second", "daily"}),
        ("jobs/acme/orders.yaml", {"second", "daily"}),
        ("contracts/orders.yaml", {"second"}),
        ("pipelines/daily.yaml", {"first", "second"}),
    ],
)
def test_invalid_file_leaves_everything_that_does_not_need_it(dags: Path, file: str, left: set[str]):
    chance = random.Random(f"{SEED}{file}")
    path = dags / file
    whole = path.read_bytes()
    seen: Counter[str] = Counter()
    for number in range(25 * TIMES):
        kind = chance.random()
        content = (
            damaged(chance, whole) if kind < 0.8 else chance.randbytes(200) if kind < 0.9 else node(chance).encode()
        )
        path.write_bytes(content)
        names = there(dags)
        assert left <= names, f"seed {SEED}, {file} {number}: {content!r}"
        seen["used" if len(names) > len(left) else "refused"] += 1
    print(f"seed {SEED}: {dict(seen)}")


def test_any_bytes_are_a_document_or_a_finding(tmp_path: Path):
    chance = random.Random(SEED)
    path = tmp_path / "file.yaml"
    originals = [JOB.encode(), CONTRACT.encode(), RUNNER.encode(), PIPELINE.encode()]
    read = 0
    for number in range(800 * TIMES):
        content = (
            chance.randbytes(chance.randrange(100)) if number % 4 == 0 else damaged(chance, chance.choice(originals))
        )
        path.write_bytes(content)
        try:
            document = read_file(path)
        except ConfigError as error:
            refused = error.diagnostics
        else:
            read += 1
            refused = ()
            assert document.place(("nothing", "like", 3, "this")) == document.places[()]
        assert all(diagnostic.line >= 1 and diagnostic.message for diagnostic in refused)
    print(f"seed {SEED}: {read} of {800 * TIMES} are documents")
    assert read
