"""Everything that can be run from a DAG folder, by name: pipeline files and schedules of runner files alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.load_pipeline import PipelineFile, load_pipeline, pipeline_files
from medallion.config.load_runner import load_runners
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
    """Every pipeline of a DAG folder, then every schedule, wrong ones too."""
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
    """The pipeline of a name: a pipeline file, or else a schedule of a runner file.

    Args:
        dags: The DAG folder.
        name: The pipeline's or the schedule's name.
        contract: A contract file to use instead of the one that it names.

    Raises:
        ConfigError: There is none of that name, or it is wrong.
    """
    path = dags / "pipelines" / f"{name}.yaml"
    if path.is_file():
        return load_pipeline(path, contract)
    runners = load_runners(dags, only=name)
    entries = [entry for runner in runners for entry in runner.entries if entry.name == name]
    for entry in entries:
        if entry.file is not None:
            if contract is None:
                return entry.file
            given = load(contract, Contract)
            return replace(entry.file, contracts=dict.fromkeys(entry.file.contracts, given))
    if entries:
        raise ConfigError(entries[0].diagnostics)
    names = [file.stem for file in pipeline_files(dags)]
    names += [one.name for runner in runners if runner.runner for one in runner.runner.runner.orchestrator.schedules]
    remedy = f"there are: {', '.join(names)}" if names else f"{dags} holds no pipeline"
    raise ConfigError([Diagnostic(str(path), 1, 1, "", "no such pipeline", remedy)])
