"""A DAG folder with everything in it read once, for checks that compare its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medallion.spec.entries import RunnerFile, load_runners
from medallion.spec.findings import Finding, SpecError
from medallion.spec.jobs import job_files
from medallion.spec.project import PipelineFile, load_pipeline, pipeline_files


@dataclass(frozen=True)
class ReadPipeline:
    """A pipeline file: what it holds, or what is wrong with it."""

    path: Path
    file: PipelineFile | None
    findings: tuple[Finding, ...] = ()


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
        return tuple(sorted((self.path / "contracts").glob("*.yaml")))

    @cached_property
    def job_files(self) -> tuple[Path, ...]:
        """The job files, by path."""
        return tuple(job_files(self.path))

    def files(self) -> Iterator[PipelineFile]:
        """Yield every pipeline and every schedule that can be run."""
        yield from (pipeline.file for pipeline in self.pipelines if pipeline.file)
        yield from (entry.file for runner in self.runners for entry in runner.entries if entry.file)


def _read(path: Path) -> ReadPipeline:
    try:
        return ReadPipeline(path, load_pipeline(path))
    except SpecError as error:
        return ReadPipeline(path, None, error.findings)
