"""`medallion run`: what is refused before a step begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.cli.run import run_pipeline
from medallion.errors import Misconfigured

SOURCE = "{{name: {0}, contract: c, path: {0}.csv}}"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    """Pipelines of no source, of one and of two."""
    files = {
        "contracts/c": "name: c\ntable: raw.c\nfields: [{name: a}]\n",
        "pipelines/layers": "name: layers\nowner: me\nmodels: m\nlayers: [{name: gold}]\n",
        "pipelines/one": f"name: one\nowner: me\nsources: [{SOURCE.format('a')}]\n",
        "pipelines/two": f"name: two\nowner: me\nsources: [{SOURCE.format('a')}, {SOURCE.format('b')}]\n",
    }
    for name, text in files.items():
        path = tmp_path / "dags" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "dags"


@pytest.mark.parametrize(("name", "count"), [("layers", 0), ("two", 2)])
def test_run_input_without_one_source_is_refused(dags: Path, tmp_path: Path, name: str, count: int):
    with pytest.raises(Misconfigured, match=f"{name} has {count} sources, and --input is"):
        run_pipeline(name, tmp_path / "a.csv", dags=dags, report_file=tmp_path / "report.json")


@pytest.mark.parametrize(
    ("report", "words"),
    [(".", "is a folder"), ("taken/report.json", "cannot be made"), ("taken/below/report.json", "cannot be made")],
)
def test_run_report_that_cannot_be_written_is_refused(dags: Path, tmp_path: Path, report: str, words: str):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Misconfigured, match=words):
        run_pipeline("one", dags=dags, report_file=tmp_path / report)
