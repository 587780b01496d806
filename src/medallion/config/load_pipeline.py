"""A folder of pipelines and contracts, as git holds it: `pipelines/*.yaml` and `contracts/*.yaml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medallion.config.contract import Contract
from medallion.config.diagnostics import ConfigError, Diagnostic
from medallion.config.pipeline import Pipeline
from medallion.config.sources import check_key
from medallion.config.yaml_loader import at, load


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline with the contracts that it names."""

    path: Path
    pipeline: Pipeline
    contracts: Mapping[str, Contract]


def load_pipeline(path: Path, contract: Path | None = None) -> PipelineFile:
    """Read a pipeline file and its contracts, from `../contracts` next to it.

    Args:
        path: The pipeline file.
        contract: A contract file to use instead of the one that the pipeline names. Only for a
            pipeline of one source.

    Raises:
        ConfigError: Any of the files is missing or wrong.
    """
    pipeline = load(path, Pipeline)
    if path.stem != pipeline.name:
        message = f"the file is {path.name}, the pipeline {pipeline.name!r}"
        remedy = "give both the same name, so that no two pipelines share one"
        raise ConfigError([Diagnostic(str(path), 1, 1, "name", message, remedy)])
    here = path.parent
    if here.name in ("", ".."):  # from within the folder; `resolve` would follow links
        here = Path(os.path.abspath(here))  # noqa: PTH100
    folder = here.parent / "contracts"
    if contract is not None:
        if len(pipeline.sources) != 1:
            message = f"{pipeline.name} has {len(pipeline.sources)} sources; one contract cannot stand for all"
            raise ConfigError([Diagnostic(str(path), 1, 1, "sources", message, "leave --contract and --input out")])
        files = {pipeline.sources[0].contract: contract}
    else:
        files = {source.contract: folder / f"{source.contract}.yaml" for source in pipeline.sources}
    contracts = {name: load(file, Contract) for name, file in files.items()}
    for index, source in enumerate(pipeline.sources):
        if wrong := check_key(source, contracts[source.contract]):
            raise ConfigError([at(path, ("sources", index, "incremental"), *wrong)])
    return PipelineFile(path, pipeline, contracts)


def pipeline_files(dags: Path) -> list[Path]:
    """Return the pipeline files of a DAG folder, by name."""
    return sorted((dags / "pipelines").glob("*.yaml"))


def contract_files(dags: Path) -> list[Path]:
    """Return the contract files of a DAG folder, by name."""
    return sorted((dags / "contracts").glob("*.yaml"))
