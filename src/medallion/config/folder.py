"""A DAG folder with everything in it read once, for checks that compare its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.document import Document
from medallion.config.explain import dotted
from medallion.config.job import Job
from medallion.config.load_job import JobFiles, job_files
from medallion.config.load_pipeline import PipelineFile, contract_files, load_pipeline, pipeline_files
from medallion.config.load_runner import SCHEDULES, RunnerFile, load_runners
from medallion.config.yaml_loader import read_file
from medallion.config.yaml_nodes import Path_


@dataclass(frozen=True)
class ReadPipeline:
    """A pipeline file: what it holds, or what is wrong with it."""

    path: Path
    file: PipelineFile | None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Runnable:
    """A pipeline or a schedule with its job, and where its times are written."""

    file: PipelineFile
    schedule_file: Path
    schedule_key: Path_

    @property
    def name(self) -> str:
        """The pipeline's or the schedule's name."""
        return self.file.pipeline.name

    def warn_of_schedule(self, key: str, message: str, remedy: str) -> Diagnostic:
        """Return a warning about a key of its schedule."""
        return _warning(self.schedule_file, (*self.schedule_key, key), message, remedy)

    def warn(self, key: Path_, message: str, remedy: str) -> Diagnostic:
        """Return a warning about a key of the pipeline or the job."""
        return _warning(self.file.path, key, message, remedy)


def _warning(path: Path, key: Path_, message: str, remedy: str) -> Diagnostic:
    place = _places(path, path.stat().st_mtime_ns).place(key)
    return Diagnostic(str(path), *place, dotted(key), message, remedy, "warning")


@dataclass(frozen=True)
class DagFolder:
    """The files of a DAG folder; each kind is read when first asked for."""

    path: Path

    @cached_property
    def pipelines(self) -> tuple[ReadPipeline, ...]:
        """The pipeline files, by name."""
        return tuple(_read(path) for path in pipeline_files(self.path))

    @cached_property
    def runners(self) -> tuple[RunnerFile, ...]:
        """The runner files with their schedules, by name."""
        return load_runners(self.path)

    @cached_property
    def contract_files(self) -> tuple[Path, ...]:
        """The contract files, by name."""
        return tuple(contract_files(self.path))

    @cached_property
    def job_files(self) -> tuple[Path, ...]:
        """The job files, by path."""
        return tuple(job_files(self.path))

    @cached_property
    def jobs(self) -> dict[Path, Job | ConfigError]:
        """The jobs, or what is wrong with them, by path."""
        files = JobFiles(self.path)
        return {path: _job(files, path) for path in self.job_files}

    @cached_property
    def runnables(self) -> tuple[Runnable, ...]:
        """Every pipeline and every schedule that can be run."""
        return (
            *(runnable_from_pipeline(pipeline.file) for pipeline in self.pipelines if pipeline.file),
            *(found for runner in self.runners for found in runnables_from_runner(runner)),
        )

    @property
    def is_whole(self) -> bool:
        """Whether every pipeline and job could be read, so that a contract that none of them names is unused."""
        return all(pipeline.file for pipeline in self.pipelines) and all(
            isinstance(job, Job) for job in self.jobs.values()
        )


def runnable_from_pipeline(file: PipelineFile) -> Runnable:
    """Return a pipeline file as something to run."""
    return Runnable(file, file.path, ("schedule",))


def runnables_from_runner(runner: RunnerFile) -> tuple[Runnable, ...]:
    """Return the schedules of a runner file that can be run."""
    return tuple(
        Runnable(entry.file, entry.runner_file, (*SCHEDULES, entry.index)) for entry in runner.entries if entry.file
    )


def _job(files: JobFiles, path: Path) -> Job | ConfigError:
    try:
        return files.job(path)[0]
    except ConfigError as error:
        return error


def _read(path: Path) -> ReadPipeline:
    try:
        return ReadPipeline(path, load_pipeline(path))
    except ConfigError as error:
        return ReadPipeline(path, None, error.diagnostics)


@lru_cache(maxsize=64)
def _places(path: Path, changed: int) -> Document:  # noqa: ARG001 - what is cached is what the file was at that time
    return read_file(path)
