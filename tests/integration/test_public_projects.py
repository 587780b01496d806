"""Public dbt projects, unmodified: `medallion init --dbt` and a run give what `dbt seed` and `dbt build` give.

`make test-projects DIR=…` runs them: DIR has the projects, with their packages in `dbt_packages`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("dbt.cli.main")

from command_line import good
from databases import fresh_database
from layers import REPO
from plain_dbt import columns, differences, plain_dbt

FOLDER = os.environ.get("MEDALLION_TEST_PROJECTS")
PROJECTS = sorted(
    path.parent
    for path in Path(FOLDER or REPO / "nowhere").glob("**/dbt_project.yml")
    if not {"dbt_packages", "target"} & set(path.parts)
)
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no projects here: make test-projects DIR=… names their folder")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_public_project_gives_what_plain_dbt_gives(
    project: Path, tmp_path: Path, warehouse_url: str, postgres_url: str
):
    good(tmp_path, "init", "team", "--dbt", project)
    (pipeline,) = (tmp_path / "team" / "dags" / "pipelines").iterdir()
    print(pipeline.read_text())
    print(good(tmp_path / "team", "lint"))
    print(good(tmp_path / "team", "run", pipeline.stem, "--warehouse", warehouse_url))
    with fresh_database(postgres_url) as expected, fresh_database(postgres_url) as again:
        for number, url in enumerate((expected, again)):
            plain_dbt(project, url, tmp_path / f"plain{number}")
        print(f"{len(columns(expected))} relations of plain dbt")
        assert differences(expected, again, warehouse_url) == []
