"""The chart, rendered once for all tests."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from charts import (
    CHART,
    VALUES,
    Render,
    dependencies,
    manifests,
    template,
)


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with its dependencies in place, away from the checkout."""
    missing = pytest.fail if os.environ.get("MEDALLION_CLUSTER_TESTS") == "required" else pytest.skip
    if shutil.which("helm") is None:
        missing("helm is not installed")
    wanted = {f"{part['name']}-{part['version']}.tgz" for part in dependencies()}
    places = [
        Path(os.environ.get("MEDALLION_CHARTS_DIR", Path.home() / ".cache" / "medallion" / "charts")),
        CHART / "charts",
    ]
    archives = next((place for place in places if all((place / name).is_file() for name in wanted)), None)
    if archives is None:
        missing(f"no archives of {', '.join(sorted(wanted))}: run k8s/charts.sh or set MEDALLION_CHARTS_DIR")
    made = tmp_path_factory.mktemp("chart") / "medallion"
    shutil.copytree(CHART, made, ignore=shutil.ignore_patterns("charts"))
    (made / "charts").mkdir()
    for name in wanted:
        shutil.copy(archives / name, made / "charts")
    return made


@pytest.fixture(scope="session")
def rendered(chart: Path) -> Callable[[str], str]:
    """The text that one of VALUES renders to."""
    return functools.cache(lambda values: template(chart, *VALUES[values]))


@pytest.fixture(scope="session")
def render(rendered: Callable[[str], str]) -> Render:
    """The manifests that one of VALUES renders to."""
    return functools.cache(lambda values: manifests(rendered(values)))
