"""Everything that can be run from a DAG folder, by name: pipeline files and schedules of runner files alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.explain import explain_whole
from medallion.config.load_job import JobFiles, jobs_folder
from medallion.config.load_pipeline import PipelineFile, load_pipeline, pipeline_files
from medallion.config.load_runner import load_runners
from medallion.config.runner import build_pipeline
from medallion.config.schedule import Schedule
from medallion.config.yaml_loader import load


@dataclass(frozen=True)
class CatalogEntry:
    """A name, where it is written, and the pipeline that it is; or what is wrong with it."""

    name: str
    written_in: Path
    file: PipelineFile | None
    diagnostics: tuple[Diagnostic, ...] = ()
    orchestrator: str = "airflow"


def iter_pipelines(dags: Path) -> Iterator[CatalogEntry]:
    """Yield every pipeline of a DAG folder, then every schedule, wrong ones too."""
    for path in pipeline_files(dags):
        try:
            yield CatalogEntry(path.stem, path, load_pipeline(path))
        except ConfigError as error:
            yield CatalogEntry(path.stem, path, None, error.diagnostics)
    for runner_file in load_runners(dags):
        if runner_file.diagnostics:
            yield CatalogEntry(runner_file.path.stem, runner_file.path, None, runner_file.diagnostics)
        settings = runner_file.runner.runner if runner_file.runner else None
        orchestrator = settings.orchestrator.type if settings and settings.mode == "orchestrated" else "none"
        for entry in runner_file.entries:
            yield CatalogEntry(entry.name, runner_file.path, entry.file, entry.diagnostics, orchestrator)


def find(dags: Path, name: str, contract: Path | None = None) -> PipelineFile:
    """Return the pipeline of a name: a pipeline file, or else a schedule of a runner file; or that of a file.

    Args:
        dags: The DAG folder.
        name: The pipeline's or the schedule's name, or the path of a pipeline file or a job file.
        contract: A contract file to use instead of the one that it names.

    Raises:
        ConfigError: No pipeline has that name, or it is wrong.
    """
    given = Path(name)
    if given.suffix in (".yaml", ".yml"):
        return _find_file(dags, given if given.is_file() else dags / given, contract)
    path = dags / "pipelines" / f"{name}.yaml"
    if path.is_file():
        return load_pipeline(path, contract)
    runners = load_runners(dags, only=name)
    entries = [entry for runner in runners for entry in runner.entries if entry.name == name]
    for entry in entries:
        if entry.file is not None:
            return _under(entry.file, contract)
    if entries:
        raise ConfigError(entries[0].diagnostics)
    names = [file.stem for file in pipeline_files(dags)]
    names += [one.name for runner in runners if runner.runner for one in runner.runner.runner.orchestrator.schedules]
    remedy = f"there are: {', '.join(names)}" if names else f"{dags} holds no pipeline"
    raise ConfigError([Diagnostic(str(path), 1, 1, "", "no such pipeline", remedy)])


def _find_file(dags: Path, path: Path, contract: Path | None) -> PipelineFile:
    """A pipeline file, or a job as it runs without its schedule: under its file's name."""
    inside = jobs_folder(dags).resolve()
    if not path.resolve().is_relative_to(inside):
        return load_pipeline(path, contract)
    job, contracts = JobFiles(dags).job(jobs_folder(dags) / path.resolve().relative_to(inside))
    try:
        pipeline = build_pipeline(job, path.stem, Schedule(), {})
    except ValidationError as error:  # the name, or what the source lacks
        raise ConfigError([explain_whole(error, path)]) from error
    return _under(PipelineFile(path, pipeline, contracts), contract)


def _under(file: PipelineFile, contract: Path | None) -> PipelineFile:
    if contract is None:
        return file
    return replace(file, contracts=dict.fromkeys(file.contracts, load(contract, Contract)))
