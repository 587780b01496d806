"""The schedules of a DAG folder's runner files, each read on its own: one that is wrong takes no other along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.document import Document
from medallion.config.explain import dotted, explain, explain_all, explain_whole
from medallion.config.load_job import JobFiles, jobs_folder
from medallion.config.load_pipeline import PipelineFile, pipeline_files
from medallion.config.places import chosen_runner_file
from medallion.config.runner import Runner, ScheduledJob, build_pipeline, job_path
from medallion.config.yaml_loader import read_file
from medallion.config.yaml_nodes import Path_

SCHEDULES: Path_ = ("runner", "orchestrator", "schedules")
DECISIVE = frozenset({SCHEDULES[:depth] for depth in range(4)} | {(*SCHEDULES[:1], "mode"), (*SCHEDULES[:2], "type")})
"""Keys that have no safe default: if one of them is wrong, no schedule of the file is run."""
_TENANTS: Path_ = (*SCHEDULES[:2], "tenants")
_LIMITS = ("concurrency_per_tenant", "steps_per_tenant", "concurrency", "steps")
"""Keys that are 1 if they are wrong, as no limit is smaller."""


@dataclass(frozen=True)
class Entry:
    """One schedule of a runner file: a pipeline, or what is wrong with it."""

    name: str
    runner_file: Path
    line: int
    index: int
    """Which of the file's schedules it is, from 0."""
    job_file: Path | None = None
    file: PipelineFile | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class RunnerFile:
    """A runner file: what could be read of it, and what is wrong with it as a whole.

    `runner` holds the valid schedules only. Limits that are wrong are 1, other settings that are wrong have their
    defaults. It is None if the file cannot be used at all.
    """

    path: Path
    runner: Runner | None
    entries: tuple[Entry, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def all_diagnostics(self) -> Iterator[Diagnostic]:
        """Yield everything that is wrong with the file, its schedules, their jobs and contracts."""
        yield from self.diagnostics
        for entry in self.entries:
            yield from entry.diagnostics


def runner_files(dags: Path) -> list[Path]:
    """Return the runner files of a DAG folder and of its `configs` folder, by path; or only the chosen one."""
    if chosen := chosen_runner_file():
        return [chosen]
    return sorted([*dags.glob("runner*.yaml"), *dags.glob("configs/runner*.yaml")])


def load_runners(dags: Path, only: str | None = None) -> tuple[RunnerFile, ...]:
    """Read every runner file of a DAG folder. What is wrong is in the result; nothing is raised.

    Args:
        dags: The DAG folder.
        only: Read the job of this schedule alone, as a worker does that runs one of its tasks.
    """
    jobs = JobFiles(dags)
    taken = {path.stem: f"the pipeline {path.name}" for path in pipeline_files(dags)}
    return tuple(load_runner(path, jobs, taken, only) for path in runner_files(dags))


def load_runner(path: Path, jobs: JobFiles, taken: dict[str, str], only: str | None = None) -> RunnerFile:
    """Read one runner file. `taken` holds the names in use, and by whom; those of this file are added."""
    try:
        document = read_file(path, "runner file")
    except ConfigError as error:
        return RunnerFile(path, None, diagnostics=error.diagnostics)
    of_file, of_entries = _problems(document)
    settings = _settings(document, of_file)
    diagnostics = tuple(sorted({diagnostic for found in of_file.values() for diagnostic in found}))
    if settings is None:
        return RunnerFile(path, None, diagnostics=diagnostics)
    valid: list[ScheduledJob] = []
    entries: list[Entry] = []
    for index, item in enumerate(_schedules(document.data)):
        try:
            schedule = _schedule(item, index, document, of_entries[index])
            valid.append(schedule)
            if only in (None, schedule.name):
                entries.append(_entry(schedule, index, document, jobs, taken))
        except ConfigError as error:
            entries.append(_broken(_name(item, index), index, document, error.diagnostics))
        except Exception as error:  # noqa: BLE001 - whatever it is, every other schedule is read
            line, column = document.place((*SCHEDULES, index))
            message = f"cannot be read: {type(error).__name__}: {error}"[:500]
            found = Diagnostic(document.file, line, column, dotted((*SCHEDULES, index)), message, "please report this")
            entries.append(_broken(_name(item, index), index, document, (found,)))
    orchestrator = settings.runner.orchestrator.model_copy(update={"schedules": tuple(valid)})
    runner = Runner(runner=settings.runner.model_copy(update={"orchestrator": orchestrator}))
    return RunnerFile(path, runner, tuple(entries), diagnostics)


def _schedule(item: Any, index: int, document: Document, problems: list[Diagnostic]) -> ScheduledJob:
    if problems:
        raise ConfigError(problems)
    try:
        return ScheduledJob.model_validate(item)
    except ValidationError as error:
        raise ConfigError(explain_all(error, document, ScheduledJob, (*SCHEDULES, index))) from error


def _entry(schedule: ScheduledJob, index: int, document: Document, jobs: JobFiles, taken: dict[str, str]) -> Entry:
    at: Path_ = (*SCHEDULES, index)
    runner_file, job_file = Path(document.file), jobs_folder(jobs.dags) / job_path(schedule.config)

    def broken(diagnostics: tuple[Diagnostic, ...]) -> Entry:
        return _broken(schedule.name, index, document, diagnostics, job_file)

    line, column = document.place((*at, "name"))
    here = f"{runner_file.name}:{line}"
    if (other := taken.setdefault(schedule.name, here)) != here:
        message, remedy = f"the name {schedule.name!r} is taken by {other}", "give each schedule its own name"
        return broken((Diagnostic(document.file, line, column, dotted((*at, "name")), message, remedy),))
    if not job_file.is_file():
        place = document.place((*at, "config"))
        there = sorted(str(path.relative_to(jobs.dags)) for path in job_file.parent.glob("*.yaml"))
        tenant = job_path(schedule.config).parts[0]
        write = f"write it with `medallion new job {job_file.stem} --tenant {tenant}`"
        remedy = f"there are: {', '.join(there)}; or {write}" if there else write
        return broken((Diagnostic(document.file, *place, dotted((*at, "config")), f"no job file {job_file}", remedy),))
    try:
        job, contracts = jobs.job(job_file)
        pipeline = build_pipeline(job, schedule.name, schedule, schedule.tags)
    except ConfigError as error:
        return broken(error.diagnostics)
    except ValidationError as error:  # what neither the schedule nor the job could know alone
        return broken((explain_whole(error, job_file),))
    return Entry(schedule.name, runner_file, line, index, job_file, PipelineFile(job_file, pipeline, contracts))


def _broken(
    name: str, index: int, document: Document, diagnostics: tuple[Diagnostic, ...], job_file: Path | None = None
) -> Entry:
    line = document.place((*SCHEDULES, index, "name"))[0]
    return Entry(name, Path(document.file), line, index, job_file, diagnostics=diagnostics)


def _problems(document: Document) -> tuple[dict[Path_, list[Diagnostic]], dict[int, list[Diagnostic]]]:
    """What is wrong with the YAML of the file's own settings, by place, and of its schedules, by index."""
    of_file: dict[Path_, list[Diagnostic]] = defaultdict(list)
    of_entries: dict[int, list[Diagnostic]] = defaultdict(list)
    for at, diagnostic in document.problems:
        index = at[len(SCHEDULES)] if at[: len(SCHEDULES)] == SCHEDULES and len(at) > len(SCHEDULES) else None
        if isinstance(index, int):
            of_entries[index].append(diagnostic)
        else:
            # A merge that fails may have brought any key of its mapping.
            of_file[at[:-1] if at[-1:] == ("<<",) else at].append(diagnostic)
    return of_file, of_entries


def _settings(document: Document, wrong: dict[Path_, list[Diagnostic]]) -> Runner | None:
    """The runner without schedules and without what is wrong in it; pydantic's diagnostics are added to `wrong`."""
    data = _without_schedules(document.data)
    try:
        runner: Runner | None = Runner.model_validate(data)
    except ValidationError as error:
        runner = None
        for item in error.errors():
            wrong[_left_out(tuple(item["loc"]), document)].append(explain(item, document, Runner))
    if any(place in DECISIVE for place in wrong):
        return None
    if wrong:
        for place in wrong:
            _leave_out(data, place)
        try:
            runner = Runner.model_validate(data)
        except ValidationError:
            runner = None
    return runner


def _leave_out(data: dict[str, Any], path: Path_) -> None:
    holder: Any = data
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        return
    wrong = holder.pop(path[-1], None)
    if path[:-1] == _TENANTS:
        if not isinstance(wrong, dict):  # not the name is wrong, as that of a mapping is
            holder[path[-1]] = dict.fromkeys(_LIMITS[2:], 1)
    elif path[-1] in _LIMITS:
        holder[path[-1]] = 1


def _left_out(path: Path_, document: Document) -> Path_:
    """The setting of the file to leave out for an error at a path."""
    while path not in document.places:  # a key that is missing, or a name that pydantic made up
        path = path[:-1]
    return path


def _orchestrator(data: dict[str, Any]) -> dict[str, Any]:
    runner = data.get("runner")
    orchestrator = runner.get("orchestrator") if isinstance(runner, dict) else None
    return orchestrator if isinstance(orchestrator, dict) else {}


def _schedules(data: dict[str, Any]) -> list[Any]:
    schedules = _orchestrator(data).get("schedules")
    return schedules if isinstance(schedules, list) else []


def _without_schedules(data: dict[str, Any]) -> dict[str, Any]:
    """A copy of a runner file's data; a list of schedules is left out, as each is validated on its own."""
    if not _schedules(data):
        return deepcopy(data)
    orchestrator = {key: value for key, value in _orchestrator(data).items() if key != "schedules"}
    return deepcopy({**data, "runner": {**data["runner"], "orchestrator": orchestrator}})


def _name(item: Any, index: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) and name else f"schedule {index + 1}"
