"""The schedules of runner files as Airflow DAGs, and what is wrong with them as an import error of their own.

Airflow stops every DAG of a Python file that has an import error. So the bundle makes two DAG files that read the
same YAML: `schedules.py` has the DAGs of everything that is right and never fails; `schedule_errors.py` has none, and
fails with everything that is wrong, which Airflow shows on top of its list of DAGs.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, get_parsing_context

from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.load_pipeline import pipeline_files
from medallion.config.load_runner import Entry, RunnerFile, load_runners
from medallion.orchestrators.airflow.dag import build_dag_from_file
from medallion.orchestrators.kubernetes.settings import Settings, find_commit
from medallion.plan import PLATFORM_TAG

BROKEN_TAG = "broken"
Diagnostics = tuple[Diagnostic, ...]


def runner_dags(folder: str) -> dict[str, DAG]:
    """Return the DAGs of every runner file of a DAG folder, by DAG id.

    A schedule that is wrong is there as a DAG that says what is wrong and never runs: its owner finds the error
    where the DAG was. In a worker only the DAG of the worker's own task is made.

    Args:
        folder: The DAG folder.
    """
    here = Path(folder)
    dags, broken = _made(load_runners(here, only=get_parsing_context().dag_id), here)
    used = {*dags, *(path.stem for path in pipeline_files(here))}
    for entry, diagnostics in broken:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", entry.name)[:63]
        if name not in used:
            used.add(name)
            dags[name] = _placeholder(name, entry, diagnostics)
    return dags


def check_runners(folder: str) -> None:
    """Report what is wrong with the runner files of a DAG folder.

    Raises:
        ConfigError: Anything is wrong with them, their jobs, or the contracts of those.
    """
    here = Path(folder)
    files = load_runners(here)
    _, broken = _made(files, here)
    found = {diagnostic for file in files for diagnostic in file.diagnostics} | {
        one for _, diagnostics in broken for one in diagnostics
    }
    if found:
        raise ConfigError(sorted(found))


def _made(files: tuple[RunnerFile, ...], here: Path) -> tuple[dict[str, DAG], list[tuple[Entry, Diagnostics]]]:
    """The DAGs that could be made, and the entries that none could be made of.

    A DAG that is used in a `with` registers itself with the DAG file that is being parsed; `schedule_errors.py`
    makes the same DAGs to find what is wrong with them. Two files with one DAG take it from each other at each parse,
    so none is registered: `schedules.py` has its DAGs as globals.
    """
    commit, settings = find_commit(here), Settings.from_environment(here)
    dags: dict[str, DAG] = {}
    broken: list[tuple[Entry, Diagnostics]] = []
    for entry in (entry for file in files if _is_ours(file) for entry in file.entries):
        if entry.file is None:
            broken.append((entry, entry.diagnostics))
            continue
        try:
            dags[entry.name] = build_dag_from_file(entry.file, commit, settings, register=False)
        except ConfigError as error:
            broken.append((entry, error.diagnostics))
        except Exception as error:  # noqa: BLE001 - whatever it is, every other DAG goes on
            message = f"no DAG can be made of {entry.name}: {type(error).__name__}: {error}"
            broken.append(
                (entry, (Diagnostic(str(entry.runner_file), entry.line, 1, "", message, "please report this"),))
            )
    return dags, broken


def _is_ours(file: RunnerFile) -> bool:
    if file.runner is None:
        return False
    settings = file.runner.runner
    return settings.mode == "orchestrated" and settings.orchestrator.type == "airflow"


def _placeholder(name: str, entry: Entry, diagnostics: Diagnostics) -> DAG:
    problems = "\n".join(f"- `{one.file}` line {one.line}: {one.message}. {one.remedy}" for one in diagnostics)
    where = f"It is written in `{entry.runner_file}`, line {entry.line}. `medallion lint` says the same before a push."
    tenant = set() if entry.job_file is None else {f"tenant:{entry.job_file.parent.name}"}
    with DAG(
        dag_id=name,
        description=f"BROKEN: {diagnostics[0].message}"[:500],
        doc_md=f"**This schedule is wrong and does not run.**\n\n{problems}\n\n{where}",
        schedule=None,
        is_paused_upon_creation=False,  # else the schedule would be paused once it is corrected
        start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
        tags=sorted({PLATFORM_TAG, BROKEN_TAG, *tenant}),
        auto_register=False,
    ) as dag:
        EmptyOperator(task_id="see_the_documentation_of_this_dag")
    return dag
