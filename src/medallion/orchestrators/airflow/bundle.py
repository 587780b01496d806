"""A team's YAML files as a DAG bundle: Airflow looks for Python files only, so each YAML file gets one, made here.

The chart configures two bundles: Airflow's own for a team's Python files, and this one. A team writes no Python.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/dag-bundles.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow import settings
from airflow.dag_processing.bundles.base import BaseDagBundle

from medallion.config.load_pipeline import pipeline_files
from medallion.config.load_runner import runner_files
from medallion.orchestrators.kubernetes.settings import find_commit

_HEAD = "# Made from {file} of commit {commit}, for Airflow: change that file, not this one.\n"
_PIPELINE = "from medallion.orchestrators.airflow import pipeline_dag\n\ndag = pipeline_dag({file!r})\n"
_SCHEDULES = (
    "from medallion.orchestrators.airflow import runner_dags\n\nglobals().update(runner_dags({folder!r}))  # DAGs\n"
)
_ERRORS = (
    "# Apart from schedules.py, as Airflow stops every DAG of a file that has an import error.\n"
    "from medallion.orchestrators.airflow import check_runners\n\ncheck_runners({folder!r})\n"
)


_REMOVED = 100
"""Times that a link is followed again."""


class TeamBundle(BaseDagBundle):
    """One DAG file for each pipeline file, and two for all runner files.

    Args:
        dags: The team's DAG folder; by default Airflow's own.
        rest: Airflow's own arguments.
    """

    def __init__(self, *, dags: str | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self._dags = Path(dags or settings.DAGS_FOLDER)

    @property
    def path(self) -> Path:
        """The folder of the DAG files."""
        return Path(self.base_dir) / "dags"

    def get_current_version(self) -> None:
        """Return nothing: a run is pinned by its tasks (decision 14), not by its bundle."""

    def initialize(self) -> None:
        """Write the DAG files; a worker does this before it runs a task."""
        self.refresh()
        super().initialize()

    def refresh(self) -> None:
        """Write what changed and remove what is gone.

        Raises:
            OSError: The DAG folder is not there, as before git-sync's first checkout. Airflow then keeps the DAGs that
                it has.
        """
        files = _dag_files(self._dags)
        for name, text in files.items():
            _write(self.path / name, text)
        for old in [*self.path.rglob("*.py")]:
            if str(old.relative_to(self.path)) not in files:
                old.unlink(missing_ok=True)


def _dag_files(dags: Path) -> dict[str, str]:
    """Return the text of each DAG file, of one commit: git-sync may put another in its place at any moment."""
    while True:
        checkout = _checkout(dags)
        files = dict(_texts(dags, find_commit(dags)))
        if _checkout(dags) == checkout and checkout.is_dir():
            return files


def _checkout(dags: Path) -> Path:
    """Return where the link to the DAG folder leads."""
    for _ in range(_REMOVED):
        try:
            return dags.resolve(strict=True)
        except FileNotFoundError:
            continue  # git-sync removed the checkout after the link was read, and the link leads to another by now
    return dags.resolve(strict=True)


def _texts(dags: Path, commit: str) -> Iterator[tuple[str, str]]:
    # The commit is in each file, so that Airflow parses it again after a push.
    for path in pipeline_files(dags):
        file = str(path.relative_to(dags))
        yield f"{file}.py", _HEAD.format(file=file, commit=commit) + _PIPELINE.format(file=str(path))
    runners = [str(path.relative_to(dags)) for path in runner_files(dags)]
    if runners:
        head = _HEAD.format(file=", ".join(runners), commit=commit)
        yield "schedules.py", head + _SCHEDULES.format(folder=str(dags))
        yield "schedule_errors.py", head + _ERRORS.format(folder=str(dags))


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
