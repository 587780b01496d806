"""The schedules of a DAG folder's runner files, each read on its own: one that is wrong takes no other along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medallion.spec.findings import Finding, SpecError
from medallion.spec.jobs import JobFiles, jobs_folder
from medallion.spec.project import PipelineFile, pipeline_files
from medallion.spec.runner import Runner, ScheduledJob, job_path, pipeline_of
from medallion.spec.source import Document, Path_, finding_of, read

SCHEDULES: Path_ = ("runner", "orchestrator", "schedules")
DECISIVE = frozenset({SCHEDULES[:depth] for depth in range(4)} | {(*SCHEDULES[:1], "mode"), (*SCHEDULES[:2], "type")})
"""Keys that nobody may guess: if one of them is wrong, no schedule of the file is run."""


@dataclass(frozen=True)
class Entry:
    """One schedule of a runner file: a pipeline, or what is wrong with it."""

    name: str
    runner_file: Path
    line: int
    job_file: Path | None = None
    file: PipelineFile | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class RunnerFile:
    """A runner file: what could be read of it, and what is wrong with it as a whole.

    `runner` holds the valid schedules only, and defaults in place of settings that are wrong; it is None if
    the file cannot be used at all.
    """

    path: Path
    runner: Runner | None
    entries: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()

    def all_findings(self) -> Iterator[Finding]:
        """Everything that is wrong with the file, its schedules, their jobs and contracts."""
        yield from self.findings
        for entry in self.entries:
            yield from entry.findings


def runner_files(dags: Path) -> list[Path]:
    """The runner files of a DAG folder, by name."""
    return sorted(dags.glob("runner*.yaml"))


def load_runners(dags: Path, only: str | None = None) -> tuple[RunnerFile, ...]:
    """Reads every runner file of a DAG folder. What is wrong is in the result; nothing is raised.

    Args:
        dags: The DAG folder.
        only: Read the job of this schedule alone, as a worker does that runs one of its tasks.
    """
    jobs = JobFiles(dags)
    taken = {path.stem: f"the pipeline {path.name}" for path in pipeline_files(dags)}
    return tuple(load_runner(path, jobs, taken, only) for path in runner_files(dags))


def load_runner(path: Path, jobs: JobFiles, taken: dict[str, str], only: str | None = None) -> RunnerFile:
    """Reads one runner file. `taken` holds the names in use, and by whom; those of this file are added."""
    try:
        document = read(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        finding = Finding(str(path), 1, 1, "", f"is not UTF-8: {error}", "save it as UTF-8")
        return RunnerFile(path, None, findings=(finding,))
    except SpecError as error:
        return RunnerFile(path, None, findings=error.findings)
    runner, wrong = _validated(document)
    of_file = tuple(sorted({finding for at, found in wrong.items() if _index(at) is None for finding in found}))
    if runner is None:
        return RunnerFile(path, None, findings=of_file)
    bad = {number: found for at, found in wrong.items() if (number := _index(at)) is not None}
    good = iter(runner.runner.orchestrator.schedules)
    entries = []
    for index in range(len(_schedules(document.data))):
        at = (*SCHEDULES, index)
        if index in bad:
            entries.append(
                Entry(_name(document, index), path, document.places[at][0], findings=tuple(sorted(bad[index])))
            )
        elif (schedule := next(good)) and only in (None, schedule.name):
            entries.append(_entry(schedule, document, at, jobs, taken))
    return RunnerFile(path, runner, tuple(entries), of_file)


def _entry(schedule: ScheduledJob, document: Document, at: Path_, jobs: JobFiles, taken: dict[str, str]) -> Entry:
    line, column = document.places.get((*at, "name"), document.places[at])
    runner_file, job_file = Path(document.file), jobs_folder(jobs.dags) / job_path(schedule.config)
    here = f"{runner_file.name}:{line}"
    if (other := taken.setdefault(schedule.name, here)) != here:
        message, remedy = f"the name {schedule.name!r} is taken by {other}", "give each schedule its own name"
        finding = Finding(document.file, line, column, f"{_dotted(at)}.name", message, remedy)
        return Entry(schedule.name, runner_file, line, job_file, findings=(finding,))
    if not job_file.is_file():
        line_, column_ = document.places[(*at, "config")]
        there = sorted(str(path.relative_to(jobs.dags)) for path in job_file.parent.glob("*.yaml"))
        remedy = f"there are: {', '.join(there)}" if there else f"make it: medallion new job {schedule.name}"
        finding = Finding(document.file, line_, column_, f"{_dotted(at)}.config", f"no job file {job_file}", remedy)
        return Entry(schedule.name, runner_file, line, job_file, findings=(finding,))
    try:
        job, contracts = jobs.job(job_file)
    except SpecError as error:
        return Entry(schedule.name, runner_file, line, job_file, findings=error.findings)
    try:
        pipeline = pipeline_of(schedule, job)
    except ValidationError as error:  # what neither the schedule nor the job could know alone
        message, _, remedy = error.errors()[0]["msg"].removeprefix("Value error, ").partition(" — ")
        finding = Finding(str(job_file), 1, 1, "", message, remedy)
        return Entry(schedule.name, runner_file, line, job_file, findings=(finding,))
    return Entry(schedule.name, runner_file, line, job_file, PipelineFile(job_file, pipeline, contracts))


def _validated(document: Document) -> tuple[Runner | None, dict[Path_, list[Finding]]]:
    """The runner without what is wrong in it, and what is wrong, by the place that was left out."""
    wrong: dict[Path_, list[Finding]] = defaultdict(list)
    for path, finding in document.repeated.items():
        wrong[_left_out(path, document)].append(finding)
    data = document.data
    try:
        runner: Runner | None = Runner.model_validate(data)
    except ValidationError as error:
        runner = None
        for item in error.errors():
            wrong[_left_out(tuple(item["loc"]), document)].append(finding_of(item, document, Runner))
    if any(at in DECISIVE for at in wrong):
        return None, wrong
    if wrong:
        try:
            runner = Runner.model_validate(_without(data, wrong))
        except ValidationError:
            runner = None
    return runner, wrong


def _without(data: dict[str, Any], places: dict[Path_, list[Finding]]) -> dict[str, Any]:
    left = deepcopy(data)
    for path in sorted(places, key=lambda path: [str(part).rjust(9) for part in path], reverse=True):
        holder: Any = left
        for part in path[:-1]:
            holder = holder[part]
        if isinstance(holder, list):
            del holder[int(path[-1])]
        else:
            holder.pop(path[-1], None)
    return left


def _left_out(path: Path_, document: Document) -> Path_:
    """The place to leave out for an error at a path: a whole schedule, or a setting of the file."""
    if path[: len(SCHEDULES)] == SCHEDULES:
        return path[: len(SCHEDULES) + 1]
    while path not in document.places:  # a key that is missing, or a name that pydantic made up
        path = path[:-1]
    return path


def _index(path: Path_) -> int | None:
    """Which schedule a place is in."""
    inside = path[: len(SCHEDULES)] == SCHEDULES and len(path) > len(SCHEDULES)
    return int(path[len(SCHEDULES)]) if inside else None


def _schedules(data: dict[str, Any]) -> list[Any]:
    return data["runner"]["orchestrator"].get("schedules") or []


def _name(document: Document, index: int) -> str:
    item = _schedules(document.data)[index]
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else f"schedule {index + 1}"


def _dotted(path: Path_) -> str:
    return ".".join(str(part) for part in path)
